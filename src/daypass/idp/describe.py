"""The discovery document (OpenID Connect Discovery 1.0 section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.names import IssuerUrl


def discovery_document(issuer: IssuerUrl, algorithms: Sequence[str], claims: Sequence[str]) -> bytes:
    """The discovery document as served."""
    raise NotImplementedError
