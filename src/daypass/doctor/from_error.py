"""`daypass doctor --from-error`: which known error a printed sentence is, and which of its causes are so.

What is printed around AWS's sentence does not matter: names of tools and operations, request ids, colours, frames, line
breaks in the middle, JSON's or HTML's way of writing quotes.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from daypass.doctor.known_errors import KnownError, fields, known_errors, literals
from daypass.doctor.redaction import without_secrets
from daypass.doctor.way import UNSEEN, step_of, steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daypass.doctor.facts import Facts
    from daypass.doctor.judge import Diagnosis
    from daypass.doctor.known_errors import Cause

MAX_CHARACTERS: Final = 20_000
"""What is looked at of a text, from its end: a job's log ends with what went wrong."""
_NEAREST: Final = 3
_NEAR_ENOUGH: Final = 0.3
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FRAME: Final = re.compile("[\u2500-\u257f\u2580-\u259f]")
_QUOTE: Final = re.compile('[`"\u2018\u2019\u201c\u201d\u00b4]')
_ESCAPED: Final = re.compile(r"\\(?:u0027|u0022|[nrt\"'])")
_WORD: Final = re.compile(r"[a-z][a-z:-]{2,}")
_CODE: Final = re.compile(r"\b[A-Z][A-Za-z]{5,}\b")
_COMMON: Final = frozenset(
    (
        "the",
        "and",
        "for",
        "with",
        "that",
        "this",
        "you",
        "your",
        "not",
        "was",
        "has",
        "have",
        "from",
        "are",
        "error",
        "occurred",
        "when",
        "calling",
        "operation",
        "aws",
        "sts",
    )
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """A known error.

    Attributes:
        error: which.
        said: what stood in the places where its text differs from case to case, by field.
    """

    error: KnownError
    said: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def issuer(self) -> str | None:
        """The issuer's URL, where the sentence had it."""
        url = self.said.get("issuer") or self.said.get("url")
        return url if url is not None and url.startswith("https://") else None


@dataclass(frozen=True, slots=True)
class Unknown:
    """No known error; `nearest` are those that share most words with it, the most alike first; maybe none."""

    nearest: tuple[KnownError, ...]


class Standing(StrEnum):
    """What an examination says of a cause."""

    FOUND = "found"
    """A check shows it."""
    OPEN = "open"
    """No check can tell, or what it needs was not there."""
    NOT_FOUND = "not found"
    """Its checks ran on what they need, and are silent."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """A cause after an examination; `codes` are the findings that show it."""

    cause: Cause
    standing: Standing
    codes: tuple[str, ...] = ()


def recognise(text: str) -> Recognised | Unknown:
    """Which error a printed text is. Of several the most telling counts: the one whose own words are most.

    Args:
        text: as printed, with whatever is around it.
    """
    text = text[-MAX_CHARACTERS:]
    plain = _plain(text)
    best: Recognised | None = None
    most = 0
    for error, pattern, names, weight in _patterns():
        found = pattern.search(plain) if weight > most else None
        if found is not None:
            values = (without_secrets(value.strip(" '.,;:!()[]")) for value in found.groups())
            said = dict(zip(names, values, strict=True))
            best, most = Recognised(error, MappingProxyType(said)), weight
    if best is not None:
        return best
    # What people paste from a page's heading is the beginning of AWS's sentence.
    headed = [error for error in known_errors() if "…" not in error.title and _plain(error.title) in plain]
    if headed:
        return Recognised(max(headed, key=lambda error: len(error.title)))
    codes = set(_CODE.findall(text))
    for error in known_errors():
        if codes.intersection(error.codes) or codes.intersection(f"{code}Exception" for code in error.codes):
            return Recognised(error)
    return Unknown(_nearest(plain))


def weigh(recognised: Recognised, facts: Facts | None, diagnosis: Diagnosis | None) -> tuple[Weighed, ...]:
    """The causes of an error after an examination: those found first, then those that nobody could tell of.

    Args:
        recognised: the error.
        facts: of the examination; None: nothing was examined, and every cause is open.
        diagnosis: what it came to.
    """
    if facts is None or diagnosis is None:
        return tuple(Weighed(cause, Standing.OPEN) for cause in recognised.error.causes)
    taken = {step.name for step in steps(facts, diagnosis) if step.state != UNSEEN}
    shown = {cause: _shown_by(cause, diagnosis) for cause in recognised.error.causes}
    special = any(codes for cause, codes in shown.items() if not cause.unless_other)
    weighed = []
    for cause, codes in shown.items():
        hints = () if diagnosis.verdict is None else diagnosis.verdict.hints
        if codes and (not special or not cause.unless_other or set(codes) & set(hints)):
            weighed.append(Weighed(cause, Standing.FOUND, codes))
        elif (cause.found_by or cause.hinted_by) and _looked_at(cause, diagnosis, taken):
            weighed.append(Weighed(cause, Standing.NOT_FOUND))
        else:
            weighed.append(Weighed(cause, Standing.OPEN))
    order = list(Standing)
    return tuple(sorted(weighed, key=lambda each: order.index(each.standing)))


def _shown_by(cause: Cause, diagnosis: Diagnosis) -> tuple[str, ...]:
    """Codes of findings, and of hints of the verdict's explanation, that show a cause."""
    found = [finding.code for finding in diagnosis.findings if finding.code in cause.found_by]
    hints = () if diagnosis.verdict is None else diagnosis.verdict.hints
    hinted = [hint for hint in hints if any(fnmatchcase(hint, pattern) for pattern in cause.hinted_by)]
    return tuple(dict.fromkeys([*found, *hinted]))


def _looked_at(cause: Cause, diagnosis: Diagnosis, taken: set[str]) -> bool:
    """Whether the checks, and the engine, that would show a cause had what they need."""
    decided = diagnosis.verdict is not None and diagnosis.verdict.allowed is not None
    by_checks = all(step_of(code) in taken for code in cause.found_by)
    return by_checks and (decided or not cause.hinted_by)


def _plain(text: str) -> str:
    """Without what tools put around and into a sentence: colours, frames, kinds of quotes, line breaks."""
    text = _FRAME.sub(" ", _COLOUR.sub("", text))
    text = html.unescape(text)
    text = _ESCAPED.sub(lambda found: "'" if found[0] in ('\\"', "\\'", "\\u0022", "\\u0027") else " ", text)
    return " ".join(_QUOTE.sub("'", text).split())


@cache
def _patterns() -> tuple[tuple[KnownError, re.Pattern[str], tuple[str, ...], int], ...]:
    """Each text as a pattern, with its fields and how much of it is its own words."""
    made = []
    for error in known_errors():
        for text in error.texts:
            weight = sum(len(literal.strip()) for literal in literals(text))
            made.append((error, _pattern(text), fields(text), weight))
    return tuple(made)


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"\{[a-z_]+\}", _plain(text).rstrip("."))
    last = len(parts) - 1
    pattern = re.escape(parts[0])
    for index, part in enumerate(parts[1:], 1):
        # A field at the end is one word; a field between words is as short as can be.
        pattern += (r"(\S+)" if index == last and not part else "(.{0,500}?)") + re.escape(part)
    return re.compile(pattern.replace(r"\ ", r"\ ?"), re.IGNORECASE)


def _nearest(plain: str) -> tuple[KnownError, ...]:
    words = _words(plain)
    if not words:
        return ()
    likeness = {
        error: max(_alike(words, _words(text)) for text in (error.title, *error.texts)) for error in known_errors()
    }
    near = sorted(likeness, key=lambda error: -likeness[error])[:_NEAREST]
    return tuple(error for error in near if likeness[error] >= _NEAR_ENOUGH)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower())) - _COMMON


def _alike(words: frozenset[str], others: frozenset[str]) -> float:
    """The share of the smaller set that the other has, for sets that say enough."""
    return len(words & others) / max(3, min(len(words), len(others)))
