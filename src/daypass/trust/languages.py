"""Sets of texts that patterns describe, and which combinations of them a text can be in.

A pattern is a row of steps; a text walks all rows at once, and which steps it has come to is one whole number with a
bit per step. Two texts at the same steps can be told apart by nothing that follows, so finitely many such numbers
stand for all texts. This is the subset construction for automata (Rabin and Scott, 1959). Where only the texts that
are in few sets are of interest, a number is left out when another has come less far in each of them, after the
antichains of De Wulf, Doyen, Henzinger and Raskin ("Antichains: a new algorithm for checking universality", 2006).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Final, Self

from daypass.trust.wildcard import Pattern, Wildcard

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from daypass.subjects.shapes import Shape

MAX_STATES: Final = 4_000
"""How many numbers are looked at before the search gives up."""

_FILLERS: Final = "x0abcdefghijklmnopqrstuvwyz123456789-_.~+=@!%ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HIGH: Final = range(0xD800, 0xDC00)
_LOW: Final = range(0xDC00, 0xE000)


class TooManyClasses(Exception):
    """The patterns tell more texts apart than are looked at."""


class NotRegular(Exception):
    """What a condition compares is not a set of texts that steps can describe."""


@dataclass(frozen=True, slots=True)
class Step:
    """A place of a pattern: one character, or, when `many`, any number of them.

    `allowed` are the characters it takes, None for all but `excluded`.
    """

    allowed: str | None = None
    excluded: str = ""
    many: bool = False

    def takes(self, unit: str) -> bool:
        """Whether it takes a UTF-16 unit."""
        return unit not in self.excluded if self.allowed is None else unit in self.allowed

    @property
    def is_rest(self) -> bool:
        """Whether it takes all that follows, whatever it is."""
        return self.many and self.allowed is None and not self.excluded


Row = tuple[Step, ...]
_ANY: Final = {Wildcard.MANY: Step(many=True), Wildcard.ONE: Step()}


@dataclass(frozen=True, slots=True)
class Language:
    """The texts that fit one of some rows."""

    rows: tuple[Row, ...]

    @classmethod
    def like(cls, patterns: Iterable[Pattern]) -> Self:
        """The texts that fit one of the patterns."""
        rows = (tuple(Step(part) if isinstance(part, str) else _ANY[part] for part in p.parts()) for p in patterns)
        return cls(tuple(dict.fromkeys(rows)))

    @classmethod
    def exactly(cls, texts: Iterable[str]) -> Self:
        """These texts."""
        return cls.like(Pattern.of([text]) for text in texts)

    @classmethod
    def ignoring_case(cls, texts: Iterable[str]) -> Self:
        """The texts that are one of these in lower case.

        Raises:
            NotRegular: a letter whose lower case is not told by the letter alone.
        """
        return cls(tuple(dict.fromkeys(tuple(map(_any_case, text)) for text in texts)))

    def has(self, text: str) -> bool:
        """Whether a text is among them."""
        units = [str(unit) for unit in Pattern.of([text]).parts()]
        return any(_fits(row, units) for row in self.rows)

    @staticmethod
    @cache
    def shaped(shapes: tuple[Shape, ...]) -> Language:
        """The subjects of these forms."""
        return Language(tuple(_shape_row(shape) for shape in shapes))


@cache
def _upper_cases() -> Mapping[str, str]:
    """For each letter of the basic plane, all letters that become it in lower case."""
    found: dict[str, str] = {}
    for number in range(0x10000):
        letter = chr(number).lower()
        if len(letter) == 1:
            found[letter] = found.get(letter, "") + chr(number)
    return found


def _any_case(letter: str) -> Step:
    if letter > "\uffff" or letter in "σς\u0307":
        raise NotRegular(f"letter case of `{letter}`")
    return Step(letter if letter.isascii() and not letter.isalpha() else _upper_cases().get(letter, ""))


def _fits(row: Row, units: Sequence[str]) -> bool:
    def closed(places: set[int]) -> set[int]:
        for start in sorted(places):
            place = start
            while place < len(row) and row[place].many:
                place += 1
                places.add(place)
        return places

    places = closed({0})
    for unit in units:
        taken = {place for place in places if place < len(row) and row[place].takes(unit)}
        places = closed({place if row[place].many else place + 1 for place in taken})
    return len(row) in places


def _shape_row(shape: Shape) -> Row:
    row: list[Step] = []
    for part in shape.parts:
        if isinstance(part, str):
            row += map(Step, part)
        else:
            allowed = part.allowed or None
            row += [Step(allowed, part.excluded), Step(allowed, part.excluded, many=True)]
    return tuple(row)


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted of one language: `inside` True or False, or None when the text may be in it or not.

    Of those that are left open, `few` asks for the texts that are not in it, where there are such, and `often` for
    those that are; both for each kind.
    """

    language: Language
    inside: bool | None = None
    few: bool = True
    often: bool = True


