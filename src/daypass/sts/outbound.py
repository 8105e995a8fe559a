"""GetWebIdentityToken: AWS as an issuer. What a token says of the caller, and when there is none.

Claims, key ids, the order of discovery's members and the size limit were observed on AWS, September 2026; the rest is
IAM User Guide, "Federating AWS identities to external services".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from daypass.sts.answers import Answer, Text
from daypass.sts.refusal import Refusal, refuse
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

NAMESPACE: Final = "https://sts.amazonaws.com/"
"""The claim that holds all that AWS says beside the standard claims."""

ISSUER_DOMAIN: Final = ".tokens.sts.global.api.aws"
DEFAULT_DURATION_SECONDS: Final = 300
MAX_PAYLOAD_BYTES: Final = 14_984
KEY_IDS: Final[Mapping[str, str]] = MappingProxyType({"RS256": "RSA_0", "ES384": "EC384_0"})
"""The algorithms a caller can choose, and the `kid` of their keys."""

DISABLED: Final = Text(
    Answer.OUTBOUND_DISABLED,
    "Outbound web identity federation is disabled for your account",
    "reported in public",
    None,
)
TOO_LARGE: Final = Text(Answer.JWT_PAYLOAD_TOO_LARGE, "JWT payload exceeds maximum allowed size")
ESCALATION: Final = Text(
    Answer.SESSION_DURATION_ESCALATION,
    "The requested token duration would extend the session beyond its original expiration time.",
    "AWS STS API reference, GetWebIdentityToken",
    None,
)
ALGORITHM_UNKNOWN: Final = Text(
    Answer.VALIDATION_ERROR,
    "1 validation error detected: Value '{algorithm}' at 'signingAlgorithm' failed to satisfy constraint:"
    " Member must satisfy enum value set: [RS256, ES384]",
    "ours: AWS's text is not known",
    None,
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who the token is about.

    Attributes:
        principal: the ARN of the role (with its path), or of the account's root.
        account: twelve digits.
        region: of the endpoint asked.
        tags: of the principal and its session together.
        source_identity: of the session.
        session_expires_at: of the session; None for who has no session.
        provider: the ARN of the OIDC provider that the session began with.
    """

    principal: str
    account: str
    region: str
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    source_identity: str | None = None
    session_expires_at: datetime | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Issuance:
    """The claims of a token, and when it expires."""

    claims: Mapping[str, object]
    expires_at: datetime


def issue(
    subject: Subject,
    *,
    issuer: str | None,
    audiences: Sequence[str],
    algorithm: str,
    duration_seconds: int,
    tags: Mapping[str, str],
    jti: str,
    now: datetime,
) -> Issuance | Refusal:
    """The claims of a token.

    Args:
        subject: the caller.
        issuer: the account's issuer URL; None while outbound federation is disabled.
        audiences: one becomes a text, several an array, as they are.
        algorithm: `RS256` or `ES384`.
        duration_seconds: of the token, which must not outlive the session.
        tags: of the request.
        jti: unique.
        now: the time, with its zone.
    """
    if algorithm not in KEY_IDS:
        return refuse(ALGORITHM_UNKNOWN, "there is no such algorithm here", algorithm=algorithm)
    if issuer is None:
        return refuse(DISABLED, f"account {subject.account} has not enabled outbound web identity federation")
    issued_at = now.replace(microsecond=0)
    expires_at = issued_at + timedelta(seconds=duration_seconds)
    if subject.session_expires_at is not None and expires_at > subject.session_expires_at:
        return refuse(ESCALATION, f"the session ends at {_time(subject.session_expires_at)}")
    claims = {
        "aud": audiences[0] if len(audiences) == 1 else list(audiences),
        "sub": subject.principal,
        NAMESPACE: _of_aws(subject, tags),
        "iss": issuer,
        "exp": int(expires_at.timestamp()),
        "iat": int(issued_at.timestamp()),
        "jti": jti,
    }
    size = len(strict_json.dump(claims))
    if size > MAX_PAYLOAD_BYTES:
        return refuse(TOO_LARGE, f"the claims have {size} bytes, more than {MAX_PAYLOAD_BYTES}")
    return Issuance(MappingProxyType(claims), expires_at)


def issuer_url(outbound_id: str) -> str:
    """The issuer of an account, by its id."""
    return f"https://{outbound_id}{ISSUER_DOMAIN}"


def discovery(issuer: str) -> dict[str, object]:
    """The issuer's discovery document, as AWS publishes it."""
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(KEY_IDS),
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "jti", NAMESPACE],
    }


def _of_aws(subject: Subject, tags: Mapping[str, str]) -> dict[str, object]:
    """Members without a value are left out. There are no organizations here, so neither `org_id` nor `ou_path`."""
    session = subject.session_expires_at
    members: dict[str, object] = {
        "aws_account": subject.account,
        "source_region": subject.region,
        "principal_id": subject.principal,
        "source_identity": subject.source_identity,
        "original_session_exp": None if session is None else _time(session),
        "federated_provider": subject.provider,
        "principal_tags": dict(subject.tags),
        "request_tags": dict(tags),
    }
    return {name: value for name, value in members.items() if value}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
