"""Token formats: what a token's header, claims and subject are, as data. One module per format holds the data.

A format is a list of claims, each with the source of its value. Nothing in it is evaluated: sources are names from a
closed set, so whoever configures an organization cannot reach anything that is not listed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from daypass.errors import ClaimUnavailable, RequestInvalid, SubjectTooLong

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from daypass.names import IssuerUrl
    from daypass.subjects.facts import WorkloadFacts

AWS_SUBJECT_LIMIT: Final = 255
"""Characters of `sub` that AWS STS returns (AssumeRoleWithWebIdentity, SubjectFromWebIdentityToken: 6 to 255)."""


class Source(StrEnum):
    """Where a claim's value comes from, when it is not an attribute of the workload."""

    ISSUER = "issuer"
    SUBJECT = "subject"
    AUDIENCE = "audience"
    FIRST_AUDIENCE = "first_audience"
    ISSUED_AT = "issued_at"
    EXPIRES_AT = "expires_at"
    JTI = "jti"
    SCOPE = "scope"
    PROCESS_HASH = "process_hash"
    TRUE = "true"
    ATTRIBUTES = "attributes"
    ORGANIZATION_ID = "organization_id"
    ORGANIZATION_SLUG = "organization_slug"
    PROJECT_ID = "project_id"
    PROJECT_SLUG = "project_slug"
    WORKLOAD_ID = "workload_id"
    WORKLOAD_KIND = "workload_kind"
    WORKLOAD_NAME = "workload_name"


@dataclass(frozen=True, slots=True)
class Attribute:
    """The workload's attribute of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: its name, and where its value comes from.

    Without a value it is `fallback`; without that, left out, or, when `required`, the token is refused with
    `complaint`. `when` is an attribute and whether it must be `true` for this line to count.
    """

    name: str
    source: Source | Attribute
    fallback: str | None = None
    required: bool = False
    complaint: str | None = None
    when: tuple[str, bool] | None = None

    def counts(self, facts: WorkloadFacts) -> bool:
        """Whether this line is for that workload."""
        return self.when is None or (facts.attributes.get(self.when[0]) == "true") is self.when[1]


class AudienceForm(StrEnum):
    """How `aud` is written (RFC 7519 section 4.1.3 allows both)."""

    STRING_WHEN_ONE = "string_when_one"
    ALWAYS_ARRAY = "always_array"


class SubjectGrammar(Protocol):
    """How `sub` is made, and what an organization may choose about it."""

    @property
    def allowed(self) -> tuple[str, ...]: ...  # noqa: D102 (told by the grammars)
    def check(self, chosen: Sequence[str]) -> None: ...  # noqa: D102
    def names_organization(self, chosen: Sequence[str]) -> bool: ...  # noqa: D102
    def render(self, facts: WorkloadFacts, claims: Mapping[str, object], chosen: Sequence[str]) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class TokenFormat:
    """A token format.

    `typ` is the header's, None to leave it out. `lifetime_seconds` is what is given when none is asked for.
    `subject_limit` is in characters; an operator may raise it up to AWS's 255. `published_attributes` are those
    that the source `attributes` takes.
    """

    name: str
    about: str
    typ: str | None
    audience_form: AudienceForm
    lifetime_seconds: int
    claims: tuple[Claim, ...]
    subject: SubjectGrammar
    subject_limit: int
    published_attributes: tuple[str, ...] = ()

    @property
    def claim_names(self) -> tuple[str, ...]:
        """The claims a token of this format can have, in order."""
        return tuple(dict.fromkeys(claim.name for claim in self.claims))

    @property
    def required_attributes(self) -> tuple[str, ...]:
        """The attributes without which no workload gets a token of this format."""
        return tuple(
            claim.source.name
            for claim in self.claims
            if isinstance(claim.source, Attribute) and claim.required and claim.when is None
        )

    @property
    def takes_scope(self) -> bool:
        """Whether a caller may ask for a `scope`."""
        return any(claim.source is Source.SCOPE for claim in self.claims)


