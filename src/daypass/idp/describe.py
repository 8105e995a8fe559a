"""The discovery document (OpenID Connect Discovery 1.0 section 3), with what is true of an issuer of ID tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.idp.exchange.exchange import Grant
from daypass.subjects.registry import FORMATS
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daypass.names import IssuerUrl
    from daypass.subjects.formats import TokenFormat

TOKEN_PATH: Final = "/token"  # noqa: S105 (a path)
"""Where tokens are exchanged, below each issuer."""
GRANTS: Final = tuple(grant.value for grant in Grant)


def claims_of(formats: Iterable[TokenFormat]) -> list[str]:
    """The claims that tokens of these formats can have, each once."""
    return list(dict.fromkeys(name for each in formats for name in each.claim_names))


CLAIMS: Final = tuple(claims_of(each for each in FORMATS.values() if each.shareable))
"""What a token can say, in any format that an organization may choose."""


def discovery_document(issuer: IssuerUrl, algorithms: Sequence[str], claims: Sequence[str]) -> bytes:
    """The discovery document as served: UTF-8 JSON.

    The standard demands an `authorization_endpoint`; there is none, so it names `<issuer>/not-supported`, which says
    so. `id_token` as response type needs the grant type `implicit` (Dynamic Client Registration 1.0 section 2). The
    token endpoint exchanges tokens of other issuers, whose callers have nothing to authenticate with but those.

    Args:
        issuer: becomes `issuer`, byte for byte.
        algorithms: that sign, RS256 among them (section 3 demands it).
        claims: that tokens can have.
    """
    base = str(issuer).removesuffix("/")
    return strict_json.dump(
        {
            "issuer": str(issuer),
            "jwks_uri": f"{base}/keys",
            "authorization_endpoint": f"{base}/not-supported",
            "token_endpoint": f"{base}{TOKEN_PATH}",
            "token_endpoint_auth_methods_supported": ["none"],
            "response_types_supported": ["id_token"],
            "grant_types_supported": ["implicit", *GRANTS],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": list(algorithms),
            "scopes_supported": ["openid"],
            "claims_supported": list(claims),
        }
    )
