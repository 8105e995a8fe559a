"""The report as one page: no script, nothing from elsewhere, readable in the dark, on a phone and on paper.

What it shows comes from strangers' servers, so everything is escaped, and the page forbids itself (Content Security
Policy Level 3) all but its own style sheet.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import jinja2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from markupsafe import Markup, escape

from daypass.doctor.checks.certificates import UNREADABLE
from daypass.doctor.finding import Severity
from daypass.doctor.judge import was_answered
from daypass.doctor.known_errors import plain_link
from daypass.doctor.way import steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.doctor.facts import DocumentFacts, Facts, TlsFacts
    from daypass.doctor.finding import Finding
    from daypass.doctor.judge import Diagnosis

_MOST_CERTIFICATES: Final = 20
_MOST_ANSWERS: Final = 12
_BAR: Final = 600
"""Width of a bar that stands for the whole limit, in units of its drawing."""
_CLAIMS_FIRST: Final = ("iss", "sub", "aud", "azp", "iat", "nbf", "exp")
_TIMES: Final = frozenset({"iat", "nbf", "exp", "auth_time"})
_LONGEST_VALUE: Final = 400


def as_html(facts: Facts, diagnosis: Diagnosis, *, version: str) -> str:
    """The page.

    Args:
        facts: what was judged.
        diagnosis: what it came to.
        version: of Daypass.
    """
    style = _resource("report.css")
    return _template().render(
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        subject=facts.issuer or "no issuer",
        facts=facts,
        examined=facts.examined_at.astimezone(UTC).strftime("%d %B %Y, %H:%M:%S UTC"),
        headline=headline(facts, diagnosis),
        verdict=diagnosis.verdict,
        groups=[
            (severity.word, found) for severity in sorted(Severity, reverse=True) if (found := _of(diagnosis, severity))
        ],
        counts=[(severity.word, len(_of(diagnosis, severity))) for severity in sorted(Severity, reverse=True)],
        steps=steps(facts, diagnosis),
        chains=[(host.name, list(_certificates(host.tls))) for host in facts.hosts if host.tls and host.tls.chain],
        documents=[
            (what, answers[0].url, [_answer(each, facts) for each in answers[:_MOST_ANSWERS]])
            for what, answers in (("Discovery document", facts.discovery), ("Key set", facts.keys))
            if answers
        ],
        claims=list(_claims(facts)),
        bar=_BAR,
        link=plain_link,
        version=version,
    )


def headline(facts: Facts, diagnosis: Diagnosis) -> tuple[str, str]:
    """How it stands, as `good`, `bad` or `fair`, and in a sentence."""
    verdict = diagnosis.verdict
    if any(host.unknown for host in facts.hosts):
        return "fair", "It could not be found out from here"
    errors = len(diagnosis.at_least(Severity.ERROR))
    if verdict is not None and verdict.allowed is False:
        return "bad", "AWS would refuse this login"
    if errors:
        # Not each of them keeps AWS out: some let strangers in.
        faults = "One fault" if errors == 1 else f"{errors} faults"
        accepted = "AWS would accept this login, but " if verdict is not None and verdict.allowed else ""
        return "bad", f"{accepted}{faults.lower() if accepted else faults} must be put right"
    if not was_answered(facts):
        return "fair", "Too little was found out"
    if verdict is not None and verdict.allowed:
        return ("good", "AWS would accept this login") if diagnosis.healthy else ("fair", "AWS would accept this login")
    return ("good", "Nothing is wrong with this issuer") if diagnosis.healthy else ("fair", "It works, with a but")


def _of(diagnosis: Diagnosis, severity: Severity) -> list[Finding]:
    return [finding for finding in diagnosis.findings if finding.severity is severity]


@dataclass(frozen=True, slots=True)
class _Certificate:
    """A certificate as the page shows it; `fault` is why it cannot be read."""

    position: int
    subject: str
    issuer: str
    begins: str
    ends: str
    self_signed: bool
    sha256: str
    fault: str | None = None


def _certificates(tls: TlsFacts) -> Iterator[_Certificate]:
    for position, pem in enumerate(tls.chain[:_MOST_CERTIFICATES], 1):
        try:
            read = x509.load_pem_x509_certificate(pem.encode())
            subject, issuer = read.subject.rfc4514_string(), read.issuer.rfc4514_string()
            begins, ends = read.not_valid_before_utc, read.not_valid_after_utc
            der = hashlib.sha256(read.public_bytes(Encoding.DER)).hexdigest()
        except UNREADABLE:
            yield _Certificate(position, "", "", "", "", self_signed=False, sha256="", fault="it cannot be read")
            continue
        yield _Certificate(
            position,
            subject or "(no subject)",
            issuer or "(no issuer)",
            begins.strftime("%d %b %Y"),
            ends.strftime("%d %b %Y"),
            self_signed=subject == issuer,
            sha256=der,
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer: `parts` are (phase, from, width) in units of the bar, `limit` the time that AWS gives."""

    status: str
    seconds: float
    size: int
    parts: tuple[tuple[str, float, float], ...]
    good: bool


def _answer(document: DocumentFacts, facts: Facts) -> _Answer:
    phases = (
        ("connect", document.tcp_seconds),
        ("TLS", document.tls_seconds),
        ("first byte", document.first_byte_seconds),
    )
    known = [(name, seconds) for name, seconds in phases if seconds is not None]
    rest = document.total_seconds - sum(seconds for _, seconds in known)
    parts, at = [], 0.0
    for name, seconds in [*known, ("rest", max(rest, 0.0))]:
        width = min(seconds / facts.limit_seconds * _BAR, _BAR - at)
        parts.append((name, round(at, 1), round(max(width, 0.0), 1)))
        at += max(width, 0.0)
    status = str(document.status) if document.status is not None else ""
    if document.fault is not None:
        status = f"{status} {document.fault.replace('_', ' ')} ({document.fault_phase or 'unknown'})".strip()
    return _Answer(status or "no answer", document.total_seconds, document.size, tuple(parts), document.complete)


def _claims(facts: Facts) -> Iterator[tuple[str, str, str]]:
    """Name, value and a word about it, of the token's claims: those that AWS reads first."""
    claims = {} if facts.token is None else facts.token.claims
    order = [
        *(name for name in _CLAIMS_FIRST if name in claims),
        *(each for each in claims if each not in _CLAIMS_FIRST),
    ]
    for name in order:
        value = claims[name]
        about = ""
        if name in _TIMES and isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**33:
            about = datetime.fromtimestamp(value, UTC).strftime("%d %b %Y, %H:%M:%S UTC")
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield name, text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "\u2026", about


def _words(text: str) -> Markup:
    """A sentence, begun with a capital, whose words between backticks are written as code; both are escaped."""
    text = text[:1].upper() + text[1:]
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)
    )


def _visible(value: object) -> object:
    r"""What turns the direction of writing, or cannot be seen, written as `\u202e`: names come from strangers."""
    if not isinstance(value, str) or value.isprintable():
        return value
    shown = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in value)
    return Markup(shown) if isinstance(value, Markup) else shown  # noqa: S704 - as safe as it was: no character of HTML


def _resource(name: str) -> str:
    return (files("daypass.doctor.reports") / name).read_text(encoding="utf-8")


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_visible
    )
    environment.filters["words"] = _words
    return environment.from_string(_resource("report.html.jinja"))
