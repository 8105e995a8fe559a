"""Whether TLS is spoken, and which versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import sources
from daypass.doctor.finding import Check, Seen, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daypass.doctor.facts import Facts, HostFacts, TlsFacts

_PLAIN: Final = ("wrong version number", "http request", "record layer failure")
_OLD: Final = ("TLSv1", "TLSv1.1")


def _met(facts: Facts) -> Iterator[tuple[HostFacts, TlsFacts]]:
    for host in facts.hosts:
        if host.tls is not None:
            yield host, host.tls


def _is_plain(tls: TlsFacts) -> bool:
    return tls.fault is not None and any(words in tls.fault for words in _PLAIN)


def _not_spoken(facts: Facts) -> Iterator[Seen]:
    for host, tls in _met(facts):
        if _is_plain(tls):
            yield Seen(f"`{host.name}` answers, but not in TLS ({tls.fault})", host.name)


def _no_handshake(facts: Facts) -> Iterator[Seen]:
    for host, tls in _met(facts):
        if tls.fault is not None and not _is_plain(tls):
            yield Seen(f"no TLS handshake comes about: {tls.fault}", host.name)


def _old(facts: Facts) -> Iterator[Seen]:
    for host, tls in _met(facts):
        if tls.negotiated in _OLD:
            yield Seen(f"the newest version offered is {tls.negotiated}", host.name)


def _lacks(version: str, facts: Facts) -> Iterator[Seen]:
    for host, tls in _met(facts):
        refused = any(each.version == version and each.accepted is False for each in tls.versions)
        if refused and tls.negotiated not in (None, *_OLD):
            yield Seen(f"{version} is not offered; {tls.negotiated} is", host.name)


def _old_accepted(facts: Facts) -> Iterator[Seen]:
    for host, tls in _met(facts):
        old = [each.version for each in tls.versions if each.version in _OLD and each.accepted]
        if old and tls.negotiated not in _OLD:
            yield Seen(f"{' and '.join(old)} are still accepted", host.name)


CHECKS: Final = (
    Check(
        "tls_not_spoken",
        Severity.ERROR,
        "the server does not speak TLS on this port",
        "AWS fetches the issuer's documents over https only.",
        "Serve https on this port: often a proxy forwards it to a server of plain HTTP.",
        sources.CREATE_PROVIDER,
        _not_spoken,
    ),
    Check(
        "tls_no_handshake",
        Severity.ERROR,
        "no TLS connection comes about",
        "AWS cannot read documents of a server that it has no TLS connection with.",
        "Look into the server's log: a missing certificate for this name (SNI), or a firewall that cuts TLS.",
        sources.INVALID_TOKEN,
        _no_handshake,
    ),
    Check(
        "tls_versions_old",
        Severity.ERROR,
        "only TLS versions are offered that AWS has given up",
        "AWS asks for TLS 1.2 at least; older versions were withdrawn (RFC 8996).",
        "Offer TLS 1.2 and TLS 1.3.",
        "https://aws.amazon.com/blogs/security/tls-1-2-required-for-aws-endpoints/",
        _old,
    ),
    Check(
        "tls_12_missing",
        Severity.WARNING,
        "TLS 1.2 is not offered",
        "Whether every part of AWS that fetches keys speaks TLS 1.3 is not documented; TLS 1.2 is safe.",
        "Offer TLS 1.2 beside TLS 1.3.",
        "https://aws.amazon.com/blogs/security/tls-1-2-required-for-aws-endpoints/",
        lambda facts: _lacks("TLSv1.2", facts),
    ),
    Check(
        "tls_13_missing",
        Severity.NOTE,
        "TLS 1.3 is not offered",
        "AWS does without; a handshake of TLS 1.3 is one round trip shorter, of the five seconds that there are.",
        "Offer TLS 1.3 when the server is next changed.",
        "https://www.rfc-editor.org/rfc/rfc8446",
        lambda facts: _lacks("TLSv1.3", facts),
    ),
    Check(
        "tls_old_accepted",
        Severity.NOTE,
        "old TLS versions are still accepted",
        "AWS does not use them; they were withdrawn for their weaknesses.",
        "Switch TLS 1.0 and 1.1 off.",
        "https://www.rfc-editor.org/rfc/rfc8996",
        _old_accepted,
    ),
)
