"""Values that nearly are the wanted ones, whatever the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.trust.decision import Reason
from daypass.trust.recognisers.case import Case, Hint

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.trust.decision import ConditionResult


def letter_case(case: Case, condition: ConditionResult) -> Hint | None:  # noqa: ARG001 (one signature for all)
    """Only the letter case differs."""
    if condition.reason is not Reason.CASE_DIFFERS:
        return None
    return Hint("letter_case", "only the letter case differs, and it counts here")


def wildcard(case: Case, condition: ConditionResult) -> Hint | None:  # noqa: ARG001
    """A `*` under an operator that takes it as a character."""
    if condition.reason is not Reason.WILDCARD_IN_EXACT_OPERATOR:
        return None
    return Hint("wildcard_in_exact_operator", "this operator takes * literally; StringLike matches patterns")


def blank(case: Case, condition: ConditionResult) -> Hint | None:  # noqa: ARG001
    """White space around a value."""
    if condition.reason is not Reason.VALUE_DIFFERS:
        return None
    stripped = {value.strip() for value in condition.wanted if value != value.strip()}
    if not stripped & set(condition.found):
        return None
    return Hint("white_space", "the wanted value has white space around it, and it counts")


RECOGNISERS: Final[tuple[Callable[[Case, ConditionResult], Hint | None], ...]] = (letter_case, wildcard, blank)
