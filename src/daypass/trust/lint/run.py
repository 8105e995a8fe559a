"""Lint a policy by every rule, and make the fixes that are safe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from daypass.errors import DaypassError
from daypass.trust.document import Policy
from daypass.trust.lint.model import Finding, Known, Severity
from daypass.trust.lint.rules import BY_CODE, RULES
from daypass.trust.lint.subject import lint_subject

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.trust.lint.model import LintSubject, Rule
    from daypass.trust.sources.found import FoundPolicy

_MAX_FIXES: Final = 100


@dataclass(frozen=True, slots=True)
class Located:
    """A finding, with its file, the role in it, line and column (from 1)."""

    finding: Finding
    file: str
    resource: str
    line: int
    column: int

    @property
    def rule(self) -> Rule:
        """The rule that found it."""
        return BY_CODE[self.finding.code]


@dataclass(frozen=True, slots=True)
class Fixed:
    """A document after the fixes: its text, and the codes of what was fixed, in order."""

    text: str
    codes: tuple[str, ...]


def lint(subject: LintSubject) -> list[Finding]:
    """Every finding of every rule, in the order of the document, the worst first."""
    found = [finding for rule in RULES for finding in rule.check(subject)]
    return sorted(found, key=lambda each: (each.statement or 0, -each.severity, each.code))


def lint_text(text: str, known: Known | None = None) -> list[Finding]:
    """Every finding about a policy's text."""
    return lint(lint_subject(text, known))


def lint_found(policies: Sequence[FoundPolicy], known: Known | None = None) -> list[Located]:
    """Every finding about the policies of one file.

    Args:
        policies: of the file.
        known: what the user says beside what the file says.
    """
    known = known or Known()
    located: list[Located] = []
    for found in policies:
        if not found.text:
            continue
        role = found.role if known.role is None else known.role
        twins = tuple(
            str(other.role.name or other.where.resource)
            for other in policies
            if other is not found and other.policy is not None and other.policy == found.policy
        )
        providers = (*(known.providers or ()), *(found.providers or ()))
        about = replace(known, role=role, providers=providers, twins=twins)
        for finding in lint_text(found.text, about):
            line, column = finding.place if finding.place and _own(found, finding) else found.position(finding.path)
            located.append(Located(finding, found.where.file, found.where.resource, line, column))
    return _once(located)


def fix(text: str, known: Known | None = None) -> Fixed:
    """The text after every fix that is safe.

    After each one the text is parsed and linted again. A fix stays only if its finding is gone and no new error came. A
    fix that is no repair must not let anybody in who could not enter before, which `diff` proves; a repair makes a dead
    statement live, as its author wrote it.
    """
    done: list[str] = []
    refused: set[tuple[str, tuple[str | int, ...], tuple[str, ...]]] = set()
    while len(done) < _MAX_FIXES:
        subject = lint_subject(text, known)
        findings = lint(subject)
        for finding in findings:
            name = (finding.code, finding.path, finding.found)
            rule = BY_CODE[finding.code]
            if rule.fix is None or name in refused:
                continue
            edited = rule.fix(subject, finding)
            if edited is not None and _is_safe(text, edited, rule, findings, known):
                done.append(finding.code)
                text = edited
                break
            refused.add(name)
        else:
            break
    return Fixed(text, tuple(done))


def _is_safe(old: str, new: str, rule: Rule, before: Sequence[Finding], known: Known | None) -> bool:
    after = lint_text(new, known)
    if rule.code == "DP001":
        return True  # nothing was known of a text that is not JSON, and nobody could enter by it
    if _count(after, rule.code) >= _count(before, rule.code) or not _errors(after) <= _errors(before):
        return False
    if rule.repairs:
        return True
    from daypass.trust.diff import Verdict, diff  # noqa: PLC0415 - only fixes need it

    try:
        verdict = diff(Policy.parse(old), Policy.parse(new)).verdict
    except DaypassError:
        return False
    return verdict in {Verdict.EQUIVALENT, Verdict.NARROWER}


def _errors(findings: Sequence[Finding]) -> set[str]:
    return {finding.code for finding in findings if finding.severity is Severity.ERROR}


def _count(findings: Sequence[Finding], code: str) -> int:
    return sum(finding.code == code for finding in findings)


def _own(found: FoundPolicy, finding: Finding) -> bool:
    """Whether the finding's place is one of the file: of the file's provider, or of a policy that is the file."""
    return found.whole_file or finding.code in {"DP044", "DP045"}


def _once(located: Sequence[Located]) -> list[Located]:
    """Each finding about a provider once, though each role of the file has it."""
    seen: set[tuple[str, int, int, str]] = set()
    kept = []
    for each in located:
        name = (each.finding.code, each.line, each.column, each.finding.message)
        if each.finding.code not in {"DP044", "DP045"} or name not in seen:
            kept.append(each)
        seen.add(name)
    return kept
