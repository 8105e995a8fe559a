"""What verifiers read: the discovery document and the key set, from memory, whatever becomes of the store."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

from daypass.errors import RequestRefused
from daypass.idp.describe import claims_of, discovery_document
from daypass.idp.key_ring import KEY_SET_MAX_AGE_SECONDS
from daypass.subjects.registry import FORMATS

if TYPE_CHECKING:
    from starlette.requests import Request

    from daypass.idp.key_ring import KeyRing
    from daypass.names import IssuerUrl

# What a token can say, in any format that an organization may choose.
_CLAIMS: Final = claims_of(each for each in FORMATS.values() if each.shareable)


class Documents:
    """The handlers of the two public documents."""

    def __init__(self, issuer: IssuerUrl, key_ring: KeyRing) -> None:
        self._issuer = issuer
        self._key_ring = key_ring
        self._described: tuple[str, ...] | None = None
        self._discovery = b""
        self._discovery_etag = ""

    async def discovery(self, request: Request) -> Response:
        """`/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 section 4)."""
        algorithms = tuple(self._key_ring.algorithms)
        if algorithms != self._described:
            self._discovery = discovery_document(self._issuer, algorithms, _CLAIMS)
            self._discovery_etag = f'"{hashlib.sha256(self._discovery).hexdigest()[:32]}"'
            self._described = algorithms
        return public(request, self._discovery, self._discovery_etag)

    async def not_supported(self, request: Request) -> Response:
        """`/not-supported`: where the discovery document's `authorization_endpoint` leads.

        Raises:
            RequestRefused: always.
        """
        del request
        raise RequestRefused(
            "this issuer has no authorization endpoint: nobody logs in here",
            advice="Workloads get ID tokens at v1/id-tokens; see v1/openapi.json.",
        )

    async def keys(self, request: Request) -> Response:
        """`/keys`: the key set (RFC 7517 section 5)."""
        return public(request, self._key_ring.published, self._key_ring.published_etag)


def public(request: Request, body: bytes, etag: str) -> Response:
    """A document that caches may keep for a while (RFC 9111), or the news that theirs is still it (RFC 9110 13.1.2)."""
    headers = {
        "cache-control": f"public, max-age={KEY_SET_MAX_AGE_SECONDS}",
        "etag": etag,
        "access-control-allow-origin": "*",
    }
    known = request.headers.get("if-none-match")
    if known is not None and any(tag.strip().removeprefix("W/") in {etag, "*"} for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
