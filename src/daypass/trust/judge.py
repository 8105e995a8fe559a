"""Whether a condition holds: absent keys, several values, `…IfExists`, `ForAllValues:`, `ForAnyValue:`, `Null`.

This is the only place that decides it. `evaluate` and `compile` both ask what is made here.
Sources: IAM User Guide, "Set operators for multivalued context keys" and "…IfExists condition operators"; where the
guide is silent, what AWS was observed to do in September 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from daypass.trust.context import Context
from daypass.trust.operators import Comparison, Quantifier

if TYPE_CHECKING:
    from daypass.trust.comparisons.outcome import Test
    from daypass.trust.operators import Operator

Holds = Callable[[Context], bool]
"""Whether a condition holds for a request."""


def compile_condition(operator: Operator, key: str, test: Test, *, has_values: bool, deny: bool) -> Holds:
    """One condition as a function.

    Args:
        operator: with its prefix and suffix.
        key: as written.
        test: of one value, from `operator.compile`.
        has_values: whether the policy has any value for the key.
        deny: whether the statement denies: where AWS fails closed, the condition of a Deny holds.
    """
    folded = key.lower()
    if operator.comparison is Comparison.ABSENCE:
        return _absence(folded, test)
    absent = _absence_accepted(operator, has_values=has_values)
    if not has_values:
        # An empty list matches nothing that is there, negated or not (observed 2026-09).
        return lambda context: absent and not context.folded.get(folded)
    if operator.quantifier is Quantifier.NONE:
        return _one(folded, test, absent=absent, unknown=deny)
    return _several(folded, test, every=operator.quantifier is Quantifier.ALL, absent=absent, unknown=deny)


def _absence_accepted(operator: Operator, *, has_values: bool) -> bool:
    """Whether a condition holds for a key that the request does not have."""
    if operator.quantifier is not Quantifier.NONE:
        return operator.quantifier is Quantifier.ALL
    return operator.if_exists or (operator.negated and has_values)


def _absence(key: str, test: Test) -> Holds:
    def holds(context: Context) -> bool:
        return test("false" if context.folded.get(key) else "true", context) is True

    return holds


def _one(key: str, test: Test, *, absent: bool, unknown: bool) -> Holds:
    def holds(context: Context) -> bool:
        found = context.folded.get(key)
        if not found:
            return absent
        if key in context.folded_multivalued:
            # Observed on AWS: false for a key that can have several values, whatever they are, also for a negation.
            return False
        for value in found:
            answer = test(value, context)
            if not answer:
                return unknown if answer is None else False
        return True

    return holds


def _several(key: str, test: Test, *, every: bool, absent: bool, unknown: bool) -> Holds:
    def holds(context: Context) -> bool:
        found = context.folded.get(key)
        if not found:
            return absent
        for value in found:
            answer = test(value, context)
            if answer is None:
                return unknown
            if answer is not every:
                return answer
        return every

    return holds
