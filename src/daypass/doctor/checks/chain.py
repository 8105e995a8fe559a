"""The certificates, exactly as the server sends them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from daypass.doctor.checks import certificates, sources
from daypass.doctor.finding import Check, Seen, Severity
from daypass.fetching.thumbprint import thumbprint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography.x509 import Certificate

    from daypass.doctor.checks.certificates import Chain
    from daypass.doctor.facts import Facts, HostFacts, TlsFacts

# X509_verify_cert(3): the chain leads to no authority that is trusted.
_LEADS_NOWHERE: Final = frozenset({2, 18, 19, 20, 21})
_TOLD_ELSEWHERE: Final = frozenset({9, 10, 62, 64}) | _LEADS_NOWHERE  # dates, and names
_SOON: Final = timedelta(days=7)


def _chains(facts: Facts) -> Iterator[tuple[HostFacts, TlsFacts, Chain]]:
    for host in facts.hosts:
        chain = None if host.tls is None else certificates.read(host.tls.chain, host.host)
        if host.tls is not None and chain is not None:
            yield host, host.tls, chain


def _shown(path: tuple[Certificate, ...]) -> str:
    return " → ".join(f"{number}. {certificates.called(each)}" for number, each in enumerate(path, start=1))


def _order(facts: Facts) -> Iterator[Seen]:
    for host, _, chain in _chains(facts):
        wrong = chain.first_wrong
        if wrong is not None:
            yield Seen(
                f"certificate {wrong + 1} of {len(chain.served)} is `{certificates.called(chain.served[wrong])}`, which"
                f" does not belong there; the right order is {_shown(chain.path)}",
                host.name,
            )


def _duplicate(facts: Facts) -> Iterator[Seen]:
    for host, _, chain in _chains(facts):
        if chain.duplicates:
            first = chain.duplicates[0]
            yield Seen(
                f"certificate {first + 1} of {len(chain.served)}, `{certificates.called(chain.served[first])}`, was"
                f" sent before; the right order is {_shown(chain.path)}",
                host.name,
            )


def _extra(facts: Facts) -> Iterator[Seen]:
    for host, tls, chain in _chains(facts):
        broken = tls.trust_code in _LEADS_NOWHERE and not certificates.is_authority(chain.top)
        if chain.extra and not broken:  # above a gap nothing belongs to the chain
            first = chain.extra[0]
            yield Seen(
                f"certificate {first + 1} of {len(chain.served)}, `{certificates.called(chain.served[first])}`, signed"
                f" none of the others; the right order is {_shown(chain.path)}",
                host.name,
            )


def _root_sent(facts: Facts) -> Iterator[Seen]:
    for host, tls, chain in _chains(facts):
        # Of a private root AWS knows nothing but the thumbprint: there it is told as such.
        known = tls.trust_code not in _LEADS_NOWHERE
        if known and len(chain.path) > 1 and certificates.is_self_issued(chain.top):
            yield Seen(f"the root `{certificates.called(chain.top)}` is sent, too", host.name)


def _dates(facts: Facts, *, early: bool) -> Iterator[Seen]:
    for host, _, chain in _chains(facts):
        for each in chain.path:
            place = f"certificate {chain.served.index(each) + 1}, `{certificates.called(each)}`,"
            if early and each.not_valid_before_utc > facts.examined_at:
                yield Seen(f"{place} is valid from {each.not_valid_before_utc:%Y-%m-%d %H:%M} UTC", host.name)
            if not early and each.not_valid_after_utc < facts.examined_at:
                yield Seen(f"{place} expired on {each.not_valid_after_utc:%Y-%m-%d %H:%M} UTC", host.name)


def _soon(facts: Facts) -> Iterator[Seen]:
    for host, _, chain in _chains(facts):
        own = chain.path[0]
        left = own.not_valid_after_utc - facts.examined_at
        life = own.not_valid_after_utc - own.not_valid_before_utc
        if timedelta() <= left < min(_SOON, life / 4):
            hours = int(left.total_seconds() // 3600)
            yield Seen(f"`{certificates.called(own)}` expires in {hours} hours", host.name)


def _name(facts: Facts) -> Iterator[Seen]:
    for host, _, chain in _chains(facts):
        if not certificates.names_host(chain.path[0], host.host):
            names = ", ".join(f"`{name}`" for name in certificates.names_of(chain.path[0])) or "no name at all"
            yield Seen(f"the certificate is for {names}, not for `{host.host}`", host.name)


def _pinned(facts: Facts) -> tuple[str, ...] | None:
    """The thumbprints of the account's provider for this issuer; None when they are not known."""
    account = facts.account
    providers = () if account is None or account.providers is None else account.providers
    return next((each.thumbprints for each in providers if each.url == facts.issuer), None)


