"""Somebody with a token at a role's door: all that is known when a trust policy is to be explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from daypass.errors import ArnInvalid
from daypass.names import ProviderArn
from daypass.trust.hypothetical import hypothetical_context
from daypass.trust.statement import Effect, PrincipalKind
from daypass.trust.token_claims import REQUIRED_CLAIMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from daypass.names import RoleArn
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.context import Context
    from daypass.trust.document import Policy

IDENTITY_CLAIMS: Final = ("iss", "sub", "aud")
"""What claims must say to be judged when they are not a whole token."""

NO_ACCOUNT: Final = "000000000000"
"""Stands for an account that is not known; no account has this id."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is tried.

    Attributes:
        claims: of the token; for a real decision verified, otherwise as anybody wrote them.
        provider: the IAM OIDC provider that AWS would take for the token.
        context: the condition keys of the request.
        client_ids: registered with the provider; None when they are not known.
        role: whose trust policy is asked; None when it is not known.
        action: what is asked of the policy; None for every action that the token needs.
        required: the claims that have to be there.
        now: seconds since 1970, to judge the token's times by; None leaves them alone.
    """

    claims: Mapping[str, JsonValue]
    provider: ProviderArn
    context: Context
    client_ids: tuple[str, ...] | None = None
    role: RoleArn | None = None
    action: str | None = None
    required: tuple[str, ...] = REQUIRED_CLAIMS
    now: int | None = None

    @classmethod
    def imagine(
        cls,
        claims: Mapping[str, JsonValue],
        *,
        provider: ProviderArn,
        now: datetime,
        client_ids: Sequence[str] | None = None,
        role: RoleArn | None = None,
        action: str | None = None,
        session_name: str = "daypass",
        source_ip: str | None = None,
        judge_times: bool = False,
    ) -> Self:
        """An attempt with claims that nobody verified. With `judge_times` they are those of a whole token."""
        return cls(
            claims=claims,
            provider=provider,
            context=hypothetical_context(
                claims, provider=provider, session_name=session_name, now=now, source_ip=source_ip
            ),
            client_ids=None if client_ids is None else tuple(client_ids),
            role=role,
            action=action,
            required=REQUIRED_CLAIMS if judge_times else IDENTITY_CLAIMS,
            now=int(now.timestamp()) if judge_times else None,
        )


def likely_provider(policy: Policy, issuer: str | None, *, role: RoleArn | None = None) -> ProviderArn:
    """The provider that is meant when nobody names one.

    Args:
        policy: the one that is asked.
        issuer: the token's `iss`; None when it has none.
        role: the role, whose account the provider must be in (IAM User Guide, "OIDC federation").

    Returns:
        the provider of this issuer that the policy names, else any OIDC provider that it names; without one, the
        issuer's own in the role's account.
    """
    named = tuple(_named(policy))
    for provider in named:
        if provider.issuer_url == issuer:
            return provider if role is None else ProviderArn(role.partition, role.account, provider.issuer)
    if named:
        return named[0]
    account = NO_ACCOUNT if role is None else role.account
    return ProviderArn("aws" if role is None else role.partition, account, (issuer or "").removeprefix("https://"))


def likely_audience(policy: Policy, provider: ProviderArn) -> str | None:
    """The audience that is meant when nobody names one: the first exact text that an Allow wants of the provider's."""
    key = f"{provider.issuer}:aud".lower()
    wanted = (
        value
        for statement in policy.statements
        if statement.effect is Effect.ALLOW
        for condition in statement.conditions
        if condition.key.lower() == key and condition.operator.lower().endswith("stringequals")
        for value in condition.values
    )
    return next(wanted, None)


def _named(policy: Policy) -> list[ProviderArn]:
    found = []
    for statement in policy.statements:
        for principal in statement.principals:
            if principal.kind is PrincipalKind.FEDERATED:
                try:
                    found.append(ProviderArn.parse(principal.value))
                except ArnInvalid:
                    continue
    return found
