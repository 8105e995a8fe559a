"""What AWS's front says about parameters outside their constraints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class TextConstraint:
    """What a text parameter must be: `name` is its name in lower camel case."""

    name: str
    min_length: int = 0
    max_length: int | None = None
    pattern: re.Pattern[str] | None = None
    pattern_text: str = ""
    sensitive: bool = False

    def faults(self, value: str | None) -> tuple[str, ...]:
        """Each broken constraint as AWS words it; empty when `value` is good."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class NumberConstraint:
    """The range of a whole number."""

    name: str
    minimum: int
    maximum: int

    def faults(self, value: int) -> tuple[str, ...]:
        """Each broken constraint as AWS words it; empty when `value` is good."""
        raise NotImplementedError


def validation_error(faults: Sequence[str]) -> str:
    """`N validation error(s) detected: …`, the faults joined as AWS joins them."""
    raise NotImplementedError
