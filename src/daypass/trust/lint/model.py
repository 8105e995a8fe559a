"""What a lint rule is, what it looks at and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.errors import DaypassError
    from daypass.names import ProviderArn
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.document import Policy
    from daypass.trust.sources.found import ProviderFacts, RoleFacts

Path = tuple[str | int, ...]


class Severity(IntEnum):
    """How bad it is: an error is open to strangers or can never work."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """As commands and reports say it."""
        return self.name.lower()


class Claim(StrEnum):
    """What a finding says about who gets in; the engine must agree."""

    OPEN = "open"
    """Somebody gets in who should not: the finding has a witness."""
    DEAD = "dead"
    """The condition, or the value, matches no token at all."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A token that the policy lets in, as the claims that matter, and the provider it comes from."""

    provider: ProviderArn
    claims: Mapping[str, str]

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {"provider": str(self.provider), "claims": dict(self.claims)}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule found.

    `path` leads to it inside the policy; `statement` is the index of the statement, None for the whole document;
    `severity` may differ from the rule's.
    """

    code: str
    severity: Severity
    message: str
    path: Path
    advice: str
    statement: int | None = None
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    claim: Claim | None = None
    witness: Witness | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the document; every part may be unknown.

    `issuers` maps an issuer without scheme to the name of its subject grammar, for issuers that no table knows (a
    self-managed GitLab). `claims` are those of a decoded token that should get in.
    """

    role: RoleFacts | None = None
    providers: tuple[ProviderFacts, ...] | None = None
    claims: Mapping[str, JsonValue] | None = None
    issuers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LintSubject:
    """A trust policy to be linted.

    `document` is the JSON value, None when the text is not JSON; `faults` are what the grammar does not take, in
    order, with their paths; `policy` holds the statements without fault, None when there is none, and `indexes`
    their places in the document.
    """

    text: str
    document: JsonValue
    faults: tuple[tuple[Path, DaypassError], ...]
    policy: Policy | None
    indexes: tuple[int, ...]
    known: Known


@dataclass(frozen=True, slots=True)
class Example:
    """A policy for a rule's page: JSON text, and what is known beside it."""

    text: str
    known: Known = field(default_factory=Known)


Check = Callable[[LintSubject], Iterator[Finding]]
Fix = Callable[[LintSubject, Finding], "str | None"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue.

    `fix` makes the document's text without what a finding names, where that never lets anybody else in.
    """

    code: str
    slug: str
    severity: Severity
    title: str
    why: str
    remedy: str
    fails: Example
    passes: Example
    check: Check
    fix: Fix | None = None

    @property
    def page(self) -> str:
        """The rule's page in the documentation."""
        return f"rules/{self.code.lower()}"
