"""AWS's wildcards: `*` is any run of characters, `?` exactly one.

A pattern is cut at its stars once; the pieces are then found in order, each behind the one before. The first find is
as good as any later one, so nothing is ever tried twice: time grows with the text, not with the number of stars. A
regular expression would backtrack, and the pattern may come from whoever writes policies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Wildcard(Enum):
    """A character of a pattern that does not stand for itself."""

    MANY = "*"
    ONE = "?"


_SPLIT: Final = re.compile(r"([*?])")
_WILDCARDS: Final = {wildcard.value: wildcard for wildcard in Wildcard}


def _units(text: str) -> str:
    """`text` as UTF-16 units, one character each: a letter outside the basic plane counts as two."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    data = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(high << 8 | low) for high, low in zip(data[::2], data[1::2], strict=True))


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stands between two stars: literal runs at fixed offsets, with room for one character between them.

    `literal` is the piece when it is nothing but text. Otherwise `masks` has, for each character, a bit per place of
    the piece where that character may stand; `other` is the mask of every character that the piece does not name.
    """

    length: int
    literal: str | None
    runs: tuple[tuple[int, str], ...]
    masks: Mapping[str, int]
    other: int

    @classmethod
    def of(cls, parts: list[str | Wildcard]) -> Self:
        """Compile texts, and wildcards for one character."""
        if all(isinstance(part, str) for part in parts):
            text = "".join(part for part in parts if isinstance(part, str))
            return cls(length=len(text), literal=text, runs=((0, text),) if text else (), masks={}, other=0)
        runs: list[tuple[int, str]] = []
        masks: dict[str, int] = {}
        other = place = 0
        for part in parts:
            if isinstance(part, str):
                runs.append((place, part))
                place += len(part)
            else:
                other |= 1 << place
                place += 1
        for offset, run in runs:
            for index, unit in enumerate(run, offset):
                masks[unit] = masks.get(unit, other) | 1 << index
        return cls(length=place, literal=None, runs=tuple(runs), masks=masks, other=other)

    def stands_at(self, text: str, start: int) -> bool:
        """Whether the piece stands in `text` at `start`."""
        if self.literal is not None:
            return text.startswith(self.literal, start)
        return all(text.startswith(run, start + offset) for offset, run in self.runs)

    def find(self, text: str, start: int, end: int) -> int:
        """The first place of the piece in `text[start:end]`, or -1."""
        if self.literal is not None:
            return text.find(self.literal, start, end)
        if start + self.length > end:
            return -1
        if not self.runs:
            return start
        if len(self.runs) == 1:
            offset, run = self.runs[0]
            found = text.find(run, start + offset, end - (self.length - offset - len(run)))
            return found - offset if found >= 0 else -1
        # Shift-and: bit i of `state` says that the last i + 1 characters fit the first i + 1 places.
        state, goal, masks, other = 0, 1 << self.length - 1, self.masks, self.other
        for place in range(start, end):
            state = (state << 1 | 1) & masks.get(text[place], other)
            if state & goal:
                return place - self.length + 1
        return -1


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern: `first` stands at the start, `last` at the end (None: there was no star)."""

    first: _Piece
    middle: tuple[_Piece, ...]
    last: _Piece | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Compile a pattern in which every `*` and `?` is a wildcard."""
        return cls.of(_WILDCARDS.get(part, part) for part in _SPLIT.split(text) if part)

    @classmethod
    def of(cls, parts: Iterable[str | Wildcard]) -> Self:
        """Compile texts that stand for themselves, and wildcards."""
        pieces: list[list[str | Wildcard]] = [[]]
        for part in parts:
            if part is Wildcard.MANY:
                pieces.append([])
            else:
                pieces[-1].append(_units(part) if isinstance(part, str) else part)
        if len(pieces) == 1:
            return cls(first=_Piece.of(pieces[0]), middle=(), last=None)
        middle = tuple(_Piece.of(piece) for piece in pieces[1:-1] if piece)
        return cls(first=_Piece.of(pieces[0]), middle=middle, last=_Piece.of(pieces[-1]))

    def parts(self) -> tuple[str | Wildcard, ...]:
        """What `of` was told: single UTF-16 units and wildcards; stars that touch are one."""
        pieces = [self.first, *self.middle] if self.last is None else [self.first, *self.middle, self.last]
        parts: list[str | Wildcard] = []
        for index, piece in enumerate(pieces):
            places: list[str | Wildcard] = [Wildcard.ONE] * piece.length
            for start, run in piece.runs:
                places[start : start + len(run)] = run
            parts += [*([Wildcard.MANY] if index else []), *places]
        return tuple(parts)

    def matches(self, text: str) -> bool:
        """Whether the whole of `text` fits, letter case and all."""
        text = _units(text)
        first, last = self.first, self.last
        if last is None:
            return len(text) == first.length and first.stands_at(text, 0)
        place, end = first.length, len(text) - last.length
        if place > end or not first.stands_at(text, 0) or not last.stands_at(text, end):
            return False
        for piece in self.middle:
            found = piece.find(text, place, end)
            if found < 0:
                return False
            place = found + piece.length
        return True