def _nowhere(facts: Facts) -> Iterator[tuple[HostFacts, Chain, str]]:
    """The chains that lead to no public authority, and that no thumbprint of the provider vouches for."""
    for host, tls, chain in _chains(facts):
        print_of_top = thumbprint([certificates.der(each) for each in chain.served])
        if tls.trust_code in _LEADS_NOWHERE and print_of_top not in (_pinned(facts) or ()):
            yield host, chain, print_of_top


def _is_own_making(chain: Chain) -> bool:
    return len(chain.path) == 1 and certificates.is_self_issued(chain.top)


def _mismatch(facts: Facts) -> Iterator[Seen]:
    if not _pinned(facts):
        return
    for host, chain, found in _nowhere(facts):
        if not certificates.is_authority(chain.top) and not _is_own_making(chain):
            continue
        yield Seen(
            f"the last certificate sent, `{certificates.called(chain.served[-1])}`, has the thumbprint {found}, and the"
            f" provider has {', '.join(_pinned(facts) or ())}",
            host.name,
        )


def _self_signed(facts: Facts) -> Iterator[Seen]:
    for host, chain, found in _nowhere(facts):
        if not _pinned(facts) and _is_own_making(chain):
            yield Seen(f"`{certificates.called(chain.top)}` signed itself (thumbprint {found})", host.name)


def _missing(facts: Facts) -> Iterator[Seen]:
    for host, chain, _ in _nowhere(facts):
        if not _is_own_making(chain) and not certificates.is_authority(chain.top):
            by = chain.top.issuer.rfc4514_string()
            yield Seen(f"the server sends its own certificate and not the one of `{by}`, which signed it", host.name)


def _untrusted(facts: Facts) -> Iterator[Seen]:
    for host, chain, found in _nowhere(facts):
        if not _pinned(facts) and not _is_own_making(chain) and certificates.is_authority(chain.top):
            yield Seen(
                f"the chain ends in `{certificates.called(chain.top)}`, and leads to no public authority"
                f" (thumbprint {found})",
                host.name,
            )


def _too_many(facts: Facts) -> Iterator[Seen]:
    for host in facts.hosts:
        number = 0 if host.tls is None else len(host.tls.chain)
        if number > certificates.MOST:
            yield Seen(f"{number} certificates are sent; the first {certificates.MOST} were looked at", host.name)


def _unreadable(facts: Facts) -> Iterator[Seen]:
    for host in facts.hosts:
        if host.tls is not None and host.tls.chain and certificates.read(host.tls.chain, host.host) is None:
            yield Seen("a certificate that is sent cannot be read", host.name)


def _refused(facts: Facts) -> Iterator[Seen]:
    for host, tls, _ in _chains(facts):
        if tls.trust_code is not None and tls.trust_code not in _TOLD_ELSEWHERE:
            yield Seen(f"the chain is refused: {tls.trust_fault}", host.name)


_ORDER_WHY: Final = (
    "IAM answers `Could not connect to openid configuration of provider` when the chain is out of order, or has"
    " duplicate or additional certificates."
)
_ORDER_REMEDY: Final = (
    "Put the server's own certificate first, then each one that signed the one before, each once, and nothing else."
)
_TRUST_WHY: Final = (
    "AWS trusts the authorities of its own library, and else only a certificate whose thumbprint the provider has."
)

