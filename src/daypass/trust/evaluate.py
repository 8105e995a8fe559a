"""Judge a request by every statement of a policy, and keep all the reasons.

What an absent or a multi-valued key does is AWS's: IAM User Guide, "Set operators for multivalued context keys" and
"…IfExists", and what AWS was observed to do in September 2026 where the guide is silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.trust.decision import ConditionResult, Decision, Reason, StatementResult
from daypass.trust.operators import Comparison, Quantifier, lower
from daypass.trust.wildcard import Pattern

if TYPE_CHECKING:
    from daypass.trust.context import Context
    from daypass.trust.decision import Request
    from daypass.trust.document import Policy
    from daypass.trust.statement import Condition, Statement


def evaluate(policy: Policy, request: Request) -> Decision:
    """Judge a request. Deny wins; nothing is allowed that no statement allows. Never raises."""
    return Decision(request, tuple(_statement(statement, request) for statement in policy.statements))


def _statement(statement: Statement, request: Request) -> StatementResult:
    principal = any(principal.covers(request.principal) for principal in statement.principals)
    named = any(action.covers(request.action) for action in statement.actions or statement.not_actions)
    return StatementResult(
        index=statement.index,
        sid=statement.sid,
        effect=statement.effect,
        principal=Reason.MATCHED if principal else Reason.PRINCIPAL_DIFFERS,
        action=Reason.MATCHED if named is bool(statement.actions) else Reason.ACTION_DIFFERS,
        conditions=tuple(_condition(condition, request.context) for condition in statement.conditions),
    )


def _condition(condition: Condition, context: Context) -> ConditionResult:
    found = context.get(condition.key)
    matched, reason = _judge(condition, found, multivalued=context.is_multivalued(condition.key))
    return ConditionResult(condition.operator, condition.key, condition.values, found, matched, reason)


def _judge(condition: Condition, found: tuple[str, ...], *, multivalued: bool) -> tuple[bool, Reason]:
    """Whether a condition holds for the values that were found, and why."""
    operator = condition.parsed
    if not found:
        accepted = _absence_accepted(condition)
        return accepted, Reason.ABSENT_ACCEPTED if accepted else Reason.KEY_ABSENT
    if not condition.values:
        # An empty list matches nothing that is there, negated or not.
        return False, Reason.NO_VALUES_WANTED
    if operator.comparison is Comparison.ABSENCE:
        wanted_present = condition.equals("false")
        return wanted_present, Reason.MATCHED if wanted_present else Reason.KEY_PRESENT
    if multivalued and operator.quantifier is Quantifier.NONE:
        # Observed on AWS: false for a key that can have several values, whatever they are, also for a negation.
        return False, Reason.KEY_MULTIVALUED
    together = any if operator.quantifier is Quantifier.ANY else all
    matched = together(condition.equals(value) is not operator.negated for value in found)
    return matched, Reason.MATCHED if matched else _why_not(condition, found)


def _absence_accepted(condition: Condition) -> bool:
    """Whether a condition holds for a key that the request does not have."""
    operator = condition.parsed
    if operator.comparison is Comparison.ABSENCE:
        return condition.equals("true")
    if operator.quantifier is not Quantifier.NONE:
        return operator.quantifier is Quantifier.ALL
    return operator.if_exists or (operator.negated and bool(condition.values))


def _why_not(condition: Condition, found: tuple[str, ...]) -> Reason:
    """What the nearest miss was, of a condition that does not hold for values that are there."""
    operator = condition.parsed
    if operator.negated:
        return Reason.VALUE_EXCLUDED
    misses = [value for value in found if not condition.equals(value)]
    exact = operator.comparison is Comparison.EXACT
    if exact or operator.comparison is Comparison.LIKE:
        wanted = [lower(value) for value in condition.values]
        folded = [lower(value) for value in misses]
        if any(value in wanted for value in folded) or (
            not exact and any(Pattern.parse(value).matches(miss) for value in wanted for miss in folded)
        ):
            return Reason.CASE_DIFFERS
    if (exact or operator.comparison is Comparison.IGNORING_CASE) and any("*" in value for value in condition.values):
        return Reason.WILDCARD_IN_EXACT_OPERATOR
    return Reason.VALUE_DIFFERS
