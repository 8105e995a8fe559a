"""True or not: `true` in any letter case is true; everything else is false, on both sides (observed 2026-09)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.trust.comparisons.outcome import negatable

if TYPE_CHECKING:
    from daypass.trust.comparisons.outcome import Test, Values


def truth(text: str) -> bool:
    """Whether a text says yes."""
    return text.lower() == "true"


def equal(values: Values, *, negated: bool) -> Test:
    """`Bool`."""
    wanted = frozenset(map(truth, values.texts))
    return negatable(lambda found, _: truth(found) in wanted, negated=negated)
