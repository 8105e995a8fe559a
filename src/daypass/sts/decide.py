"""AssumeRoleWithWebIdentity, decided in AWS's order of checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from daypass.names import ProviderArn, RoleArn
    from daypass.sts.refusal import Refusal
    from daypass.sts.request import WebIdentityRequest
    from daypass.tokens.key_set import KeySet
    from daypass.tokens.peek import UnverifiedToken
    from daypass.tokens.verify import VerifiedClaims
    from daypass.trust.decision import Decision
    from daypass.trust.document import Policy
    from daypass.trust.session import SessionTags


@dataclass(frozen=True, slots=True)
class Provider:
    """An IAM OIDC provider in the role's account, and the audiences registered with it."""

    arn: ProviderArn
    client_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """A role: `role_id` is its unique id (`AROA…`), `max_session_seconds` its maximum session duration."""

    arn: RoleArn
    role_id: str
    trust_policy: Policy
    max_session_seconds: int = 3600


@dataclass(frozen=True, slots=True)
class KeysUnavailable:
    """The issuer's keys could not be had; `reason` is for the local log."""

    reason: str


@dataclass(frozen=True, slots=True)
class Granted:
    """A session may be made of this."""

    claims: VerifiedClaims
    audience: str
    subject: str
    provider: ProviderArn
    session_arn: str
    assumed_role_id: str
    duration_seconds: int
    packed_policy_size: int
    source_identity: str | None
    tags: SessionTags
    decision: Decision


def decide(
    request: WebIdentityRequest,
    token: UnverifiedToken,
    *,
    provider: Provider | None,
    keys: KeySet | KeysUnavailable | None,
    role: Role | None,
    now: datetime,
    source_ip: str | None = None,
    secure_transport: bool = True,
    region: str | None = None,
    user_agent: str | None = None,
) -> Granted | Refusal:
    """Whether the token may assume the role."""
    raise NotImplementedError
