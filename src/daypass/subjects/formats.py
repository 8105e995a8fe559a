"""Token formats: what a token's header, claims and subject are, as data. `daypass.subjects.issuers` holds the data.

A format is a list of claims, each with the source of its value. Nothing in it is evaluated: sources are names from a
closed set, so whoever configures an organization cannot reach anything that is not listed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from daypass.subjects.claim_types import ClaimType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.subjects.facts import WorkloadFacts
    from daypass.subjects.identity import Identity
    from daypass.subjects.phrases import Phrase
    from daypass.subjects.shapes import Grammar

AWS_SUBJECT_LIMIT: Final = 255
"""Characters of `sub` that AWS STS returns (AssumeRoleWithWebIdentity, SubjectFromWebIdentityToken: 6 to 255)."""


class Source(StrEnum):
    """Where a claim's value comes from, when it is not an attribute of the workload."""

    ISSUER = "issuer"
    ISSUER_HOST = "issuer_host"
    """The issuer without `https://`."""
    SUBJECT = "subject"
    AUDIENCE = "audience"
    FIRST_AUDIENCE = "first_audience"
    ISSUED_AT = "issued_at"
    NOT_BEFORE = "not_before"
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

    def fact(self, facts: WorkloadFacts) -> str | None:
        """What the workload's facts hold for it; None when it is not among them."""
        if self not in _FACTS:
            return None
        value: str = getattr(facts, self.value)
        return str(value)


_FACTS: Final = frozenset(
    {
        *(Source.ORGANIZATION_ID, Source.ORGANIZATION_SLUG, Source.PROJECT_ID, Source.PROJECT_SLUG),
        *(Source.WORKLOAD_ID, Source.WORKLOAD_KIND, Source.WORKLOAD_NAME),
    }
)
"""Those that are members of `WorkloadFacts` by the same name."""
_NUMBERS: Final = frozenset({Source.ISSUED_AT, Source.NOT_BEFORE, Source.EXPIRES_AT})


@dataclass(frozen=True, slots=True)
class Attribute:
    """The workload's attribute of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class When:
    """Only for workloads whose attribute has one of these values (`negated`: none of them).

    Without the attribute it is `otherwise`. No values: whether there is one at all.
    """

    attribute: str
    values: tuple[str, ...] = ()
    negated: bool = False
    otherwise: str = ""

    def holds(self, facts: WorkloadFacts) -> bool:
        """Whether it is so for that workload."""
        value = facts.attributes.get(self.attribute) or self.otherwise
        return (value in self.values if self.values else bool(value)) is not self.negated


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: its name, and where its value comes from.

    Without a value it is `fallback`; without that, left out, or, when `required`, the token is refused with
    `complaint`. `within` are the objects it stands in, from the outside in. All of `when` must hold for this line to
    count. `type` is what an attribute's text becomes.
    """

    name: str
    source: Source | Attribute
    fallback: str | None = None
    required: bool = False
    complaint: str | None = None
    when: tuple[When, ...] = ()
    type: ClaimType = ClaimType.TEXT
    within: tuple[str, ...] = ()

    def counts(self, facts: WorkloadFacts) -> bool:
        """Whether this line is for that workload."""
        return all(when.holds(facts) for when in self.when)

    @property
    def written(self) -> ClaimType:
        """The type on the wire."""
        if self.source in _NUMBERS:
            return ClaimType.NUMBER
        if self.source is Source.TRUE:
            return ClaimType.BOOLEAN
        if self.source is Source.AUDIENCE:
            return ClaimType.TEXT_OR_TEXTS
        return ClaimType.OBJECT if self.source is Source.ATTRIBUTES else self.type


class AudienceForm(StrEnum):
    """How `aud` is written (RFC 7519 section 4.1.3 allows a string and an array)."""

    STRING_WHEN_ONE = "string_when_one"
    ALWAYS_ARRAY = "always_array"
    THE_ISSUER = "the_issuer"
    """Always the issuer's URL; nobody can ask for another."""
    NONE = "none"
    """There is no `aud`. AWS refuses such a token, and whoever takes it takes it from everybody."""


