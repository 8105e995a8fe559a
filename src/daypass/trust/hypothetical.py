"""The context of claims that nobody signed: for explanations, proofs and tests. Nothing is granted by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from daypass.trust.context import web_identity_context

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daypass.names import ProviderArn
    from daypass.tokens.strict_json import JsonValue
    from daypass.tokens.verify import VerifiedClaims
    from daypass.trust.context import Context


def hypothetical_context(
    claims: Mapping[str, JsonValue],
    *,
    provider: ProviderArn,
    session_name: str,
    now: datetime,
    source_ip: str | None = None,
    secure_transport: bool = True,
    region: str | None = None,
    user_agent: str | None = None,
) -> Context:
    """What `web_identity_context` would give if a token with these claims had been verified."""
    # The type of verified claims keeps unsigned ones out of decisions. This is the one way around it, and no room that
    # grants anything takes it.
    return web_identity_context(
        cast("VerifiedClaims", claims),
        provider=provider,
        session_name=session_name,
        now=now,
        source_ip=source_ip,
        secure_transport=secure_transport,
        region=region,
        user_agent=user_agent,
    )
