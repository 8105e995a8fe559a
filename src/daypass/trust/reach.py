"""Who can enter: every subject that a policy admits, in words, with samples and proofs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.names import ProviderArn
    from daypass.subjects.grammars import Grammar
    from daypass.trust.document import Policy
    from daypass.trust.witness import Undecided, Witness


class Breadth(StrEnum):
    """How many may enter through one pattern, from the narrowest."""

    EXACT = "exact"
    PATTERN = "pattern"
    ANYBODY = "anybody"


@dataclass(frozen=True, slots=True)
class Entrance:
    """One value of a policy through which subjects enter.

    Attributes:
        provider: whose tokens.
        statement: the Allow statement, from 0.
        subject: the exact subject or the pattern; `*` when the statement asks for none.
        breadth: how many that are.
        audiences: that the statement asks for, as written; empty when any registered one will do.
        conditions: what else must hold, in words.
        words: the entrance in words, such as `every branch of mygroup/myproject`.
        sample: a token that enters here.
    """

    provider: ProviderArn
    statement: int
    subject: str
    breadth: Breadth
    audiences: tuple[str, ...]
    conditions: tuple[str, ...]
    words: str
    sample: Witness


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can enter. `only` is the pattern asked about, `counterexample` a token that enters and does not fit it.

    `undecided` is set when something was not decided; then the entrances may not be all, and nothing is proved.
    """

    entrances: tuple[Entrance, ...]
    only: str | None = None
    counterexample: Witness | None = None
    undecided: Undecided | None = None

    @property
    def proved(self) -> bool | None:
        """Whether nobody but `only` can enter; None when it was not asked or not decided."""
        if self.only is None:
            return None
        if self.counterexample is not None:
            return False
        return None if self.undecided else True

    def words(self) -> str:
        """For a terminal."""
        raise NotImplementedError

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        raise NotImplementedError


def who(
    policy: Policy, *, provider: ProviderArn | None = None, grammar: Grammar | None = None, only: str | None = None
) -> Reach:
    """Who can enter.

    Args:
        policy: as parsed.
        provider: the one to look at; by default each that the policy names.
        grammar: of its issuer; by default the known one, if any.
        only: a `StringLike` pattern; proves that no other subject enters, or finds one.
    """
    raise NotImplementedError
