"""Plans on a terminal: what changes, the line differences of policies, and the verdict in words."""

from __future__ import annotations

import difflib
import json
import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from daypass.aws.provisioning.apply import Step
from daypass.aws.provisioning.changes import ADDING, CREATING, REMOVING, Change, Kind, Plan
from daypass.aws.provisioning.same import normal
from daypass.cli.output import safe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from daypass.aws.provisioning.accounts import Outcome
    from daypass.aws.provisioning.apply import Progress
    from daypass.trust.diff import Difference

_MARKS: Final = {"+": "green", "-": "red", "~": "yellow", "=": "dim", "!": "bold red"}


def console(stream: TextIO | None = None) -> Console:
    """A console for results: coloured on a terminal only, and never wrapping what a program may read."""
    stream = stream or sys.stdout
    return Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True)


def show_plan(plan: Plan, way: str, to: Console) -> None:
    """Print a plan."""
    to.print(Text.assemble(("Account ", "bold"), (plan.account, "bold"), (f"  {safe(way)}, stack {plan.stack}", "dim")))
    shown: str | None = None
    for change in plan.changes:
        if change.resource != shown:
            _head(to, _mark(change), change.resource)
            shown = change.resource
        _show_change(change, to)
    for blocked in plan.blocked:
        _head(to, "!", blocked.resource)
        to.print(Text(f"      {safe(blocked.reason)}", "red"))
        to.print(Text(f"      {safe(blocked.advice)}"))
    for arn in plan.unchanged:
        _head(to, "=", arn, "  nothing to do")
    for role, notes in plan.notes.items():
        for note in notes:
            to.print(Text.assemble(("  note  ", "cyan"), f"{safe(role)}: {safe(note)}"))
    style = "bold green" if plan.empty else "bold red" if plan.blocked or plan.wider else "bold"
    to.print(Text.assemble(("Plan: ", "bold"), (plan.summary(), style)))


def show_summary(outcomes: Sequence[Outcome[Plan]], words: Sequence[str], to: Console) -> None:
    """Print a line for each of several accounts."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Account", "By", "Result"):
        table.add_column(title, overflow="fold")
    for outcome, said in zip(outcomes, words, strict=True):
        style = "green" if outcome.error is None else "red"
        table.add_row(Text(outcome.account or "?"), Text(safe(str(outcome.way))), Text(safe(said), style))
    to.print()
    to.print(table, soft_wrap=False)


def show_progress(event: Progress, to: Console) -> None:
    """Print one step of what is being done."""
    if event.change is None:
        to.print(Text(f"{event.account}  somebody else changed the same things; planning again", "yellow"))
        return
    marks = {Step.DONE: ("✓", "green"), Step.FAILED: ("✗", "red"), Step.WAITING: ("…", "yellow")}
    if event.step in marks:
        mark, style = marks[event.step]
        waiting = " (AWS does not know it everywhere yet)" if event.step is Step.WAITING else ""
        words = f"{short(event.change.resource)}: {safe(event.change.words)}{waiting}"
        to.print(Text.assemble(f"{event.account}  ", (mark, style), f" {event.number}/{event.of}  {words}"))


def short(arn: str) -> str:
    """An ARN as `role name` or `provider host`."""
    kind, _, name = arn.split(":", 5)[-1].partition("/")
    return safe(f"{'provider' if kind == 'oidc-provider' else kind} {name}")


def _mark(change: Change) -> str:
    if change.kind in CREATING:
        return "+"
    return "-" if change.kind in {Kind.DELETE_ROLE, Kind.DELETE_PROVIDER} else "~"


def _head(to: Console, mark: str, arn: str, more: str = "") -> None:
    style = _MARKS[mark]
    to.print(Text.assemble("  ", (mark, style), " ", (short(arn), "bold" if mark != "=" else "dim"), (more, "dim")))


def _show_change(change: Change, to: Console) -> None:
    if change.kind in {Kind.TAG, Kind.UNTAG}:
        style = "dim"
    else:
        style = "green" if change.kind in ADDING else "red" if change.kind in REMOVING else "yellow"
    to.print(Text(f"      {safe(change.words)}", style))
    for line in _lines(change.before, change.after):
        color = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
        to.print(Text(f"        {safe(line)}", color))
    if change.difference is not None:
        for line in verdict(change.difference):
            to.print(Text(f"        {safe(line)}", "italic"))
    if change.wider is not None:
        to.print(Text(f"      wider: {safe(change.wider)}", "bold red"))


def verdict(
    difference: Difference, wider: str = "would get in", narrower: str = "would get in no more"
) -> Iterator[str]:
    """What the comparison of trust policies came to, with a caller for each direction that only one of them admits."""
    yield f"verdict: {difference.verdict.value}"
    for found, about in ((difference.wider, wider), (difference.narrower, narrower)):
        if found is None:
            continue
        request = found.request
        issuer = request.principal.value.partition(":oidc-provider/")[2]
        told = {
            key: values for key, values in request.context.values.items() if issuer and key.startswith(f"{issuer}:")
        }
        who = f"a token of {issuer}" if issuer else request.principal.value
        yield f"{about}, for example: {who}"
        for key, values in sorted((told or request.context.values).items()):
            yield f"  {key} = {' | '.join(values)}"


def _lines(before: str | None, after: str | None) -> Iterator[str]:
    """The lines in which two policies differ, in one form, with a line of what is around them."""
    if after is None:
        return
    new = _formed(after) if before is not None else after.splitlines()
    old = [] if before is None else _formed(before)
    for line in difflib.unified_diff(old, new, n=1, lineterm=""):
        if not line.startswith(("---", "+++", "@@")):
            yield line


def _formed(text: str) -> list[str]:
    try:
        return json.dumps(normal(json.loads(text)), indent=2).splitlines()
    except ValueError:
        return text.splitlines()
