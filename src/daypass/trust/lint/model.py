"""What a lint rule is, what it looks at and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.errors import JsonMalformed
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.document import Policy
    from daypass.trust.lint.view import Trust
    from daypass.trust.reading import Fault
    from daypass.trust.sources.found import ProviderFacts, RoleFacts
    from daypass.trust.witness import Witness

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
class Finding:
    """One thing that a rule found.

    `path` leads to it inside the policy; `statement` is the index of the statement, None for the whole document;
    `severity` may differ from the rule's; `place` is line and column where no path of the policy leads to it.
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
    place: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the document; every part may be unknown.

    `providers` are those of the same file, or all of the account when `providers_complete`. `issuers` maps an issuer
    without scheme to the name of its subject grammar, for issuers that no table knows (a self-managed GitLab).
    `claims` are those of a decoded token that should get in. `twins` are roles that have the same trust policy.
    """

    role: RoleFacts | None = None
    providers: tuple[ProviderFacts, ...] | None = None
    providers_complete: bool = False
    claims: Mapping[str, JsonValue] | None = None
    twins: tuple[str, ...] = ()
    issuers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LintSubject:
    """A trust policy to be linted.

    Attributes:
        text: JSON, values that are not known marked.
        document: its value, None when it is not JSON.
        not_json: why it is not, None when it is.
        faults: what the grammar does not take, in order, paths as in the document.
        policy: the statements without fault; None when there is none.
        indexes: their places in the document.
        known: what is known beside it.
        trusts: each Allow statement of `policy` with each OIDC provider that it names.
    """

    text: str
    document: JsonValue
    not_json: JsonMalformed | None
    faults: tuple[Fault, ...]
    policy: Policy | None
    indexes: tuple[int, ...]
    known: Known
    trusts: tuple[Trust, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A policy for a rule's page: JSON text, and what is known beside it."""

    text: str
    known: Known = field(default_factory=Known)


Check = Callable[[LintSubject], Iterator[Finding]]
Fix = Callable[[LintSubject, Finding], "str | None"]
"""The document's text after the edit, None when there is no safe one."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue.

    `fix` edits the text so that the finding goes away. `repairs` says that it makes a statement work that could never
    work as written; any other fix must not let anybody in who could not enter before.
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
    repairs: bool = False

    @property
    def page(self) -> str:
        """The rule's page in the documentation."""
        return f"rules/{self.code.lower()}"
