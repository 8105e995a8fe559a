"""A job in every account, told in full: plans, what was made, what failed, and one exit status for all."""

from __future__ import annotations

import contextlib
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from daypass.aws.provisioning.accounts import in_each
from daypass.aws.provisioning.apply import Patience
from daypass.cli import output
from daypass.cli.aws import show
from daypass.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from daypass.aws.provisioning.accounts import Account, Outcome
    from daypass.aws.provisioning.apply import Progress
    from daypass.aws.provisioning.changes import Plan
    from daypass.aws.provisioning.desired import AccountWay
    from daypass.errors import DaypassError

T = TypeVar("T")

DONE: Final = 0
REFUSED: Final = 1
UNKNOWN: Final = 3
READING: Final = "reading what is there"
PENDING: Final = 4
"""`--detailed-exitcode`: there are changes to make. Terraform's 2 is taken: it says wrong usage here."""


_TOLD: Final = ("action", "resource", "aws_code", "done", "failed", "left", "resources", "reasons")


@dataclass(slots=True)
class Interruptions:
    """Whether somebody asked to stop, and the exit status that says so: 130 for Ctrl-C, 143 for SIGTERM."""

    event: threading.Event = field(default_factory=threading.Event)
    status: int = 0

    def stop(self, status: int) -> None:
        """Let what is under way end after its current call."""
        self.status = self.status or status
        self.event.set()

    def patience(self) -> Patience:
        """Real time, whose sleep ends when somebody asks to stop."""
        return Patience(time.monotonic, lambda seconds: (self.event.wait(seconds), None)[1], random.random)


def each(
    ways: Sequence[AccountWay], work: Callable[[Account], T], interruptions: Interruptions, *, doing: str | None = None
) -> list[Outcome[T]]:
    """Do some work in each account. On a terminal `doing` is shown meanwhile, with how many accounts are done."""
    with _shown(doing, len(ways)) as ended:
        return in_each(ways, work, stop=interruptions.stop, ended=ended)


@contextlib.contextmanager
def _shown(doing: str | None, total: int) -> Iterator[Callable[[], None]]:
    if doing is None or not sys.stderr.isatty():
        yield lambda: None
        return
    of = f" in {total} accounts" if total > 1 else ""
    count, lock = 0, threading.Lock()
    with show.console(sys.stderr).status(f"{doing}{of} …") as status:

        def ended() -> None:
            nonlocal count
            with lock:
                count += 1
                if total > 1:
                    status.update(f"{doing}{of}: {count} done …")

        yield ended


def told() -> Callable[[Progress], None]:
    """Where progress is told: standard error, one event at a time; also in a job's log, which is no terminal."""
    to, lock = show.console(sys.stderr), threading.Lock()

    def tell(event: Progress) -> None:
        with lock:
            show.show_progress(event, to)

    return tell


def status_of(errors: Sequence[DaypassError | None]) -> int:
    """One exit status for all: not knowing goes before a refusal."""
    found = [error for error in errors if error is not None]
    if not found:
        return DONE
    return REFUSED if all(isinstance(error, Refused) for error in found) else UNKNOWN


def error_json(error: DaypassError | None) -> dict[str, Any] | None:
    """An error as plain values: its code, words and what was done before it."""
    if error is None:
        return None
    facts: dict[str, Any] = {name: error.facts[name] for name in _TOLD if name in error.facts}
    return {"code": error.code, "message": error.message, "advice": error.advice, **facts}


def tell_errors(outcomes: Sequence[Outcome[Any]]) -> None:
    """Print what went wrong, account by account, with what was done before it."""
    for outcome in outcomes:
        if outcome.error is None:
            continue
        output.note(f"daypass: {outcome.account or outcome.way}: {outcome.error.message}")
        for line in (outcome.error.advice or "").splitlines():
            output.note(line)
        for word, names in (("made", "done"), ("not made", "left")):
            for change in _listed(outcome.error.facts.get(names)):
                output.note(f"  {word}: {change}")
        failed = outcome.error.facts.get("failed")
        if failed:
            output.note(f"  failed: {failed}")


def plans_json(outcomes: Sequence[Outcome[Plan]], **more: object) -> dict[str, Any]:
    """Plans of all accounts as plain values."""
    return {
        **more,
        "accounts": [
            {
                "account": outcome.account,
                "by": str(outcome.way),
                "plan": None if outcome.result is None else outcome.result.to_json(),
                "error": error_json(outcome.error),
            }
            for outcome in outcomes
        ],
    }


def _listed(found: object) -> list[str]:
    return [str(each) for each in found] if isinstance(found, list) else []
