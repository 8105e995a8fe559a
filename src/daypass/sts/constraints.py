"""What AWS's front says about parameters outside the constraints of its model.

The form is `2 validation errors detected: Value '…' at 'name' failed to satisfy constraint: …; Value …`, as AWS answers
for STS and IAM alike. Every broken constraint is listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class TextConstraint:
    r"""What a text parameter must be.

    Attributes:
        name: the parameter in lower camel case, as AWS prints it: `roleSessionName`.
        min_length: in characters.
        max_length: in characters, None for any.
        pattern: what the whole value must match. Write ASCII ranges: `\w` and `$` take more than AWS does.
        pattern_text: the pattern as AWS prints it.
        values: those that it may have, as AWS lists them; empty for any.
        required: whether the parameter must be there.
        sensitive: whether the value must not be repeated; AWS then leaves it out.
    """

    name: str
    min_length: int = 0
    max_length: int | None = None
    pattern: re.Pattern[str] | None = None
    pattern_text: str = ""
    values: tuple[str, ...] = ()
    required: bool = False
    sensitive: bool = False

    def faults(self, value: str | None) -> tuple[str, ...]:
        """Each broken constraint as AWS words it; empty when `value` is good. None is an absent parameter."""
        if value is None:
            return (self._fault("null", "Member must not be null"),) if self.required else ()
        broken = []
        if len(value) < self.min_length:
            broken.append(f"Member must have length greater than or equal to {self.min_length}")
        if self.max_length is not None and len(value) > self.max_length:
            broken.append(f"Member must have length less than or equal to {self.max_length}")
        if self.pattern is not None and not self.pattern.fullmatch(value):
            broken.append(f"Member must satisfy regular expression pattern: {self.pattern_text}")
        if self.values and value not in self.values:
            broken.append(f"Member must satisfy enum value set: [{', '.join(self.values)}]")
        return tuple(self._fault(f"'{value}'", constraint) for constraint in broken)

    def _fault(self, shown: str, constraint: str) -> str:
        value = "Value" if self.sensitive else f"Value {shown}"
        return f"{value} at '{self.name}' failed to satisfy constraint: {constraint}"


@dataclass(frozen=True, slots=True)
class NumberConstraint:
    """The range of a whole number; `name` as in `TextConstraint`."""

    name: str
    minimum: int
    maximum: int

    def faults(self, value: int | None) -> tuple[str, ...]:
        """Each broken constraint as AWS words it; empty when `value` is good. None is an absent parameter."""
        if value is None or self.minimum <= value <= self.maximum:
            return ()
        low = value < self.minimum
        bound = f"greater than or equal to {self.minimum}" if low else f"less than or equal to {self.maximum}"
        return (f"Value '{value}' at '{self.name}' failed to satisfy constraint: Member must have value {bound}",)


@dataclass(frozen=True, slots=True)
class ListConstraint:
    """How many entries a list may have, and what each must be (None: anything)."""

    name: str
    max_length: int
    entry: TextConstraint | None = None

    def faults(self, values: Sequence[str]) -> tuple[str, ...]:
        """Each broken constraint as AWS words it; empty when `values` are good."""
        broken: list[str] = []
        if len(values) > self.max_length:
            broken.append(
                f"Value '[{', '.join(values)}]' at '{self.name}' failed to satisfy constraint:"
                f" Member must have length less than or equal to {self.max_length}"
            )
        if self.entry is not None:
            for value in values:
                broken.extend(self.entry.faults(value))
        return tuple(broken)


def validation_error(faults: Sequence[str]) -> str:
    """The text of a `ValidationError` with every fault."""
    return f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected: {'; '.join(faults)}"
