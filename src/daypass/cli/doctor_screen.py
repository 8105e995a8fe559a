"""What `daypass doctor` shows: what is being asked while it is asked, then the findings, the verdict, the next step."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Final

from daypass.cli.output import line, safe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console
    from rich.table import Table

    from daypass.doctor.examine import Progress
    from daypass.doctor.facts import Facts, Verdict
    from daypass.doctor.finding import Finding, Severity
    from daypass.doctor.judge import Diagnosis

_WIDEST: Final = 110
_PROBE_WIDTH: Final = 30
_COLOURS: Final = {"error": "red", "warning": "yellow", "note": "cyan"}
_MARKS: Final = {"error": ("✖", "x"), "warning": ("▲", "!"), "note": ("●", "-")}


@contextlib.contextmanager
def watching(*, quiet: bool) -> Iterator[Callable[[Progress], object]]:
    """Show, on a terminal, which probes run; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn
    from rich.table import Column
    from rich.text import Text

    bars = Bars(
        SpinnerColumn(finished_text=Text("✓", style="green")),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, min_width=_PROBE_WIDTH)),
        TextColumn(
            "{task.fields[detail]}",
            markup=False,
            style="dim",
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
        console=Console(stderr=True),
        expand=True,
        transient=True,
    )
    tasks = {}

    def tell(progress: Progress) -> None:
        if not progress.done:
            tasks[progress.probe] = bars.add_task(safe(progress.probe), total=1, detail="")
        else:
            bars.update(tasks[progress.probe], completed=1, detail=safe(progress.detail))

    with bars:
        yield tell


def show(facts: Facts, diagnosis: Diagnosis) -> None:
    """Print a diagnosis for a person to standard output."""
    from rich.console import Console

    console = Console(highlight=False)
    console.width = min(console.width, _WIDEST) if console.is_terminal else _WIDEST
    if console.is_terminal:
        draw(console, facts, diagnosis)
        return
    with console.capture() as drawn:
        draw(console, facts, diagnosis)
    for text in drawn.get().splitlines():
        line(text.rstrip())  # rich fills its tables up with blanks


def draw(console: Console, facts: Facts, diagnosis: Diagnosis) -> None:
    """Draw a diagnosis: whom it is about, the findings by severity, the verdict and the next step."""
    from rich.text import Text

    console.print(_about(facts))
    for severity, findings in _grouped(diagnosis.findings):
        console.print()
        console.print(Text(_heading(severity, len(findings)), style=f"bold {_COLOURS[severity.word]}"))
        for each in _merged(findings):
            _finding(console, each)
    console.print()
    _verdict(console, facts, diagnosis)


def _about(facts: Facts) -> Table:
    from datetime import UTC

    from rich.table import Table
    from rich.text import Text

    from daypass.doctor.facts import HERE

    rows = [("issuer", facts.issuer or "none")]
    if facts.token is not None and facts.token.whose:
        rows.append(("token", facts.token.whose))
    if facts.account is not None:
        rows.append(("role", facts.account.role_arn or "of the policy file"))
    if facts.from_where != HERE:
        when = f"{facts.examined_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        rows.append(
            ("from", f"{facts.from_where}, of {when}. Nobody was asked now, and who had it may have changed it.")
        )
    if facts.fetch is not None:
        keys = "1 key" if facts.fetch.keys == 1 else f"{facts.fetch.keys} keys"
        fetched = f"{keys} in {facts.fetch.seconds:.2f} s" if facts.fetch.fault is None else "not to be had"
        rows.append(("keys", fetched))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, Text(safe(value)))
    return table


def _grouped(findings: Sequence[Finding]) -> Iterator[tuple[Severity, list[Finding]]]:
    for severity in sorted({each.severity for each in findings}, reverse=True):
        yield severity, [each for each in findings if each.severity is severity]


def _heading(severity: Severity, number: int) -> str:
    return f"{number} {severity.word}" + ("" if number == 1 else "s")


def _merged(findings: Sequence[Finding]) -> Iterator[list[Finding]]:
    """Findings of one check together: why and remedy are told once."""
    codes = dict.fromkeys((each.code, each.remedy) for each in findings)
    for code in codes:
        yield [each for each in findings if (each.code, each.remedy) == code]


def _finding(console: Console, same: Sequence[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    first = same[0]
    colour = _COLOURS[first.severity.word]
    mark = _MARKS[first.severity.word][console.encoding.lower() not in ("utf-8", "utf8")]
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for each in same:
        seen = Text(safe(each.seen))
        seen.append(f"  [{safe(each.where)}]", style="dim")
        table.add_row("", "seen", seen)
    table.add_row("", "why", Text(safe(first.why)))
    table.add_row("", "mend", Text(safe(first.remedy), style="green"))
    console.print()
    console.print(Text.assemble((f"{mark} ", colour), (first.title, "bold"), (f"  {first.code}", f"dim {colour}")))
    console.print(table)


def _verdict(console: Console, facts: Facts, diagnosis: Diagnosis) -> None:
    from rich.text import Text

    sentence, colour = verdict_sentence(facts, diagnosis)
    console.print(Text(safe(sentence), style=f"bold {colour}"))
    verdict = diagnosis.verdict
    if verdict is not None and verdict.allowed is not None and verdict.assumed:
        console.print(Text(f"Taken as right, because nobody told: {_assumed(verdict)}.", style="dim"))
    for text in ("" if verdict is None else verdict.words or "").splitlines()[1:]:
        console.print(Text(f"  {safe(text)}".rstrip(), style="dim"))
    if diagnosis.findings:
        console.print(Text.assemble(("Next: ", "bold"), safe(diagnosis.findings[0].remedy)))


_ASSUMED: Final = {"provider": "the provider", "client_ids": "its client ids", "trust_policy": "the trust policy"}


def _assumed(verdict: Verdict) -> str:
    return ", ".join(_ASSUMED[each] for each in verdict.assumed)


def verdict_sentence(facts: Facts, diagnosis: Diagnosis) -> tuple[str, str]:
    """The verdict in one sentence, and its colour."""
    from daypass.doctor.judge import was_answered

    verdict = diagnosis.verdict
    if verdict is not None and verdict.allowed:
        return "STS would let this token in.", "green"
    if verdict is not None and verdict.allowed is False:
        return f"STS would refuse this token: {verdict.code} ({verdict.http_status}), {verdict.message}", "red"
    if facts.fetch is not None and facts.fetch.fault is not None:
        if not was_answered(facts):
            return "Whether AWS can verify tokens of this issuer could not be found out from here.", "yellow"
        return "AWS could not verify any token of this issuer.", "red"
    if diagnosis.healthy and was_answered(facts):
        return "This issuer is healthy: AWS can verify its tokens.", "green"
    if facts.fetch is not None:
        return "AWS can fetch the keys of this issuer.", "yellow"
    return "What STS would answer cannot be told.", "yellow"