@dataclass(frozen=True, slots=True)
class TextClass:
    """Texts that are in the same languages, and one of them, among the shortest. `inside` is in the order asked."""

    inside: tuple[bool, ...]
    sample: str


def classes(aims: Sequence[Aim], *, letters: str | None = None, max_length: int | None = None) -> list[TextClass]:
    """The kinds of texts that the languages tell apart and the aims ask for.

    A kind may be left out only when another one is in the list that is in no more of the `few` and in no fewer of the
    `often`.

    Args:
        aims: one for each language.
        letters: the only characters of the texts; None for all.
        max_length: of the texts, in UTF-16 units.

    Raises:
        TooManyClasses: there are more than are looked at.
    """
    found: dict[tuple[bool, ...], str] = {}
    for narrowed in _row_by_row(aims):
        for each in _Walk(narrowed, letters, max_length).run():
            # A text may be in more rows of a language that was narrowed, which is one that it must be in anyway.
            found.setdefault(each.inside, each.sample)
    return [TextClass(inside, sample) for inside, sample in found.items()]


def _row_by_row(aims: Sequence[Aim]) -> Iterable[list[Aim]]:
    """The aims with one row at a time of a language that a text must be in.

    How far a text has come in one row is no merit once another row is taken, and would only keep texts apart. Rows
    without a star inside need not be taken one by one: they are told apart by their beginnings.
    """
    narrow = {aim.language.rows[0] for aim in aims if aim.inside and len(aim.language.rows) == 1}
    choices: list[list[Aim]] = []
    for aim in aims:
        if aim.inside and not narrow.isdisjoint(aim.language.rows):
            choices.append([Aim(Language((next(row for row in aim.language.rows if row in narrow),)), inside=True)])
            continue  # another aim asks for one of these rows, and that is enough
        wandering = [row for row in aim.language.rows if any(step.many for step in row[:-1])] if aim.inside else []
        if not wandering or len(aim.language.rows) == 1:
            choices.append([aim])
            continue
        steady = tuple(row for row in aim.language.rows if row not in wandering)
        each = [Aim(Language((row,)), inside=True) for row in wandering]
        choices.append([*each, *([Aim(Language(steady), inside=True)] if steady else [])])
    return map(list, product(*choices))


