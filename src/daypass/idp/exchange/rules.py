"""What a connection demands of an upstream token's claims: one claim, one comparison, no coercion.

GitLab writes `"true"` where GitHub writes nothing and Buildkite writes a number: a rule compares type and value, and a
mismatch says which of the two it was. Every rule of a connection must hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Final, Self

from daypass.errors import RequestInvalid
from daypass.idp.exchange.patterns import Pattern
from daypass.tokens.strict_json import brief

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.tokens.strict_json import JsonValue

MAX_RULES: Final = 32
MAX_VALUES: Final = 100
MAX_PATH: Final = 8

Scalar = str | int | float | bool


class Comparison(StrEnum):
    """How a claim is compared."""

    EQUALS = "equals"
    ONE_OF = "one_of"
    MATCHES = "matches"
    CONTAINS = "contains"


class Absent(Enum):
    """What `find` gives for a claim that is not there: JSON's null is a value."""

    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why a rule does not hold: for the owner of the connection, never for a stranger.

    Attributes:
        rule: the rule in words, such as `ref matches release/*`.
        claim: the claim's path, joined by ` > `.
        expected: what the rule wants, in words.
        received: what the token has, in words; at most 200 characters.
    """

    rule: str
    claim: str
    expected: str
    received: str

    def to_json(self) -> dict[str, str]:
        """The four, by name."""
        return {"rule": self.rule, "claim": self.claim, "expected": self.expected, "received": self.received}


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """One demand.

    Attributes:
        path: the claim's name, and the names below it when it is an object (`("kubernetes.io", "namespace")`).
        comparison: how it is compared.
        values: what with: one value, or several for `ONE_OF` and `MATCHES`.
    """

    path: tuple[str, ...]
    comparison: Comparison
    values: tuple[Scalar, ...]
    _patterns: tuple[Pattern, ...] = ()

    @classmethod
    def of(cls, path: Sequence[str], comparison: Comparison, values: Sequence[Scalar]) -> Self:
        """A rule that was checked.

        Raises:
            RequestInvalid: for a path that is empty or too long, no value, too many, or a value the comparison cannot
                take.
        """
        name = _name(path)
        if not 0 < len(path) <= MAX_PATH or not all(path):
            raise RequestInvalid("a rule names a claim", advice=f"A path has 1 to {MAX_PATH} names.", rule=name)
        most = 1 if comparison in {Comparison.EQUALS, Comparison.CONTAINS} else MAX_VALUES
        if not 0 < len(values) <= most:
            raise RequestInvalid(f"the rule on `{name}` takes 1 to {most} values", rule=name, found=len(values))
        if any(isinstance(value, float) and not math.isfinite(value) for value in values):
            raise RequestInvalid(f"the rule on `{name}` holds a number that JSON does not have", rule=name)
        if comparison is not Comparison.MATCHES:
            return cls(tuple(path), comparison, tuple(values))
        patterns = []
        for value in values:
            if not isinstance(value, str):
                raise RequestInvalid(f"the rule on `{name}` matches text, and {brief(value)} is not text", rule=name)
            patterns.append(Pattern.parse(value))
        return cls(tuple(path), comparison, tuple(values), tuple(patterns))

    @classmethod
    def from_json(cls, document: Mapping[str, JsonValue]) -> Self:
        """A rule as the API and the store write it: `claim` (a name, or an array of names) and one comparison.

        Raises:
            RequestInvalid: when it is anything else.
        """
        claim = document.get("claim")
        path = [claim] if isinstance(claim, str) else claim
        found = [comparison for comparison in Comparison if comparison.value in document]
        if not isinstance(path, list) or len(found) != 1 or len(document) != 2:
            raise RequestInvalid(
                "a rule has `claim` and one of " + ", ".join(f"`{comparison}`" for comparison in Comparison),
                found=sorted(document),
            )
        given = document[found[0].value]
        several = found[0] is Comparison.ONE_OF or (found[0] is Comparison.MATCHES and isinstance(given, list))
        values = given if several else [given]
        if not isinstance(values, list) or not all(isinstance(value, str | int | float) for value in values):
            raise RequestInvalid(f"`{found[0]}` takes texts, numbers and true or false", found=brief(given))
        names = [name for name in path if isinstance(name, str)]
        if len(names) != len(path):
            raise RequestInvalid("`claim` is a name or an array of names", found=brief(claim))
        return cls.of(names, found[0], [value for value in values if isinstance(value, str | int | float)])

    def to_json(self) -> dict[str, JsonValue]:
        """What `from_json` reads."""
        single = self.comparison in {Comparison.EQUALS, Comparison.CONTAINS}
        values: JsonValue = self.values[0] if single else list(self.values)
        return {"claim": self.path[0] if len(self.path) == 1 else list(self.path), self.comparison.value: values}

    def mismatch(self, claims: Mapping[str, JsonValue]) -> Mismatch | None:
        """Why the rule does not hold for these claims, None when it does."""
        found = find(claims, self.path)
        if self._holds(found):
            return None
        return Mismatch(str(self), _name(self.path), self._expected(), self._received(found))

    def __str__(self) -> str:
        wanted = self._expected() if len(self.values) == 1 else f"({self._expected()})"
        return f"{_name(self.path)} {self.comparison.value.replace('_', ' ')} {wanted}"

    def _holds(self, found: JsonValue | Absent) -> bool:
        match self.comparison:
            case Comparison.MATCHES:
                return isinstance(found, str) and any(pattern.matches(found) for pattern in self._patterns)
            case Comparison.CONTAINS:
                return isinstance(found, list) and any(_same(each, self.values[0]) for each in found)
            case _:
                return any(_same(found, value) for value in self.values)

    def _expected(self) -> str:
        return " or ".join(brief(value) for value in self.values)

    def _received(self, found: JsonValue | Absent) -> str:
        if isinstance(found, Absent):
            return "no such claim"
        told = f"{_kind(found)} {brief(found)}"
        if self.comparison is Comparison.CONTAINS and not isinstance(found, list):
            return f"{told}, where the rule wants an array"
        kinds = {_kind(value) for value in self.values}
        if self.comparison is not Comparison.CONTAINS and _kind(found) not in kinds:
            return f"{told}, where the rule wants {' or '.join(sorted(kinds))}"
        return told


def mismatches(rules: Sequence[ClaimRule], claims: Mapping[str, JsonValue]) -> tuple[Mismatch, ...]:
    """Why claims do not satisfy all rules; empty when they do. Without rules nothing is demanded: see `connection`."""
    return tuple(found for rule in rules if (found := rule.mismatch(claims)) is not None)


def find(claims: Mapping[str, JsonValue], path: Sequence[str]) -> JsonValue | Absent:
    """The value at a path of names, `Absent.ABSENT` without one."""
    found = claims.get(path[0], Absent.ABSENT)
    for name in path[1:] if len(path) > 1 else ():
        if not isinstance(found, dict) or name not in found:
            return Absent.ABSENT
        found = found[name]
    return found


def _same(found: object, wanted: Scalar) -> bool:
    """Equal in type and value: `true` is not 1, and `"1"` is not 1. 1 and 1.0 are the same JSON number."""
    return _kind(found) == _kind(wanted) and found == wanted


def _kind(value: object) -> str:
    match value:
        case bool():
            return "the boolean"
        case str():
            return "the text"
        case int() | float():
            return "the number"
        case list():
            return "the array"
        case None:
            return "the value"
        case _:
            return "the object"


def _name(path: Sequence[str]) -> str:
    return " > ".join(path)
