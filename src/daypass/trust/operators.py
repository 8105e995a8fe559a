"""Condition operators, one table entry each, and what their prefix and suffix do.

Sources: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context
keys"; where the guide is silent, what AWS was observed to do in September 2026.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from daypass.errors import PolicyMalformed, PolicyUnsupported
from daypass.trust import variables as policy_variables

Equals = Callable[[str], bool]
"""Whether one value of the request equals one of the policy's values."""


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
    BOOL = "bool"
    ABSENCE = "absence"


def lower(text: str) -> str:
    """`text` in lower case as AWS compares it: letters outside the basic plane keep their case (observed 2026-09)."""
    lowered = text.lower()
    if text.isascii() or max(text, default="") <= "\uffff":
        return lowered
    originals = iter([character for character in text if character > "\uffff"])
    return "".join(next(originals) if character > "\uffff" else character for character in lowered)


def truth(text: str) -> bool:
    """`true` in any letter case; everything else is false, on both sides (observed 2026-09)."""
    return text.lower() == "true"


def _exact(values: tuple[str, ...], *, variables: bool) -> Equals:
    return frozenset(policy_variables.literal(value, variables=variables) for value in values).__contains__


def _ignoring_case(values: tuple[str, ...], *, variables: bool) -> Equals:
    wanted = frozenset(lower(policy_variables.literal(value, variables=variables)) for value in values)
    return lambda found: lower(found) in wanted


def _like(values: tuple[str, ...], *, variables: bool) -> Equals:
    patterns = tuple(policy_variables.pattern(value, variables=variables) for value in values)
    return lambda found: any(pattern.matches(found) for pattern in patterns)


def _bool(values: tuple[str, ...], *, variables: bool) -> Equals:
    wanted = frozenset(truth(policy_variables.literal(value, variables=variables)) for value in values)
    return lambda found: truth(found) in wanted


_COMPILERS: Final = {
    Comparison.EXACT: _exact,
    Comparison.IGNORING_CASE: _ignoring_case,
    Comparison.LIKE: _like,
    Comparison.BOOL: _bool,
    # `Null` asks whether the key is absent; "true" and "false" are all it can be told.
    Comparison.ABSENCE: _bool,
}

_OPERATORS: Final = {
    "StringEquals": (Comparison.EXACT, False),
    "StringNotEquals": (Comparison.EXACT, True),
    "StringEqualsIgnoreCase": (Comparison.IGNORING_CASE, False),
    "StringNotEqualsIgnoreCase": (Comparison.IGNORING_CASE, True),
    "StringLike": (Comparison.LIKE, False),
    "StringNotLike": (Comparison.LIKE, True),
    "Bool": (Comparison.BOOL, False),
    "Null": (Comparison.ABSENCE, False),
}

_NOT_EVALUATED: Final = frozenset(
    {
        *("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals"),
        *("NumericGreaterThan", "NumericGreaterThanEquals", "DateEquals", "DateNotEquals", "DateLessThan"),
        *("DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals", "BinaryEquals", "IpAddress"),
        *("NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
    }
)


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator as a policy names it: `ForAllValues:StringLikeIfExists`."""

    name: str
    comparison: Comparison
    negated: bool
    quantifier: Quantifier
    if_exists: bool

    @classmethod
    def parse(cls, name: str) -> Self:
        """Take an operator's name apart.

        Raises:
            PolicyMalformed: AWS has no such operator.
            PolicyUnsupported: AWS has it, and it is not evaluated here.
        """
        prefix, colon, rest = name.rpartition(":")
        base = rest.removesuffix("IfExists")
        if_exists = base != rest
        known = _OPERATORS.get(base)
        if (colon and prefix not in {Quantifier.ALL, Quantifier.ANY}) or (known is None and base not in _NOT_EVALUATED):
            near = difflib.get_close_matches(base, [*_OPERATORS, *_NOT_EVALUATED], n=1, cutoff=0.7)
            raise PolicyMalformed(
                f"`{name}` is not a condition operator",
                advice=f"Did you mean `{near[0]}`?" if near and near[0] != base else None,
            )
        if known is None:
            raise PolicyUnsupported(f"the operator `{name}` is not evaluated yet")
        comparison, negated = known
        if comparison is Comparison.ABSENCE and (if_exists or prefix):
            raise PolicyMalformed(f"`{name}` is not a condition operator", advice="Write `Null` alone.")
        return cls(name, comparison, negated, Quantifier(prefix), if_exists)

    def compile(self, values: tuple[str, ...], *, variables: bool) -> Equals:
        """The comparison with the policy's values; `variables` says whether `${` means something in them.

        Raises:
            PolicyUnsupported: when a value holds a policy variable.
        """
        return _COMPILERS[self.comparison](values, variables=variables)
