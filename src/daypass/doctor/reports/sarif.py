"""Findings as a SARIF log (OASIS SARIF 2.1.0), which code hosts show as alerts."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from daypass.doctor.checks import CHECKS
from daypass.doctor.finding import Severity
from daypass.doctor.known_errors import plain_link

if TYPE_CHECKING:
    from daypass.doctor.facts import Facts
    from daypass.doctor.finding import Check, Finding
    from daypass.doctor.judge import Diagnosis

_LEVEL: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_INDEX: Final = {check.code: index for index, check in enumerate(CHECKS)}

_OF_URLS: Final = ":/?#[]@!$&'()*+,;=%"
"""What RFC 3986 lets stand in a URI beside letters, digits and `-._~`."""


def as_sarif(facts: Facts, diagnosis: Diagnosis, *, version: str) -> dict[str, object]:
    """One run. Every check is a rule, found or not; a finding's fingerprint is its code, issuer and place.

    Args:
        facts: what was judged.
        diagnosis: what it came to.
        version: of Daypass.
    """
    examined = facts.examined_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "daypass doctor", "version": version, "rules": [*map(_rule, CHECKS)]}},
                "invocations": [{"executionSuccessful": True, "endTimeUtc": examined}],
                "columnKind": "unicodeCodePoints",
                "results": [_result(facts, finding) for finding in diagnosis.findings],
            }
        ],
    }


def _rule(check: Check) -> dict[str, object]:
    return {
        "id": check.code,
        "name": "".join(word.capitalize() for word in check.code.split("_")),
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.why},
        "help": {
            "text": f"{check.why}\n\n{check.remedy}\n\nSource: {check.source}",
            "markdown": f"{check.why}\n\n**{check.remedy}**\n\nSource: {check.source}",
        },
        "defaultConfiguration": {"level": _LEVEL[check.severity]},
        "properties": {"tags": ["aws", "oidc"], "documentation": plain_link(check.link)},
    }


def _result(facts: Facts, finding: Finding) -> dict[str, object]:
    """A result. Code hosts want a place that is a URI; what has none is shown at the issuer."""
    issuer = facts.issuer or "urn:daypass:no-issuer"
    uri = quote(finding.where if finding.where.startswith("https://") else issuer, safe=_OF_URLS)
    index = {"ruleIndex": _INDEX[finding.code]} if finding.code in _INDEX else {}
    fingerprint = hashlib.sha256("\n".join((finding.code, issuer, finding.where)).encode()).hexdigest()
    return {
        "ruleId": finding.code,
        **index,
        "level": _LEVEL[finding.severity],
        "message": {"text": _plain(f"{finding.seen}\n{finding.remedy}")},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": finding.where}],
            }
        ],
        "partialFingerprints": {"daypassFinding/v1": fingerprint},
    }


def _plain(text: str) -> str:
    """A text without links: `[word](address)` is one even in plain messages (SARIF 2.1.0 section 3.11.6)."""
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    return shown.replace("](", "] (")