def claims_for(
    token_format: TokenFormat,
    facts: WorkloadFacts,
    *,
    subject_claims: Sequence[str],
    audience: Sequence[str],
    issuer: IssuerUrl,
    issued_at: datetime,
    lifetime_seconds: int,
    jti: str,
    scope: str | None = None,
    process_hash: str = "",
    subject_limit: int = 0,
) -> dict[str, object]:
    """The claims of one token.

    Args:
        token_format: from `daypass.subjects.registry.FORMATS`.
        facts: about the workload.
        subject_claims: what the organization chose for the subject; empty for the format's default.
        audience: who the token is for; at least one.
        issuer: `iss`.
        issued_at: timezone-aware; fractions of a second are cut off.
        lifetime_seconds: from `issued_at` to `exp`.
        jti: an id never used before.
        scope: free text of the caller, for the formats that carry it.
        process_hash: a value that stays the same as long as the issuing process lives.
        subject_limit: characters, when the operator allows more than the format does.

    Raises:
        RequestInvalid: no audience; a scope the format does not carry; `subject_claims` it does not allow.
        ClaimUnavailable: the workload lacks a fact that the format needs.
        SubjectTooLong: the subject is longer than allowed.
    """
    if not audience:
        raise RequestInvalid("a token needs at least one audience")
    if scope is not None and not token_format.takes_scope:
        raise RequestInvalid(
            f"tokens of the format `{token_format.name}` carry no scope",
            advice="Leave the scope out.",
            format=token_format.name,
        )
    token_format.subject.check(subject_claims)
    issued = int(issued_at.timestamp())
    one = token_format.audience_form is AudienceForm.STRING_WHEN_ONE and len(audience) == 1
    known: dict[Source, object] = {
        Source.ISSUER: str(issuer),
        Source.SUBJECT: "",  # keeps its place; filled when the claims that it may be made of are there
        Source.AUDIENCE: audience[0] if one else list(audience),
        Source.FIRST_AUDIENCE: audience[0],
        Source.ISSUED_AT: issued,
        Source.EXPIRES_AT: issued + lifetime_seconds,
        Source.JTI: jti,
        Source.SCOPE: scope or "",
        Source.PROCESS_HASH: process_hash,
        Source.TRUE: True,
        Source.ATTRIBUTES: {
            name: facts.attributes[name] for name in token_format.published_attributes if facts.attributes.get(name)
        },
        Source.ORGANIZATION_ID: facts.organization_id,
        Source.ORGANIZATION_SLUG: facts.organization_slug,
        Source.PROJECT_ID: facts.project_id,
        Source.PROJECT_SLUG: facts.project_slug,
        Source.WORKLOAD_ID: facts.workload_id,
        Source.WORKLOAD_KIND: facts.workload_kind.value,
        Source.WORKLOAD_NAME: facts.workload_name,
    }
    claims: dict[str, object] = {}
    for claim in token_format.claims:
        if claim.when is not None and not claim.counts(facts):
            continue
        source = claim.source
        value = facts.attributes.get(source.name) if isinstance(source, Attribute) else known[source]
        if not value and source is not Source.SUBJECT:
            if claim.required:
                raise ClaimUnavailable(
                    claim.complaint or f"a token of the format `{token_format.name}` needs the claim `{claim.name}`",
                    advice=f"Create the workload with the attribute `{source.name}`."
                    if isinstance(source, Attribute)
                    else None,
                    claim=claim.name,
                )
            if claim.fallback is None:
                continue
            value = claim.fallback
        claims[claim.name] = value
    subject = token_format.subject.render(facts, claims, subject_claims)
    limit = min(max(token_format.subject_limit, subject_limit), AWS_SUBJECT_LIMIT)
    if len(subject) > limit:
        raise SubjectTooLong(
            f"the subject would have {len(subject)} characters, and {limit} are allowed",
            advice="Choose fewer subject claims, or raise the limit (AWS accepts 255 characters).",
            length=len(subject),
            limit=limit,
        )
    claims["sub"] = subject
    return claims
