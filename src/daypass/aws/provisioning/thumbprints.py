"""The thumbprints that an issuer's provider needs: none when its servers' certificates are publicly trusted.

AWS verifies a server against its own public authorities first, and looks at thumbprints only when that fails (IAM API
Reference, UpdateOpenIDConnectProviderThumbprint). What is not publicly trusted is read here only by an authority that
the user names: a thumbprint of whoever answers first would be trusted by AWS from then on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cryptography import x509

from daypass.aws.provisioning.desired import AutomaticThumbprints
from daypass.errors import IssuerUnreachable
from daypass.fetching.thumbprint import thumbprint
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.aws.provisioning.desired import Desired
    from daypass.fetching import Fetcher, MetIssuer
    from daypass.names import IssuerUrl

_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class IssuerThumbprint:
    """What IAM would keep of an issuer, and whether AWS would look at it.

    Attributes:
        issuer: whose.
        host: of `jwks_uri`, whose certificates count.
        thumbprint: SHA-1 of the last certificate served, in 40 lower-case hex digits.
        certificate: the subject of that certificate (RFC 4514).
        served: how many certificates the host sends.
        needed: whether the chain leads to no public authority.
    """

    issuer: IssuerUrl
    host: str
    thumbprint: str
    certificate: str
    served: int
    needed: bool

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "issuer": str(self.issuer),
            "host": self.host,
            "thumbprint": self.thumbprint,
            "certificate": self.certificate,
            "certificates_served": self.served,
            "needed": self.needed,
        }


async def find_thumbprint(issuer: IssuerUrl, public: Fetcher, private: Fetcher | None) -> IssuerThumbprint:
    """Ask an issuer for its documents, and look at the certificates of the host that has its keys.

    Args:
        issuer: whose.
        public: trusts the public authorities, and no other.
        private: trusts the user's authority as well; None without one.

    Raises:
        IssuerUnreachable, AddressForbidden: see `Fetcher.meet`.
    """
    try:
        return _found(issuer, await public.meet(issuer), needed=False)
    except IssuerUnreachable as fault:
        if fault.facts.get("phase") != "tls":
            raise
        if private is None:
            raise IssuerUnreachable(
                fault.message,
                advice="If its authority is your own, name its certificate with --trust-ca.",
                **fault.facts,
            ) from None
    return _found(issuer, await private.meet(issuer), needed=True)


def resolved(desired: Desired, find: Callable[[IssuerUrl], IssuerThumbprint]) -> Desired:
    """A file's wishes with the thumbprints that `auto` comes to: none where AWS would not look at them.

    Args:
        desired: as read.
        find: asks an issuer; raises as `find_thumbprint` does.
    """
    providers = []
    for provider in desired.providers:
        if isinstance(provider.thumbprints, AutomaticThumbprints):
            found = find(provider.issuer)
            providers.append(replace(provider, thumbprints=(found.thumbprint,) if found.needed else ()))
        else:
            providers.append(provider)
    return replace(desired, providers=tuple(providers))


def _found(issuer: IssuerUrl, met: MetIssuer, *, needed: bool) -> IssuerThumbprint:
    discovery: Any = strict_json.parse(met.discovery, max_bytes=_MAX_BYTES, duplicates="last")
    last = x509.load_der_x509_certificate(met.chain[-1])
    return IssuerThumbprint(
        issuer=issuer,
        host=urlsplit(str(discovery["jwks_uri"])).hostname or issuer.host,
        thumbprint=thumbprint(met.chain),
        certificate=last.subject.rfc4514_string(),
        served=len(met.chain),
        needed=needed,
    )