CHECKS: Final = (
    Check(
        "chain_order",
        Severity.ERROR,
        "the certificates are sent in the wrong order",
        _ORDER_WHY,
        _ORDER_REMEDY,
        sources.GITLAB,
        _order,
    ),
    Check(
        "chain_duplicate",
        Severity.ERROR,
        "a certificate is sent twice",
        _ORDER_WHY,
        _ORDER_REMEDY,
        sources.GITLAB,
        _duplicate,
    ),
    Check(
        "chain_extra",
        Severity.ERROR,
        "a certificate is sent that does not belong to the chain",
        _ORDER_WHY,
        _ORDER_REMEDY,
        sources.GITLAB,
        _extra,
    ),
    Check(
        "chain_too_many",
        Severity.ERROR,
        "far too many certificates are sent",
        "No chain is that long: most of them belong to something else, and clients refuse a handshake of that size.",
        _ORDER_REMEDY,
        sources.GITLAB,
        _too_many,
    ),
    Check(
        "chain_unreadable",
        Severity.ERROR,
        "a certificate cannot be read",
        "It is not written as RFC 5280 has it, and clients refuse what they cannot read.",
        "Have the certificate issued again, by an authority or a tool of today.",
        "https://www.rfc-editor.org/rfc/rfc5280",
        _unreadable,
    ),
    Check(
        "chain_root_sent",
        Severity.NOTE,
        "the root certificate is sent, too",
        "It does no harm to trust; but a thumbprint is taken of the last certificate sent, which then is the root's.",
        "Leave the root out: who trusts it has it.",
        sources.THUMBPRINT,
        _root_sent,
    ),
    Check(
        "chain_intermediate_missing",
        Severity.ERROR,
        "an intermediate certificate is not sent",
        "A browser may fetch or remember it; AWS does not, and finds no way from this certificate to an authority.",
        "Serve the full chain (`fullchain.pem`, not `cert.pem`). If the authority is a private one, give the provider"
        " its thumbprint.",
        sources.THUMBPRINT,
        _missing,
    ),
    Check(
        "chain_expired",
        Severity.ERROR,
        "a certificate has expired",
        "AWS fetches nothing over a connection whose certificate has expired; a thumbprint does not help.",
        "Renew the certificate, load it into the server, and let renewal be watched.",
        sources.THUMBPRINT,
        lambda facts: _dates(facts, early=False),
    ),
    Check(
        "chain_not_yet_valid",
        Severity.ERROR,
        "a certificate is not valid yet",
        "AWS fetches nothing over a connection whose certificate is not valid.",
        "Wait until it is valid, or have it issued again; look at the clock of the authority that made it.",
        sources.THUMBPRINT,
        lambda facts: _dates(facts, early=True),
    ),
    Check(
        "chain_expires_soon",
        Severity.WARNING,
        "the certificate expires soon",
        "From that moment on no login works.",
        "Renew it now, and find out why that was not done by itself.",
        sources.THUMBPRINT,
        _soon,
    ),
    Check(
        "chain_name_mismatch",
        Severity.ERROR,
        "the certificate is for another name",
        "AWS holds the certificate to the name in the issuer's URL, and to the one in `jwks_uri`.",
        "Serve a certificate that has this name among its subject alternative names.",
        sources.THUMBPRINT,
        _name,
    ),
    Check(
        "chain_self_signed",
        Severity.ERROR,
        "the certificate signed itself",
        _TRUST_WHY,
        "Use a certificate of a public authority, or give the provider this thumbprint.",
        sources.THUMBPRINT,
        _self_signed,
    ),
    Check(
        "chain_untrusted",
        Severity.ERROR,
        "the chain leads to no authority that AWS trusts",
        _TRUST_WHY,
        "Use a certificate of a public authority, or give the provider this thumbprint.",
        sources.THUMBPRINT,
        _untrusted,
    ),
    Check(
        "thumbprint_mismatch",
        Severity.ERROR,
        "the provider's thumbprints are not of this certificate",
        _TRUST_WHY,
        "Write the thumbprint that is served now into the provider, once you know that the change was meant.",
        sources.THUMBPRINT,
        _mismatch,
    ),
    Check(
        "chain_refused",
        Severity.ERROR,
        "the certificates are refused for another reason",
        "What an ordinary client refuses, AWS can hardly be expected to take.",
        "Have the certificate issued again, with a key and a signature of today.",
        sources.THUMBPRINT,
        _refused,
    ),
)
