"""Findings for those who read them: a terminal, programs, SARIF viewers, GitLab and GitHub.

Sources: OASIS SARIF 2.1.0; GitLab documentation, "Code Quality report format"; GitHub documentation, "Workflow commands
for GitHub Actions".
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from daypass.trust.lint.model import Severity
from daypass.trust.lint.rules import RULES
from daypass.trust.unknown import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daypass.trust.lint.model import Rule
    from daypass.trust.lint.run import Located
    from daypass.trust.witness import Witness

_SARIF_LEVEL: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_GITHUB_COMMAND: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_GITLAB_SEVERITY: Final = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.NOTE: "info"}
_INDEX: Final = {rule.code: index for index, rule in enumerate(RULES)}


def message(each: Located) -> str:
    """What was found, in a sentence; values that are not known in braces."""
    return shown(each.finding.message)


def _sentences(each: Located, between: str) -> str:
    """What was found, who gets in, and what to do, for reports that have one text."""
    witness = each.finding.witness
    shown_witness = [] if witness is None else [f"`{witness.subject}` gets in"]
    return between.join([message(each), *shown_witness, shown(each.finding.advice)])


def as_text(findings: Sequence[Located]) -> Iterator[str]:
    """Lines for a terminal: place, severity, code and message; then who gets in, and what to do."""
    for each in findings:
        place = f"{each.file}:{each.line}:{each.column}"
        where = f" ({each.resource})" if each.resource else ""
        yield f"{place}: {each.finding.severity.word} {each.finding.code}: {message(each)}{where}"
        if each.finding.witness is not None:
            yield f"    lets in: sub {each.finding.witness.subject}, aud {each.finding.witness.audience}"
        if each.finding.code == "DP001":
            yield from (f"    {line}" for text in each.finding.found for line in text.splitlines())
        yield f"    {shown(each.finding.advice)}"
    yield _summary(findings)


def as_json(findings: Sequence[Located]) -> list[dict[str, object]]:
    """Plain values for programs."""
    return [
        {
            "code": each.finding.code,
            "severity": each.finding.severity.word,
            "file": each.file,
            "resource": each.resource or None,
            "line": each.line,
            "column": each.column,
            "statement": each.finding.statement,
            "path": list(each.finding.path),
            "message": message(each),
            "advice": shown(each.finding.advice),
            "wanted": [shown(text) for text in each.finding.wanted],
            "found": [shown(text) for text in each.finding.found],
            "witness": _witness(each.finding.witness),
            "page": each.rule.page,
        }
        for each in findings
    ]


def as_sarif(findings: Sequence[Located], *, version: str) -> dict[str, object]:
    """A SARIF 2.1.0 log with one run.

    Args:
        findings: to report.
        version: of Daypass.
    """
    driver = {"name": "daypass", "version": version, "rules": [_sarif_rule(rule) for rule in RULES]}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [
                    _sarif_result(each, fingerprint)
                    for each, fingerprint in zip(findings, _fingerprints(findings), strict=True)
                ],
            }
        ],
    }


def as_gitlab(findings: Sequence[Located]) -> list[dict[str, object]]:
    """A GitLab code-quality report."""
    return [
        {
            "description": _sentences(each, ". "),
            "check_name": each.finding.code,
            "fingerprint": fingerprint,
            "severity": _GITLAB_SEVERITY[each.finding.severity],
            "location": {"path": each.file.removeprefix("./"), "lines": {"begin": each.line}},
        }
        for each, fingerprint in zip(findings, _fingerprints(findings), strict=True)
    ]


def as_github(findings: Sequence[Located]) -> Iterator[str]:
    """GitHub's workflow commands, one line each; nothing in a policy can end a command or begin another."""
    for each in findings:
        values = {
            "file": each.file,
            "line": str(each.line),
            "col": str(each.column),
            "title": f"{each.finding.code} {each.rule.title}",
        }
        properties = ",".join(f"{name}={_property(value)}" for name, value in values.items())
        text = _data(_sentences(each, "\n"))
        yield f"::{_GITHUB_COMMAND[each.finding.severity]} {properties}::{text}"


def _summary(findings: Sequence[Located]) -> str:
    if not findings:
        return "no findings"
    counts = [
        f"{count} {severity.word}{'s' if count > 1 else ''}"
        for severity in sorted(Severity, reverse=True)
        if (count := sum(each.finding.severity is severity for each in findings))
    ]
    return ", ".join(counts)


def _witness(witness: Witness | None) -> dict[str, object] | None:
    if witness is None:
        return None
    return {"provider": str(witness.provider), "claims": dict(witness.claims), "realistic": witness.realistic}


def _sarif_rule(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.slug.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": _SARIF_LEVEL[rule.severity]},
        "properties": {"tags": ["security", "aws", "oidc"], "page": rule.page},
    }


def _sarif_result(each: Located, fingerprint: str) -> dict[str, object]:
    location: dict[str, object] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(each.file.replace("\\", "/"))},
            "region": {"startLine": each.line, "startColumn": each.column},
        }
    }
    if each.resource:
        location["logicalLocations"] = [{"fullyQualifiedName": each.resource, "kind": "resource"}]
    result: dict[str, object] = {
        "ruleId": each.finding.code,
        "ruleIndex": _INDEX[each.finding.code],
        "level": _SARIF_LEVEL[each.finding.severity],
        "message": {"text": _sentences(each, ". ")},
        "locations": [location],
        "partialFingerprints": {"daypass/v1": fingerprint},
    }
    if each.finding.witness is not None:
        result["properties"] = {"witness": _witness(each.finding.witness)}
    return result


def _fingerprints(findings: Sequence[Located]) -> Iterator[str]:
    """One for each finding, the same as long as nothing but its line changes."""
    seen: dict[str, int] = {}
    for each in findings:
        name = "\0".join((each.finding.code, each.file, each.resource, *map(str, each.finding.path), message(each)))
        seen[name] = seen.get(name, 0) + 1
        yield hashlib.sha256(f"{name}\0{seen[name]}".encode("utf-8", "surrogatepass")).hexdigest()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
