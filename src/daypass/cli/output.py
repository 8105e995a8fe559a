"""What commands print: results to standard output, messages to standard error, nothing that a terminal would obey."""

from __future__ import annotations

import json
import os
import sys

from daypass import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final, TextIO

    from daypass.errors import DaypassError

_COLOURS: Final = (
    ("allowed:", "\x1b[32m"),
    ("denied:", "\x1b[31m"),
    ("why:", "\x1b[31m"),
    ("next:", "\x1b[1m"),
    ("this token should not be allowed:", "\x1b[31m"),
    ("no edit of this policy is proposed:", "\x1b[33m"),
    ("if it should get in, the smallest safe edit:", "\x1b[1m"),
    ("caution:", "\x1b[33m"),
)
"""What a line of an explanation begins with, and what a terminal shows it in: red, green, yellow, bold."""
_PLAIN: Final = "\x1b[0m"


def safe(text: str) -> str:
    r"""The text with everything that moves a cursor, changes a colour or turns the direction written as `\x1b`.

    Names come from tenants and services, and a terminal obeys what it is sent.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def line(text: str = "", *, explains: bool = False) -> None:
    """Print one line of a result. One that `explains` begins in colour on a terminal."""
    _write(sys.stdout, text, explains=explains)


def note(text: str, *, explains: bool = False) -> None:
    """Print one line for people, to standard error. Where nobody can hear it, the exit status has to do.

    On a terminal sentences are broken between words. What is indented is a value or a command, and stays as it is.
    """
    try:
        for part in _fitted(text, sys.stderr):
            _write(sys.stderr, part, explains=explains)
        sys.stderr.flush()
    except OSError:
        files.lead_nowhere(sys.stderr.fileno())


def open_closed_streams() -> None:
    """Give standard streams that are closed a descriptor again, before a file of ours takes their number.

    A result for a closed standard output fails to be written, as it should; messages for nobody go nowhere.
    """
    for number, flags in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is taken, and those below this one are open.
            os.open(os.devnull, flags)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - as Python's own
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115


def as_json(value: object) -> None:
    """Print a result for programs: JSON, ASCII only, so nothing in it reaches a terminal raw."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def compact(value: object) -> str:
    """A value as JSON in one line, ASCII only."""
    return json.dumps(value)


def error(problem: DaypassError) -> None:
    """Print why a command did not do what it was asked: the message, then the next step, in one or more lines."""
    note(f"daypass: {problem.message}")
    for text in (problem.advice or "").split("\n"):
        if text:
            note(text)
    if request_id := problem.facts.get("request_id"):
        note(f"request id: {request_id}")


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under titles, aligned; on a pipe without titles and with one tab between fields."""
    cells = [[safe(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in cells:
            line("\t".join(row))
        return
    cells.insert(0, [title.upper() for title in titles])
    widths = [max(len(row[column]) for row in cells) for column in range(len(titles))]
    for row in cells:
        line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def fields(values: Mapping[str, str]) -> None:
    """Print one thing: a line per field, names aligned."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        line(f"{name.ljust(width)}  {safe(value)}")


def _fitted(text: str, stream: TextIO) -> list[str]:
    """A sentence as the lines that a terminal has room for."""
    number = text[: len(text) - len(text.lstrip(" 0123456789."))]  # of an item of a list: "  12. "
    indent = len(number) if number.endswith(". ") else 0
    if not stream.isatty() or (text.startswith(" ") and not indent):
        return [text]
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return [text]
    if not 40 <= columns < len(text):
        return [text]
    import textwrap

    return textwrap.wrap(text, columns, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)


def _write(stream: TextIO, text: str, *, explains: bool = False) -> None:
    begin = next((pair for pair in _COLOURS if text.startswith(pair[0])), None) if explains else None
    if begin is not None and stream.isatty() and not os.environ.get("NO_COLOR"):  # no-color.org
        stream.write(f"{begin[1]}{begin[0]}{_PLAIN}")
        text = text[len(begin[0]) :]
    stream.write("\t".join(map(safe, text.split("\t"))) + "\n")
