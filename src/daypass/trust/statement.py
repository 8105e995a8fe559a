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
    def readable(self) -> bool:
        """Whether any value is what the operator compares: a number, a date, a range, an ARN."""
        return any(map(self.parsed.reads_wanted, self.values))

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

    def names_principal(self, principal: Principal) -> bool:
        """Whether the statement speaks of who asks."""
        return any(named.covers(principal) for named in self.principals)

    def names_action(self, action: str) -> bool:
        """Whether the statement speaks of what is asked for: `NotAction` of everything it does not list."""
        if self.actions:
            return any(named.covers(action) for named in self.actions)
        return not any(named.covers(action) for named in self.not_actions)

    def applies(self, request: Request) -> bool:
        """Whether the statement has its effect on a request: principal, action and every condition match."""
        return (
            self.names_principal(request.principal)
            and self.names_action(request.action)
            and all(condition.holds(request.context) for condition in self.conditions)
        )
