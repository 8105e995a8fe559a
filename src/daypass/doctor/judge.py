"""From facts to a diagnosis. Pure: the same facts give the same findings, here and elsewhere."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from daypass.doctor.checks import CHECKS
from daypass.doctor.checks.rest import REFUSES
from daypass.doctor.finding import Finding, Severity

if TYPE_CHECKING:
    from daypass.doctor.facts import Facts, Verdict
    from daypass.doctor.finding import Check, Seen

_LONGEST_SEEN: Final = 1500
_LONGEST_PLACE: Final = 500


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong, and what STS would say.

    Attributes:
        findings: the worst first, and in the order of the way a token takes.
        verdict: the engine's; None where neither token nor keys were asked.
        healthy: whether there are no findings at all.
    """

    findings: tuple[Finding, ...]
    verdict: Verdict | None

    @property
    def healthy(self) -> bool:
        """No finding, of any severity."""
        return not self.findings

    def at_least(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings that are at least this bad."""
        return tuple(each for each in self.findings if each.severity >= severity)

    def to_json(self) -> dict[str, Any]:
        """As plain values; the schema is stable."""
        return {
            "healthy": self.healthy,
            "findings": [each.to_json() for each in self.findings],
            "verdict": None if self.verdict is None else asdict(self.verdict),
        }


def was_answered(facts: Facts) -> bool:
    """Whether enough was found out to speak of health: nothing wrong in nothing is not healthy."""
    if any(host.unknown for host in facts.hosts):
        return False
    return facts.fetch is not None or (facts.verdict is not None and facts.verdict.allowed is not None)


def judge(facts: Facts) -> Diagnosis:
    """Every finding of every check."""
    found = [_finding(check, seen) for check in CHECKS if check is not REFUSES for seen in check.look(facts)]
    if not any(each.severity is Severity.ERROR for each in found):
        found += [_finding(REFUSES, seen) for seen in REFUSES.look(facts)]
    found.sort(key=lambda each: -each.severity)
    return Diagnosis(tuple(dict.fromkeys(found)), facts.verdict)


def _finding(check: Check, seen: Seen) -> Finding:
    return Finding(
        code=check.code,
        severity=check.severity,
        title=check.title,
        seen=_short(seen.text, _LONGEST_SEEN),
        why=check.why,
        remedy=_short(seen.remedy or check.remedy, _LONGEST_SEEN),
        link=check.link,
        where=_short(seen.where, _LONGEST_PLACE),
    )


def _short(text: str, most: int) -> str:
    """What is seen may be a stranger's name of ninety thousand characters."""
    return text if len(text) <= most else text[: most - 1] + "\u2026"
