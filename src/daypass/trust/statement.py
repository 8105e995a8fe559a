"""The parts of a policy, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.trust.operators import Equals, Operator
    from daypass.trust.wildcard import Pattern


class Effect(StrEnum):
    """What a statement does when it applies."""

    ALLOW = "Allow"
    DENY = "Deny"


class PrincipalKind(StrEnum):
    """The kinds of principal that a policy names; ANYONE is the bare `"*"`."""

    ANYONE = "*"
    AWS = "AWS"
    FEDERATED = "Federated"
    SERVICE = "Service"
    CANONICAL_USER = "CanonicalUser"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, or whom a statement names: `Principal(PrincipalKind.FEDERATED, "arn:…")`."""

    kind: PrincipalKind
    value: str

    def covers(self, other: Principal) -> bool:
        """Whether a statement that names this principal speaks of `other`.

        `"*"` is everyone; `{"AWS": "*"}` is every AWS principal and no web identity (observed 2026-09).
        """
        if self.kind is PrincipalKind.ANYONE:
            return True
        return self.kind is other.kind and self.value in {other.value, "*"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator, as written, and compiled."""

    operator: str
    key: str
    values: tuple[str, ...]
    parsed: Operator = field(repr=False, compare=False)
    equals: Equals = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Action:
    """An action as written, wildcards allowed in it, letter case without meaning."""

    text: str
    pattern: Pattern = field(repr=False, compare=False)

    def covers(self, action: str) -> bool:
        """Whether this names `action`."""
        return self.pattern.matches(action.lower())


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; `index` counts from 0 in the order of the document.

    Either `actions` or `not_actions` is filled, as the document has `Action` or `NotAction`.
    """

    index: int
    sid: str | None
    effect: Effect
    principals: tuple[Principal, ...]
    actions: tuple[Action, ...]
    not_actions: tuple[Action, ...]
    conditions: tuple[Condition, ...]
