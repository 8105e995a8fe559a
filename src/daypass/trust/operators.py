"""Condition operators, one table row each: what is compared, how, and whether the answer is turned around.

Sources: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context
keys"; where the guide is silent, what AWS was observed to do in September 2026.
"""

from __future__ import annotations

import difflib
import operator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

from daypass.errors import PolicyMalformed
from daypass.trust.comparisons import addresses, arns, binary, order, strings, truth
from daypass.trust.comparisons.dates import instant
from daypass.trust.comparisons.numbers import number
from daypass.trust.comparisons.outcome import Values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.trust.comparisons.outcome import Compiler, Test


class Quantifier(StrEnum):
    """How the values of a multi-valued key are taken together; NONE is for keys with one value."""

    NONE = ""
    ALL = "ForAllValues"
    ANY = "ForAnyValue"


class Comparison(StrEnum):
    """What is compared, before any negation."""

    EXACT = "exact"
    IGNORING_CASE = "ignoring case"
    LIKE = "like"
    NUMBER = "number"
    DATE = "date"
    BOOL = "bool"
    BINARY = "binary"
    ADDRESS = "address"
    ARN = "arn"
    ABSENCE = "absence"


@dataclass(frozen=True, slots=True)
class _Row:
    comparison: Comparison
    compiler: Compiler
    negated: bool = False


_OPERATORS: Final = {
    "StringEquals": _Row(Comparison.EXACT, strings.exact),
    "StringNotEquals": _Row(Comparison.EXACT, strings.exact, negated=True),
    "StringEqualsIgnoreCase": _Row(Comparison.IGNORING_CASE, strings.ignoring_case),
    "StringNotEqualsIgnoreCase": _Row(Comparison.IGNORING_CASE, strings.ignoring_case, negated=True),
    "StringLike": _Row(Comparison.LIKE, strings.like),
    "StringNotLike": _Row(Comparison.LIKE, strings.like, negated=True),
    "NumericEquals": _Row(Comparison.NUMBER, order.equal(number)),
    "NumericNotEquals": _Row(Comparison.NUMBER, order.equal(number), negated=True),
    "NumericLessThan": _Row(Comparison.NUMBER, order.ordered(number, operator.lt)),
    "NumericLessThanEquals": _Row(Comparison.NUMBER, order.ordered(number, operator.le)),
    "NumericGreaterThan": _Row(Comparison.NUMBER, order.ordered(number, operator.gt)),
    "NumericGreaterThanEquals": _Row(Comparison.NUMBER, order.ordered(number, operator.ge)),
    "DateEquals": _Row(Comparison.DATE, order.equal(instant)),
    "DateNotEquals": _Row(Comparison.DATE, order.equal(instant), negated=True),
    "DateLessThan": _Row(Comparison.DATE, order.ordered(instant, operator.lt)),
    "DateLessThanEquals": _Row(Comparison.DATE, order.ordered(instant, operator.le)),
    "DateGreaterThan": _Row(Comparison.DATE, order.ordered(instant, operator.gt)),
    "DateGreaterThanEquals": _Row(Comparison.DATE, order.ordered(instant, operator.ge)),
    "Bool": _Row(Comparison.BOOL, truth.equal),
    "BinaryEquals": _Row(Comparison.BINARY, binary.equal),
    "IpAddress": _Row(Comparison.ADDRESS, addresses.within),
    "NotIpAddress": _Row(Comparison.ADDRESS, addresses.within, negated=True),
    "ArnEquals": _Row(Comparison.ARN, arns.like),
    "ArnNotEquals": _Row(Comparison.ARN, arns.like, negated=True),
    "ArnLike": _Row(Comparison.ARN, arns.like),
    "ArnNotLike": _Row(Comparison.ARN, arns.like, negated=True),
    # `Null` asks whether the key is absent; "true" and "false" are all it can be told.
    "Null": _Row(Comparison.ABSENCE, truth.equal),
}

_VARIABLES: Final = frozenset({Comparison.EXACT, Comparison.IGNORING_CASE, Comparison.LIKE, Comparison.ARN})
"""What policy variables are read in (the guide's pages disagree about `Bool`, so there they are text)."""

_READERS: Final[Mapping[Comparison, tuple[Callable[[str], object], Callable[[str], object]]]] = {
    Comparison.NUMBER: (number, number),
    Comparison.DATE: (instant, instant),
    Comparison.ADDRESS: (addresses.address, addresses.network),
    Comparison.ARN: (arns.arn, arns.arn),
}
"""How a value of the request and one of the policy are read, where not every text will do; None is unreadable."""

NAMES: Final = tuple(_OPERATORS)
"""Every operator, without prefix and suffix."""


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator as a policy names it: `ForAllValues:StringLikeIfExists`; `base` is `StringLike`."""

    name: str
    base: str
    comparison: Comparison
    negated: bool
    quantifier: Quantifier
    if_exists: bool

    @classmethod
    def parse(cls, name: str) -> Self:
        """Take an operator's name apart.

        Raises:
            PolicyMalformed: AWS has no such operator.
        """
        prefix, colon, rest = name.rpartition(":")
        base = rest.removesuffix("IfExists")
        if_exists = base != rest
        row = _OPERATORS.get(base)
        if (colon and prefix not in {Quantifier.ALL, Quantifier.ANY}) or row is None:
            near = difflib.get_close_matches(base, NAMES, n=1, cutoff=0.7)
            raise PolicyMalformed(
                f"`{name}` is not a condition operator",
                advice=f"Did you mean `{near[0]}`?" if near and near[0] != base else None,
            )
        if row.comparison is Comparison.ABSENCE and (if_exists or prefix):
            raise PolicyMalformed(f"`{name}` is not a condition operator", advice="Write `Null` alone.")
        return cls(name, base, row.comparison, row.negated, Quantifier(prefix), if_exists)

    @property
    def takes_variables(self) -> bool:
        """Whether policy variables are read in its values."""
        return self.comparison in _VARIABLES

    def reads(self, value: str) -> bool:
        """Whether a value of the request is something that this can compare."""
        return self.comparison not in _READERS or _READERS[self.comparison][0](value) is not None

    def reads_wanted(self, value: str) -> bool:
        """Whether a value of the policy, without variables, is something that this can compare."""
        return self.comparison not in _READERS or _READERS[self.comparison][1](value) is not None

    def compile(self, values: tuple[str, ...], *, variables: bool) -> Test:
        """The comparison of one value with the policy's; `variables` says whether `${` means something in these.

        Raises:
            PolicyMalformed: when AWS would not take a value.
            PolicyUnsupported: when a `${` begins nothing that AWS is known to read.
        """
        return _OPERATORS[self.base].compiler(Values(values, variables), negated=self.negated)
