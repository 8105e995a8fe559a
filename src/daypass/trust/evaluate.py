"""Judge a request by every statement of a policy, and keep all the reasons.

Whether a condition holds is decided in `judge`; here is told why it came out so.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from daypass.trust.comparisons.strings import lower
from daypass.trust.decision import ConditionResult, Decision, Reason, StatementResult
from daypass.trust.operators import Comparison, Quantifier
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
    principal = statement.names_principal(request.principal)
    action = statement.names_action(request.action)
    return StatementResult(
        index=statement.index,
        sid=statement.sid,
        effect=statement.effect,
        principal=Reason.MATCHED if principal else Reason.PRINCIPAL_DIFFERS,
        action=Reason.MATCHED if action else Reason.ACTION_DIFFERS,
        conditions=tuple(judged(condition, request.context) for condition in statement.conditions),
    )


def judged(condition: Condition, context: Context) -> ConditionResult:
    """How one condition comes out, and why."""
    found = context.get(condition.key)
    matched = condition.holds(context)
    reason = _why(condition, found, context) if matched else _why_not(condition, found, context)
    return ConditionResult(condition.operator, condition.key, condition.values, found, matched, reason)


def _why(condition: Condition, found: tuple[str, ...], context: Context) -> Reason:
    """What let a condition hold: a value, or something that is no guard at all."""
    if not found:
        return Reason.ABSENT_ACCEPTED
    if _may_fail(condition) and any(condition.test(value, context) is None for value in found):
        return Reason.POLICY_VALUE_UNREADABLE
    if condition.parsed.negated:
        if not all(map(condition.parsed.reads, found)):
            return Reason.VALUE_UNREADABLE
        if condition.unresolved(context):
            return Reason.VARIABLE_UNRESOLVED
        if len(condition.unreadable) == len(condition.values):
            return Reason.POLICY_VALUE_UNREADABLE
    return Reason.MATCHED


def _why_not(condition: Condition, found: tuple[str, ...], context: Context) -> Reason:
    """What kept a condition from holding; the nearest miss, where a value differs."""
    operator = condition.parsed
    if not found:
        return Reason.KEY_ABSENT
    if not condition.values:
        return Reason.NO_VALUES_WANTED
    if operator.comparison is Comparison.ABSENCE:
        return Reason.KEY_PRESENT
    if operator.quantifier is Quantifier.NONE and context.is_multivalued(condition.key):
        return Reason.KEY_MULTIVALUED
    answers = (
        {value: condition.test(value, context) for value in found} if len(found) > 1 or _may_fail(condition) else {}
    )
    if None in answers.values():
        return Reason.POLICY_VALUE_UNREADABLE
    misses = [value for value in found if not answers.get(value)]
    if not all(map(operator.reads, misses)):
        return Reason.VALUE_UNREADABLE
    if operator.negated:
        return Reason.VALUE_EXCLUDED
    if condition.unresolved(context):
        return Reason.VARIABLE_UNRESOLVED
    if len(condition.unreadable) == len(condition.values):
        return Reason.POLICY_VALUE_UNREADABLE
    return _nearest_miss(operator.comparison, condition.values, misses)


def _may_fail(condition: Condition) -> bool:
    """Whether AWS may be unable to compare; that is known of ARNs only, and asking again costs."""
    return condition.parsed.comparison is Comparison.ARN


def _nearest_miss(comparison: Comparison, wanted: tuple[str, ...], misses: list[str]) -> Reason:
    exact, like = comparison is Comparison.EXACT, comparison is Comparison.LIKE
    if exact or like:
        folded = [lower(value) for value in misses]
        lowered = [lower(value) for value in wanted]
        differs = folded != misses or tuple(lowered) != wanted
        if differs and any(
            miss in lowered or (like and any(_pattern(value).matches(miss) for value in lowered)) for miss in folded
        ):
            return Reason.CASE_DIFFERS
    if (exact or comparison is Comparison.IGNORING_CASE) and any("*" in value for value in wanted):
        return Reason.WILDCARD_IN_EXACT_OPERATOR
    return Reason.VALUE_DIFFERS


# Patterns are compiled with the policy; these, in lower case, are asked for by whoever is refused time and again.
_pattern = lru_cache(maxsize=1024)(Pattern.parse)
