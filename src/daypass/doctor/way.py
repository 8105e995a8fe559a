"""The way that a login takes, step by step, and how far it comes: for reports that show it at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.doctor.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.doctor.facts import Facts
    from daypass.doctor.judge import Diagnosis

GOOD: Final = "good"
UNSEEN: Final = "unseen"


@dataclass(frozen=True, slots=True)
class Step:
    """A step.

    Attributes:
        name: of it.
        state: `good`, `note`, `warning`, `error` or `unseen`.
        told: a few words about what was seen, or the worst of its findings by its code.
    """

    name: str
    state: str
    told: str


# The first word of a finding's code says to which step it belongs.
_AREAS: Final[Mapping[str, tuple[str, ...]]] = {
    "Name": ("issuer", "dns"),
    "Connection": ("connect",),
    "TLS": ("tls", "chain", "thumbprint"),
    "Discovery": ("discovery", "jwks", "http", "time", "rate", "answers", "body", "media", "cache", "clock"),
    "Keys": ("keys", "key"),
    "Token": ("token", "sts"),
    "Account": ("account", "provider", "client", "role", "trust"),
}


def step_of(code: str) -> str | None:
    """The name of the step that a finding's code belongs to. What is of both documents belongs to the first."""
    area = code.partition("_")[0]
    return next((name for name, areas in _AREAS.items() if area in areas), None)


def steps(facts: Facts, diagnosis: Diagnosis) -> tuple[Step, ...]:
    """Every step, in order."""
    worst: dict[str, Severity] = {}
    first: dict[str, str] = {}  # the findings are in order, the worst first
    for finding in diagnosis.findings:
        name = step_of(finding.code)
        if name == "Discovery" and finding.where == facts.keys_url:
            name = "Keys"
        if name is not None:
            first.setdefault(name, finding.code.replace("_", " "))
            worst[name] = max(worst.get(name, Severity.NOTE), finding.severity)
    told = _told(facts)
    return tuple(
        Step(name, worst[name].word, first[name])
        if name in worst
        else Step(name, GOOD if told[name] else UNSEEN, told[name] or "not looked at")
        for name in _AREAS
    )


def _told(facts: Facts) -> dict[str, str]:
    host = facts.hosts[0] if facts.hosts else None
    tls = host.tls if host else None
    discovery = facts.discovery[0] if facts.discovery else None
    keys = facts.keys[0] if facts.keys else None
    token, account = facts.token, facts.account
    name = ""
    if host is not None:
        count = len(host.dns.addresses)
        name = f"{count} address{'' if count == 1 else 'es'}" if count else host.dns.fault or "no address"
        if host.asked_instead:
            name = f"led to {host.asked_instead}"
    connection = ""
    if host is not None and host.connections:
        taken = sum(each.fault is None for each in host.connections)
        connection = f"{taken} of {len(host.connections)} taken"
    return {
        "Name": name,
        "Connection": connection,
        "TLS": "" if tls is None else tls.negotiated or tls.fault or "no handshake",
        "Discovery": "" if discovery is None else _answered(discovery.status, discovery.fault),
        "Keys": "" if keys is None else _keys(facts) or _answered(keys.status, keys.fault),
        "Token": "" if token is None else token.fault or f"signature {token.signature.replace('_', ' ')}",
        "Account": "" if account is None else f"{account.account or 'a policy file'}",
    }


def _answered(status: int | None, fault: str | None) -> str:
    return fault.replace("_", " ") if fault else f"HTTP {status}"


def _keys(facts: Facts) -> str:
    if facts.fetch is None or facts.fetch.fault is not None:
        return ""
    return f"{facts.fetch.keys} key{'' if facts.fetch.keys == 1 else 's'}"