class Marking(StrEnum):
    """Whether a part of a subject can be trusted to stay with one thing."""

    IMMUTABLE = "immutable"
    """An id that is never given twice, or a word of a closed set."""
    TENANT_CHOSEN = "tenant_chosen"
    """A name that somebody chose and may choose again: a branch, an environment, a path."""
    PERSONAL = "personal"
    """About a person, who may change it; AWS writes subjects to CloudTrail and asks for none in them."""


class Certainty(StrEnum):
    """How well a format is known."""

    OURS = "our own"
    DOCUMENTED = "documented by its maker"
    READ_IN_CODE = "read in its maker's code"
    PARTLY = "documented in part"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the facts about a format stand.

    Attributes:
        source: the page or code that says so, and when it was read.
        certainty: how sure that makes it.
        doubts: what is not known, or done otherwise on purpose; sentences.
    """

    source: str
    certainty: Certainty
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SubjectPart:
    """What may be chosen for a subject. `longest` is in characters as written; None when nothing bounds it."""

    name: str
    marking: Marking
    longest: int | None = None


class SubjectGrammar(Protocol):
    """How `sub` is made and read back, and what an organization may choose about it."""

    @property
    def allowed(self) -> tuple[str, ...]: ...  # noqa: D102 (told by the grammars)
    @property
    def default(self) -> Sequence[str]: ...  # noqa: D102
    def part(self, name: str) -> SubjectPart: ...  # noqa: D102
    def check(self, chosen: Sequence[str]) -> None: ...  # noqa: D102
    def names_organization(self, chosen: Sequence[str]) -> bool: ...  # noqa: D102
    def longest(self, chosen: Sequence[str]) -> int | None: ...  # noqa: D102
    def render(self, facts: WorkloadFacts, claims: Mapping[str, object], chosen: Sequence[str]) -> str: ...  # noqa: D102
    def parse(self, subject: str) -> Mapping[str, str] | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class TokenFormat:
    """A token format: one entry that issues, recognises and describes.

    Attributes:
        name: as an organization names it.
        about: for people, in a line.
        noun: what a token of it is called: `GitLab ID token`.
        typ: the header's, None to leave it out.
        audience_form: how `aud` is written.
        lifetime_seconds: what is given when none is asked for.
        claims: in order.
        subject: its grammar.
        subject_limit: in characters; an operator may raise it up to AWS's 255.
        standing: where the facts stand.
        issuers: whose tokens these are, for recognising them and their subjects in trust policies.
        marks: claims (`outer/inner` for nested ones) that tokens of this format have and those of no other one do.
        marks_absent: claims that they never have.
        phrases: what a token says of its bearer, in words.
        published_attributes: those that the source `attributes` takes.
        identity: the immutable ids that make what a subject names the same thing; none where the subject is made of
            ids, or where the organization alone is what is named.
        not_before_seconds: how long before `iat` the `nbf` lies.
        operator_may_share: whether the whole issuer's administrator may choose it for organizations that share an
            issuer although its subjects do not name the organization.
        algorithms: of the vendor's own tokens, the usual first.
    """

    name: str
    about: str
    noun: str
    typ: str | None
    audience_form: AudienceForm
    lifetime_seconds: int
    claims: tuple[Claim, ...]
    subject: SubjectGrammar
    subject_limit: int
    standing: Standing
    issuers: tuple[Grammar, ...]
    marks: tuple[str, ...] = ()
    marks_absent: tuple[str, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    published_attributes: tuple[str, ...] = ()
    identity: tuple[Identity, ...] = ()
    not_before_seconds: int = 0
    operator_may_share: bool = False
    algorithms: tuple[str, ...] = ("RS256",)

    @property
    def claim_names(self) -> tuple[str, ...]:
        """The claims a token of this format can have, in order; of nested ones the outermost."""
        return tuple(dict.fromkeys((*claim.within, claim.name)[0] for claim in self.claims))

    @property
    def required_attributes(self) -> tuple[str, ...]:
        """The attributes without which no workload gets a token of this format."""
        return tuple(
            claim.source.name
            for claim in self.claims
            if isinstance(claim.source, Attribute) and claim.required and not claim.when
        )

    @property
    def takes_scope(self) -> bool:
        """Whether a caller may ask for a `scope`."""
        return any(claim.source is Source.SCOPE for claim in self.claims)

    @property
    def shareable(self) -> bool:
        """Whether organizations that share an issuer can have it."""
        return self.operator_may_share or self.subject.names_organization(())
