"""What is left: STS says no, and no other check knows why. A no is never passed off as health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import sources
from daypass.doctor.finding import Check, Seen, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.doctor.facts import Facts


def _refuses(facts: Facts) -> Iterator[Seen]:
    verdict, fetch = facts.verdict, facts.fetch
    if any(host.unknown for host in facts.hosts):
        return
    if verdict is not None and verdict.allowed is False:
        yield Seen(f"{verdict.code}: {verdict.message} ({verdict.detail})", "token")
    elif fetch is not None and fetch.fault is not None:
        yield Seen(fetch.fault, str(facts.issuer))


REFUSES: Final = Check(
    "sts_refuses",
    Severity.ERROR,
    "STS refuses, for a reason that no other check names",
    "The engine that decides as STS does says no to what was found.",
    "Read the reason; if it should have been found by a check of its own, please report it.",
    sources.STS_API,
    _refuses,
)
"""Asked last, and only when no other check found an error."""