class _Walk:
    """One search. Numbers have a bit for each step of each row, and one for having come to its end."""

    def __init__(self, aims: Sequence[Aim], letters: str | None, max_length: int | None) -> None:
        self._aims, self._max_length = aims, max_length
        self._ends = [0] * len(aims)
        self._alive = [0] * len(aims)
        self._decided = [0] * len(aims)
        self._few = self._often = self._start = self._skip = 0
        self._one = self._loop = 0
        plus_one: dict[str, int] = {}
        plus_loop: dict[str, int] = {}
        minus: dict[str, int] = {}
        place = 0
        for index, aim in enumerate(aims):
            first = place
            for row in aim.language.rows:
                self._start |= 1 << place
                for at, step in enumerate(row, start=1):
                    bit = 1 << place
                    if at == len(row) and step.is_rest:
                        self._decided[index] |= bit
                    if step.many:
                        self._skip |= bit
                    if step.allowed is None:
                        if step.many:
                            self._loop |= bit
                        else:
                            self._one |= bit
                        for letter in step.excluded:
                            minus[letter] = minus.get(letter, 0) | bit
                    else:
                        plus = plus_loop if step.many else plus_one
                        for letter in step.allowed:
                            plus[letter] = plus.get(letter, 0) | bit
                    place += 1
                self._ends[index] |= 1 << place
                place += 1
            self._alive[index] = (1 << place) - (1 << first)
            if aim.few if aim.inside is None else not aim.inside:
                self._few |= self._alive[index]
            if aim.often if aim.inside is None else aim.inside:
                self._often |= self._alive[index]
        self._settling = [
            (decided, alive) for decided, alive in zip(self._decided, self._alive, strict=True) if decided
        ]
        named = {*plus_one, *plus_loop, *minus}
        self._moves = [
            (
                letter,
                (self._one & ~minus.get(letter, 0)) | plus_one.get(letter, 0),
                (self._loop & ~minus.get(letter, 0)) | plus_loop.get(letter, 0),
            )
            for letter in self._alphabet(named, letters)
        ]
        self._explicit = [
            plus_one.get(move[0], 0) | plus_loop.get(move[0], 0) | minus.get(move[0], 0) for move in self._moves
        ]

    @staticmethod
    def _alphabet(named: set[str], letters: str | None) -> list[str]:
        """One letter that no row names, where there is one, and those that are named."""
        if letters is not None:
            named &= set(letters)
        other = next((letter for letter in (letters or _FILLERS) if letter not in named), None)
        if other is None and letters is None:
            other = next(chr(number) for number in range(0xA1, 0xD800) if chr(number) not in named)
        alphabet = [other] if other is not None else []
        surrogates = [letter for letter in named if ord(letter) in _HIGH or ord(letter) in _LOW]
        if surrogates and letters is None:
            # A pair whose halves no row names is told apart from two other letters by nothing but its halves.
            alphabet += [chr(next(n for n in half if chr(n) not in named)) for half in (_HIGH, _LOW)]
        return alphabet + sorted(named)

    def run(self) -> list[TextClass]:
        """Breadth first, so that a text found is among the shortest."""
        start = self._closed(self._start)
        best = [(start, False)]
        found: dict[tuple[bool, ...], str] = {}
        seen = {(start, False)}
        queue = deque([(start, "")])
        while queue:
            state, text = queue.popleft()
            half = bool(text) and ord(text[-1]) in _HIGH
            if not half:
                self._record(state, text, found)
            if self._max_length is not None and len(text) >= self._max_length:
                continue
            for following, letter in self._following(state, half=half):
                opens = ord(letter) in _HIGH
                if (following, opens) in seen or self._worse(following, best, opens=opens):
                    continue
                seen.add((following, opens))
                best.append((following, opens))
                if len(seen) > MAX_STATES:
                    raise TooManyClasses
                queue.append((following, text + letter))
        return [TextClass(inside, _joined(text)) for inside, text in found.items()]

    def _following(self, state: int, *, half: bool) -> Iterable[tuple[int, str]]:
        taken = False
        for (letter, one, loop), explicit in zip(self._moves, self._explicit, strict=True):
            number = ord(letter)
            if half is not (number in _LOW):
                continue
            if not explicit and number not in _LOW and number not in _HIGH:
                if taken:
                    continue
                taken = True
            elif not state & explicit and number < 0xD800 and taken:
                continue  # no step that was come to names the letter: it does what the other one did
            following = self._closed(((state & one) << 1) | (state & loop))
            if all(following & alive for aim, alive in zip(self._aims, self._alive, strict=True) if aim.inside):
                yield following, letter

    def _closed(self, state: int) -> int:
        skipping = state & self._skip
        while skipping:
            more = (skipping << 1) & ~state
            state |= more
            skipping = more & self._skip
        for decided, alive in self._settling:
            if state & decided:
                state |= alive  # whatever follows, the text is in this language: nothing else matters about it
        return state

    def _worse(self, state: int, best: list[tuple[int, bool]], *, opens: bool) -> bool:
        few, often = self._few, self._often
        return any(
            not (other & few & ~state) and not (state & often & ~other) and other_opens is opens
            for other, other_opens in best
        )

    def _record(self, state: int, text: str, found: dict[tuple[bool, ...], str]) -> None:
        inside = tuple(bool(state & ends) for ends in self._ends)
        wanted = all(aim.inside is None or aim.inside is there for aim, there in zip(self._aims, inside, strict=True))
        if wanted and inside not in found:
            found[inside] = text


def _joined(units: str) -> str:
    """UTF-16 units as text."""
    if not any("\ud800" <= unit <= "\udfff" for unit in units):
        return units
    return units.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")
