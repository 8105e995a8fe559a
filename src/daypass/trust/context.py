"""What a request is judged by: condition keys and their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daypass.names import ProviderArn
    from daypass.tokens import VerifiedClaims


@dataclass(frozen=True, slots=True)
class Context:
    """Condition keys and their values."""

    values: Mapping[str, tuple[str, ...]]
    multivalued: frozenset[str]


def web_identity_context(
    claims: VerifiedClaims,
    *,
    provider: ProviderArn,
    session_name: str,
    now: datetime,
    source_ip: str | None = None,
    secure_transport: bool = True,
    region: str | None = None,
    user_agent: str | None = None,
) -> Context:
    """The condition keys that AWS fills for AssumeRoleWithWebIdentity."""
    raise NotImplementedError
