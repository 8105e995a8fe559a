"""What usually is the matter when a policy says no: one function for each mistake, each giving a hint or nothing.

A recogniser judges nothing. It looks at a part that the evaluator says did not match, and names the mistake behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.trust.recognisers import audiences, keys, statements, subjects, values
from daypass.trust.recognisers.case import Case, Hint

if TYPE_CHECKING:
    from daypass.trust.decision import ConditionResult, StatementResult

__all__ = ["Case", "Hint", "of_condition", "of_statement"]

_CONDITIONS = (*keys.RECOGNISERS, *values.RECOGNISERS, *audiences.RECOGNISERS, *subjects.RECOGNISERS)


def of_condition(case: Case, condition: ConditionResult) -> tuple[Hint, ...]:
    """What is the matter with a condition that does not hold."""
    if condition.matched:
        return ()
    return tuple(hint for recognise in _CONDITIONS if (hint := recognise(case, condition)) is not None)


def of_statement(case: Case, statement: StatementResult) -> tuple[Hint, ...]:
    """What is the matter with a statement's principal and action when they do not match."""
    return tuple(hint for recognise in statements.RECOGNISERS if (hint := recognise(case, statement)) is not None)
