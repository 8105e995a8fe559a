"""AWS's wildcards: `*` is any run of characters, `?` exactly one.

A pattern is cut at its stars once; the pieces are then found in order, each behind the one before. The first find is
as good as any later one, so nothing is ever tried twice: no number of stars multiplies the work. A regular expression
would backtrack, and both pattern and text may come from somebody hostile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable


class Wildcard(Enum):
    """A character of a pattern that does not stand for itself."""

    MANY = "*"
    ONE = "?"


_BITS: Final = tuple(bytes(48 + (byte >> bit & 1) for byte in range(256)) for bit in range(8))
"""For each bit, the byte that a digit 0 or 1 takes the place of."""
_Part = TypeVar("_Part")

_SPLIT: Final = re.compile(r"([*?])")
_WILDCARDS: Final = {wildcard.value: wildcard for wildcard in Wildcard}


def _units(text: str) -> str:
    """`text` as UTF-16 units, one character each: a letter outside the basic plane counts as two."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    data = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(high << 8 | low) for high, low in zip(data[::2], data[1::2], strict=True))


class _Places:
    """Where each character stands in a text, as a number with a bit for each place.

    The text is cut into its bits first: eight numbers for the low bytes of its units, and eight for the high ones when
    any is not zero. The places of a character are what all of them agree on, so a text costs the same however many
    characters are asked for.
    """

    __slots__ = ("_everywhere", "_found", "_planes")

    def __init__(self, text: str) -> None:
        data = text.encode("utf-16-le", "surrogatepass")[::-1]
        high, low = data[0::2], data[1::2]
        self._planes = [int(low.translate(bits), 2) for bits in _BITS]
        if any(high):
            self._planes += [int(high.translate(bits), 2) for bits in _BITS]
        self._everywhere = (1 << len(text)) - 1
        self._found: dict[str, int] = {}

    def of(self, unit: str) -> int:
        """The places of a UTF-16 unit."""
        found = self._found.get(unit)
        if found is None:
            code, found = ord(unit), self._everywhere
            for bit, plane in enumerate(self._planes):
                found &= plane if code >> bit & 1 else ~plane
            self._found[unit] = found = 0 if code >> len(self._planes) else found
        return found


@dataclass(frozen=True, slots=True)
class Piece:
    """What stands between two stars: literal runs at fixed offsets, with room for one character between them."""

    length: int
    runs: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, parts: Iterable[str | Wildcard]) -> Self:
        """Compile texts, and wildcards for one character."""
        runs: list[tuple[int, str]] = []
        place = 0
        joins = False
        for part in parts:
            if isinstance(part, str):
                text = _units(part)
                if joins:
                    offset, before = runs.pop()
                    runs.append((offset, before + text))
                elif text:
                    runs.append((place, text))
                joins = joins or bool(text)
                place += len(text)
            else:
                joins = False
                place += 1
        return cls(place, tuple(runs))

    def stands_at(self, text: str, start: int) -> bool:
        """Whether the piece stands in `text` at `start`."""
        for offset, run in self.runs:  # noqa: SIM110 (a generator costs more than the comparison)
            if not text.startswith(run, start + offset):
                return False
        return True

    def find(self, text: str, start: int, end: int) -> int:
        """The first place of a piece with one run, or none, in `text[start:end]`, which has room for it; or -1."""
        if not self.runs:
            return start
        offset, run = self.runs[0]
        found = text.find(run, start + offset, end - (self.length - offset - len(run)))
        return found - offset if found >= 0 else -1

    def find_runs(self, places: _Places, start: int, end: int) -> int:
        """The first place of a piece with several runs: where every character of it stands at its distance."""
        found = (1 << end - self.length + 1 - start) - 1
        for offset, run in self.runs:
            for distance, unit in enumerate(run, start + offset):
                found &= places.of(unit) >> distance
                if not found:
                    return -1
        return start + (found & -found).bit_length() - 1


def split(parts: Iterable[_Part]) -> list[list[_Part]]:
    """The parts between stars; one more list than there are stars."""
    pieces: list[list[_Part]] = [[]]
    for part in parts:
        if part is Wildcard.MANY:
            pieces.append([])
        else:
            pieces[-1].append(part)
    return pieces


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern: `first` stands at the start, `last` at the end (None: there was no star)."""

    first: Piece
    middle: tuple[Piece, ...]
    last: Piece | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Compile a pattern in which every `*` and `?` is a wildcard."""
        return cls.of(_WILDCARDS.get(part, part) for part in _SPLIT.split(text) if part)

    @classmethod
    def of(cls, parts: Iterable[str | Wildcard]) -> Self:
        """Compile texts that stand for themselves, and wildcards."""
        return cls.of_pieces([Piece.of(piece) for piece in split(parts)])

    @classmethod
    def of_pieces(cls, pieces: list[Piece]) -> Self:
        """Put pieces together, with a star between each two."""
        if len(pieces) == 1:
            return cls(first=pieces[0], middle=(), last=None)
        middle = tuple(piece for piece in pieces[1:-1] if piece.length)
        return cls(first=pieces[0], middle=middle, last=pieces[-1])

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
        places: _Places | None = None
        for piece in self.middle:
            if place + piece.length > end:
                return False
            if len(piece.runs) <= 1:
                found = piece.find(text, place, end)
            else:
                places = places or _Places(text)
                found = piece.find_runs(places, place, end)
            if found < 0:
                return False
            place = found + piece.length
        return True
