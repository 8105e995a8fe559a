"""What verifiers read: the discovery document and the key set, from memory, whatever becomes of the store."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from starlette.responses import Response

from daypass.errors import RequestRefused
from daypass.idp.describe import CLAIMS, discovery_document

if TYPE_CHECKING:
    from starlette.requests import Request

    from daypass.idp.key_rings import Issuing, KeyRings


class _Described(NamedTuple):
    """A discovery document, and what it was made of."""

    algorithms: tuple[str, ...]
    document: bytes
    etag: str


class Documents:
    """The handlers of the two public documents, of every issuer."""

    def __init__(self, key_rings: KeyRings) -> None:
        self._key_rings = key_rings
        self._max_age = key_rings.times.key_set_max_age_seconds
        self._described: dict[str | None, _Described] = {}

    async def discovery(self, request: Request) -> Response:
        """`/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 section 4)."""
        issuing = self._issuing(request)
        algorithms = issuing.key_ring.algorithms
        described = self._described.get(issuing.slug)
        if described is None or described.algorithms != algorithms:
            document = discovery_document(issuing.url, algorithms, CLAIMS)
            described = _Described(algorithms, document, f'"{hashlib.sha256(document).hexdigest()[:32]}"')
            self._described[issuing.slug] = described
        return public(request, described.document, described.etag, max_age_seconds=self._max_age)

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
        key_ring = self._issuing(request).key_ring
        return public(request, key_ring.published, key_ring.published_etag, max_age_seconds=self._max_age)

    def _issuing(self, request: Request) -> Issuing:
        slug = issuer_slug(request)
        return self._key_rings.root if slug is None else self._key_rings.at(slug)


def issuer_slug(request: Request) -> str | None:
    """The organization below whose path was asked; None below the root issuer's. The door has put it there."""
    slug: str | None = request.scope["state"].get("issuer_slug")
    return slug


def public(request: Request, body: bytes, etag: str, *, max_age_seconds: int) -> Response:
    """A document that caches may keep for a while (RFC 9111), or the news that theirs is still it (RFC 9110 13.1.2)."""
    headers = {
        "cache-control": f"public, max-age={max_age_seconds}",
        "etag": etag,
        "access-control-allow-origin": "*",
    }
    known = request.headers.get("if-none-match")
    if known is not None and any(tag.strip().removeprefix("W/") in {etag, "*"} for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
