"""Numbers and dates: equal, less, greater, once both sides are read.

A value that cannot be read equals nothing and is neither less nor greater, on either side; a negation is then true
(observed on AWS, September 2026).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from daypass.trust.comparisons.outcome import negatable

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.trust.comparisons.outcome import Compiler, Test, Values

T = TypeVar("T")


def equal(read: Callable[[str], T | None]) -> Compiler:
    """`NumericEquals`, `DateEquals`: one of the values."""

    def compiler(values: Values, *, negated: bool) -> Test:
        wanted = frozenset(value for value in map(read, values.texts) if value is not None)
        return negatable(lambda found, _: read(found) in wanted, negated=negated)

    return compiler


def ordered(read: Callable[[str], T | None], compare: Callable[[T, T], bool]) -> Compiler:
    """`NumericLessThan` and its like: less, or whatever `compare` asks, than one of the values."""

    def compiler(values: Values, *, negated: bool) -> Test:
        bounds = tuple(value for value in map(read, values.texts) if value is not None)

        def beyond(found: str, _: object) -> bool:
            value = read(found)
            return value is not None and any(compare(value, bound) for bound in bounds)

        return negatable(beyond, negated=negated)

    return compiler
