"""What the identity provider knows: organizations, projects, workloads, admin tokens, keys, audit entries.

Ids are immutable, never given twice, and carry their kind (`org_…`, `prj_…`, `wsp_…`, `env_…`, `job_…`). Names may
change. All times are timezone-aware UTC. Secrets are never here: only the SHA-256 of a random 256-bit secret is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.errors import TokenReplayed
from daypass.subjects.facts import WorkloadKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = [
    "DEFAULT_AUDIENCE",
    "AdminToken",
    "AuditEntry",
    "AuditRecord",
    "AwsClaims",
    "IssuedSubject",
    "KeyState",
    "KeysAt",
    "Organization",
    "PreviousForm",
    "Project",
    "SigningKey",
    "TokenUse",
    "Workload",
    "WorkloadKind",
]

DEFAULT_AUDIENCE: Final = "sts.amazonaws.com"


@dataclass(frozen=True, slots=True)
class AwsClaims:
    """What workloads may ask to be told to AWS beside the subject: reviewed by an administrator, asked for by name.

    `tags` are pairs of a session tag's key and the fact that is its value; `transitive` are the keys that pass on to
    chained sessions; `source_identity` is the fact that is the source identity, None for none. Facts are those of
    `daypass.idp.aws_claims.FACTS`.
    """

    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()
    source_identity: str | None = None


@dataclass(frozen=True, slots=True)
class PreviousForm:
    """The form of tokens before the last change; it can be asked for until `until`.

    `usual`: whether it is what is given to those who ask for no form, as long as it is offered.
    """

    token_format: str
    subject_claims: tuple[str, ...]
    until: datetime
    usual: bool = True


@dataclass(frozen=True, slots=True)
class Organization:
    """A tenant. `audiences` are those its workloads may ask for; an empty tuple allows none.

    `token_format` names an entry of `daypass.subjects`; `subject_claims` are the ordered claim names of a format that
    lets them be chosen (Gitpod's claim keys), empty otherwise. With `own_issuer` its tokens have an issuer and keys of
    their own, at `/o/<slug>` below the root issuer; that is for ever, because other people's trust names it.
    `aws_claims` are what workloads may ask to be told to AWS; `previous` is the form of tokens before the last change.
    """

    id: str
    slug: str
    name: str
    token_format: str
    subject_claims: tuple[str, ...]
    audiences: tuple[str, ...]
    created_at: datetime
    own_issuer: bool = False
    aws_claims: AwsClaims = AwsClaims()
    previous: PreviousForm | None = None


@dataclass(frozen=True, slots=True)
class IssuedSubject:
    """A `sub` that was issued, and whose it is: kept for ever, whatever becomes of its owner.

    `owner` is text made of immutable ids (`daypass.idp.subject_ledger`). Since `released_at` it is to be anybody's, and
    nobody's yet.
    """

    issuer: str
    subject: str
    owner: str
    organization_id: str
    issued_at: datetime
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """A thing inside an organization that workloads belong to; `slug` is unique in the organization."""

    id: str
    organization_id: str
    slug: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Workload:
    """One workspace, environment or CI job.

    `attributes` are the platform's facts about it (`context_url`, `user_id`, `user_name`, `user_email`, `repository`,
    `ref`, …), text to text. `secret_hash` is the hex SHA-256 of its secret. `expires_at` bounds the secret, not one
    token; `revoked_at` ends it at once.
    """

    id: str
    organization_id: str
    project_id: str
    kind: WorkloadKind
    name: str
    attributes: Mapping[str, str]
    secret_hash: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Holder:
    """A workload and what it belongs to."""

    workload: Workload
    project: Project
    organization: Organization


@dataclass(frozen=True, slots=True)
class AdminToken:
    """A credential of the admin API: what it may do (`scopes`), and where (`organization_id`, None for everywhere)."""

    id: str
    name: str
    scopes: frozenset[str]
    organization_id: str | None
    secret_hash: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class KeyState(StrEnum):
    """Where a signing key is in its life: published only, signing, published until its last token has died, gone."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs tokens: its public half, and where it is in its life. The private half is in a signer.

    It belongs to the issuer of `organization_id`; None is the root issuer. It is known to be published since
    `published_at`, takes its turn at `activate_at` (None: when somebody activates it), signs from `activated_at` until
    `retiring_at`, and leaves the key set at `retired_at`. `revoked_at` is when it was found to have leaked.
    """

    kid: str
    algorithm: str
    state: KeyState
    public_jwk: Mapping[str, str]
    created_at: datetime
    activated_at: datetime | None = None
    retiring_at: datetime | None = None
    retired_at: datetime | None = None
    organization_id: str | None = None
    published_at: datetime | None = None
    activate_at: datetime | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """How long strangers have been seen to get a key at the issuer's URL, in `seconds`; None when they do not now.

    `why_not` says then what was seen instead. `cached_seconds` is how long caches there may keep a key set, as far as
    it could be seen.
    """

    seconds: float | None
    why_not: str = ""
    cached_seconds: int = 0


@dataclass(frozen=True, slots=True)
class KeysAt:
    """The keys of one issuer, oldest first, as they were at `version`. Each change counts it up by one, from 0."""

    version: int
    keys: tuple[SigningKey, ...]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One decision: who asked, what for, what came of it. Tokens only as SHA-256; never a secret.

    `outcome` is `issued`, `refused`, `changed`, or `failed` for a change that was recorded and then could not be
    made; `reason` is a stable error code when refused or failed.
    """

    at: datetime
    event: str
    outcome: str
    request_id: str
    organization_id: str | None = None
    project_id: str | None = None
    workload_id: str | None = None
    actor: str | None = None
    issuer: str | None = None
    subject: str | None = None
    audience: tuple[str, ...] = ()
    jti: str | None = None
    kid: str | None = None
    token_sha256: str | None = None
    expires_at: datetime | None = None
    source_ip: str | None = None
    reason: str | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenUse:
    """One use of an upstream token, which has only one.

    Attributes:
        key: the token's, and no other's; a SHA-256 in hexadecimal digits.
        until: how long it must be remembered.
    """

    key: str
    until: datetime

    def not_the_first(self) -> TokenReplayed:
        """How a second one is refused."""
        return TokenReplayed(
            "this token was exchanged before",
            advice="Let the platform give out a fresh token for each exchange.",
        )


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A committed entry. `sequence` counts from 1 without a gap; `hash` (hex SHA-256) covers it and all before it."""

    sequence: int
    hash: str
    entry: AuditEntry
