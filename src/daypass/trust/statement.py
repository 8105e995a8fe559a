"""The parts of a policy, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from daypass.trust.variables import Template, Variable

if TYPE_CHECKING:
    from daypass.trust.comparisons.outcome import Test
    from daypass.trust.context import Context
    from daypass.trust.decision import Request
    from daypass.trust.judge import Holds
    from daypass.trust.operators import Operator
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
        return self.kind is other.kind and self.value in (other.value, "*")


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator, as written, and compiled.

    `variables` says whether `${` means something in the values. `test` judges one value of the request; `holds` judges
    the request, with all that prefix, suffix and absence do.
    """

    operator: str
    key: str
    values: tuple[str, ...]
    variables: bool
    parsed: Operator = field(repr=False, compare=False)
    test: Test = field(repr=False, compare=False)
    holds: Holds = field(repr=False, compare=False)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """The values that are not what the operator compares: no number, no date, no range, no ARN."""
        return tuple(
            value
            for value in self.values
            if not (self.variables and "${" in value) and not self.parsed.reads_wanted(value)
        )

    def unresolved(self, context: Context) -> tuple[str, ...]:
        """The keys of policy variables that have neither value nor default in a request."""
        if not self.variables:
            return ()
        templates = [Template.parse(value, variables=True) for value in self.values if "${" in value]
        return tuple(
            part.key
            for template in templates
            for part in template.parts
            if isinstance(part, Variable) and part.value(context) is None
        )


@dataclass(frozen=True, slots=True)
class Action:
    """An action as written, wildcards allowed in it, letter case without meaning."""

    text: str
    pattern: Pattern = field(repr=False, compare=False)

    def covers(self, action: str) -> bool:
        """Whether this names `action`."""
        return self.pattern.matches(action.lower())


def names_action(actions: tuple[Action, ...], not_actions: tuple[Action, ...], action: str) -> bool:
    """Whether a statement with these speaks of `action`: `NotAction` of everything it does not list."""
    for named in actions or not_actions:
        if named.covers(action):
            return bool(actions)
    return not actions


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

    # Loops instead of any() and all(): a generator costs as much as what it asks, and this is the hot path.
    def names_principal(self, principal: Principal) -> bool:
        """Whether the statement speaks of who asks."""
        for named in self.principals:  # noqa: SIM110
            if named.covers(principal):
                return True
        return False

    def names_action(self, action: str) -> bool:
        """Whether the statement speaks of what is asked for: `NotAction` of everything it does not list."""
        return names_action(self.actions, self.not_actions, action)

    def applies(self, request: Request) -> bool:
        """Whether the statement has its effect on a request: principal, action and every condition match."""
        if not (self.names_principal(request.principal) and self.names_action(request.action)):
            return False
        for condition in self.conditions:  # noqa: SIM110
            if not condition.holds(request.context):
                return False
        return True
