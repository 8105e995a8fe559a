"""From facts to a diagnosis. Pure: the same facts give the same findings, here and elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daypass.doctor.checks import CHECKS
from daypass.doctor.finding import Finding, Severity

if TYPE_CHECKING:
    from daypass.doctor.facts import Facts, Verdict


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


def judge(facts: Facts) -> Diagnosis:
    """Every finding of every check."""
    findings = [
        Finding(
            code=check.code,
            severity=check.severity,
            title=check.title,
            seen=seen.text,
            why=check.why,
            remedy=seen.remedy or check.remedy,
            link=check.link,
            where=seen.where,
        )
        for check in CHECKS
        for seen in check.look(facts)
    ]
    findings.sort(key=lambda each: -each.severity)
    return Diagnosis(tuple(dict.fromkeys(findings)), facts.verdict)
