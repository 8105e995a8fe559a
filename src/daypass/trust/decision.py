"""A decision that carries all its reasons.

One `Decision` feeds the answer on the wire, the audit line, the explanation and the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from daypass.trust.statement import Effect

if TYPE_CHECKING:
    from daypass.trust.context import Context
    from daypass.trust.statement import Principal


class Reason(StrEnum):
    """Why a part of a statement matched, or did not.

    The first group matched, the second did not, and the third can be either.
    """

    MATCHED = "matched"
    ABSENT_ACCEPTED = "absent_accepted"
    """The key is not in the request, and that is enough: `…IfExists`, a negation, `ForAllValues`, `Null`."""

    PRINCIPAL_DIFFERS = "principal_differs"
    ACTION_DIFFERS = "action_differs"
    KEY_ABSENT = "key_absent"
    KEY_PRESENT = "key_present"
    """`Null` wants the key to be absent, and it is there."""
    VALUE_DIFFERS = "value_differs"
    CASE_DIFFERS = "case_differs"
    """Only the letter case differs."""
    WILDCARD_IN_EXACT_OPERATOR = "wildcard_in_exact_operator"
    VALUE_EXCLUDED = "value_excluded"
    """A negated operator, and the value is one of those that must not be."""
    KEY_MULTIVALUED = "key_multivalued"
    """An operator for one value never matches a key that can have several."""
    NO_VALUES_WANTED = "no_values_wanted"
    """The policy's list of values is empty."""

    VALUE_UNREADABLE = "value_unreadable"
    """The request's value is no number, date, address or ARN; a negated Numeric or Date operator then holds."""
    POLICY_VALUE_UNREADABLE = "policy_value_unreadable"
    """A value of the policy is none. A negated operator may hold for it; of ARNs, the condition of a Deny does."""
    VARIABLE_UNRESOLVED = "variable_unresolved"
    """A policy variable has no value in the request, so nothing equals it; a negated operator holds."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who wants to do what, and what is known about it. `action` is `sts:AssumeRoleWithWebIdentity` or the like."""

    principal: Principal
    action: str
    context: Context


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """How one condition came out: `wanted` are the policy's values, `found` the request's."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    found: tuple[str, ...]
    matched: bool
    reason: Reason

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "operator": self.operator,
            "key": self.key,
            "wanted": list(self.wanted),
            "found": list(self.found),
            "matched": self.matched,
            "reason": self.reason.value,
        }


@dataclass(frozen=True, slots=True)
class StatementResult:
    """How one statement came out: it applies when principal, action and every condition match."""

    index: int
    sid: str | None
    effect: Effect
    principal: Reason
    action: Reason
    conditions: tuple[ConditionResult, ...]

    @property
    def applies(self) -> bool:
        """Whether the statement has its effect on the request."""
        return (
            self.principal is Reason.MATCHED
            and self.action is Reason.MATCHED
            and all(condition.matched for condition in self.conditions)
        )

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Every reason for which the statement does not apply; empty when it does."""
        parts = [reason for reason in (self.principal, self.action) if reason is not Reason.MATCHED]
        return (*parts, *(condition.reason for condition in self.conditions if not condition.matched))

    def to_json(self) -> dict[str, object]:
        """As plain values."""
        return {
            "index": self.index,
            "sid": self.sid,
            "effect": self.effect.value,
            "applies": self.applies,
            "principal": self.principal.value,
            "action": self.action.value,
            "conditions": [condition.to_json() for condition in self.conditions],
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of a policy to a request, with how every statement came out."""

    request: Request
    statements: tuple[StatementResult, ...]

    @property
    def denied_by(self) -> tuple[StatementResult, ...]:
        """The Deny statements that apply."""
        return tuple(result for result in self.statements if result.effect is Effect.DENY and result.applies)

    @property
    def allowed_by(self) -> tuple[StatementResult, ...]:
        """The Allow statements that apply."""
        return tuple(result for result in self.statements if result.effect is Effect.ALLOW and result.applies)

    @property
    def allowed(self) -> bool:
        """An Allow applies, and no Deny does (IAM User Guide, "Policy evaluation logic")."""
        return bool(self.allowed_by) and not self.denied_by

    def to_json(self) -> dict[str, object]:
        """As plain values, for a log or a program."""
        return {
            "allowed": self.allowed,
            "action": self.request.action,
            "principal": {"kind": self.request.principal.kind.value, "value": self.request.principal.value},
            "statements": [result.to_json() for result in self.statements],
        }
