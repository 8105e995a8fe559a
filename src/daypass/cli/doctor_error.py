"""`daypass doctor --from-error`: a printed sentence, what it means, and which of its causes are so."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from daypass.cli.output import as_json, line, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from daypass.doctor.facts import Facts
    from daypass.doctor.from_error import Recognised, Unknown, Weighed
    from daypass.doctor.judge import Diagnosis

_SCHEMA: Final = "daypass-doctor-error/1"
_STYLES: Final = {"found": ("✖", "x", "red"), "open": ("?", "?", "yellow"), "not found": ("✓", "-", "dim")}
_WIDEST: Final = 110
_PIECE: Final = 1 << 16


def read(given: str) -> str:
    """The sentence: `given` itself, or for `-` standard input, of which only the end is kept. Any bytes will do."""
    from daypass.doctor.from_error import MAX_CHARACTERS

    if given != "-":
        return given
    end = b""
    while more := sys.stdin.buffer.read(_PIECE):
        end = (end + more)[-4 * MAX_CHARACTERS :]  # a character has four bytes at most
    return end.decode("utf-8", "replace")


def show(found: Recognised | Unknown, facts: Facts | None, diagnosis: Diagnosis | None, *, in_json: bool) -> None:
    """Print which error it is, and its causes: as JSON, or for a person.

    Args:
        found: what the sentence was taken for.
        facts: of the examination; None where there was nothing to examine.
        diagnosis: what it came to.
        in_json: whether a program reads it.
    """
    from daypass.doctor.from_error import Recognised, weigh

    causes = weigh(found, facts, diagnosis) if isinstance(found, Recognised) else ()
    if in_json:
        as_json(_plain(found, causes, facts, diagnosis))
        return
    from rich.console import Console

    console = Console(highlight=False)
    console.width = min(console.width, _WIDEST) if console.is_terminal else _WIDEST
    if console.is_terminal:
        draw(console, found, causes, examined=diagnosis is not None)
        return
    with console.capture() as drawn:
        draw(console, found, causes, examined=diagnosis is not None)
    for text in drawn.get().splitlines():
        line(text.rstrip())


def draw(console: Console, found: Recognised | Unknown, causes: Sequence[Weighed], *, examined: bool) -> None:
    """Draw it."""
    from rich.table import Table
    from rich.text import Text

    from daypass.doctor.from_error import Unknown
    from daypass.doctor.known_errors import plain_link

    if isinstance(found, Unknown):
        console.print(Text("This sentence is not known here.", style="bold yellow"))
        for near in found.nearest:
            console.print(Text.assemble("  like it: ", (near.title, "bold"), (f"  {plain_link(near.link)}", "dim")))
        return
    console.print(Text(found.error.title, style="bold"))
    console.print(Text(found.error.meaning))
    told = "  ".join(f"{name}: {safe(value)}" for name, value in found.said.items() if value)
    if told:
        console.print(Text(told, style="dim"))
    ascii_only = console.encoding.lower() not in ("utf-8", "utf8")
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(width=9)
    table.add_column(overflow="fold")
    for each in causes:
        mark, plain, colour = _STYLES[each.standing]
        codes = f"  [{', '.join(each.codes)}]" if each.codes else ""
        why = Text(each.cause.why, style="dim" if colour == "dim" else "").append(codes, style="dim")
        table.add_row(Text(plain if ascii_only else mark, style=colour), Text(each.standing, style=colour), why)
        if colour != "dim":
            table.add_row("", "", Text(each.cause.remedy, style="green"))
    console.print()
    console.print(table)
    if not examined:
        console.print()
        console.print(Text("To have them tested name the issuer, and a token and the role if you can.", style="dim"))
    console.print(Text(f"More: {plain_link(found.error.link)}", style="dim"))


def _plain(
    found: Recognised | Unknown, causes: Sequence[Weighed], facts: Facts | None, diagnosis: Diagnosis | None
) -> dict[str, object]:
    from daypass.doctor.from_error import Unknown

    if isinstance(found, Unknown):
        nearest = [{"id": each.id, "title": each.title, "link": each.link} for each in found.nearest]
        return {"schema": _SCHEMA, "error": None, "nearest": nearest}
    return {
        "schema": _SCHEMA,
        "error": found.error.id,
        "title": found.error.title,
        "meaning": found.error.meaning,
        "link": found.error.link,
        "said": dict(found.said),
        "causes": [
            {
                "why": each.cause.why,
                "remedy": each.cause.remedy,
                "standing": each.standing.replace(" ", "_"),
                "codes": list(each.codes),
            }
            for each in causes
        ],
        "diagnosis": None if diagnosis is None else diagnosis.to_json(),
        "facts": None if facts is None else facts.to_json(),
    }
