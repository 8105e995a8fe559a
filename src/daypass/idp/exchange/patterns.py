"""Patterns of claim values: whole, and never across a separator.

`*` stands for one or more characters other than `/` and `:`; every other character stands for itself. So `release/*`
is `release/2.1`, and neither `release/a/b` nor `release/`. A pattern always covers the whole value: there is no anchor
to forget (octo-sts, Fulcio GHSA-59jp-pj84-45mr), and no expression that an attacker could make slow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from daypass.errors import RequestInvalid

SEPARATORS: Final = "/:"
MAX_LENGTH: Final = 512
_SEPARATED: Final = re.compile(f"[{SEPARATORS}]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was checked. `text` is as it was written."""

    text: str
    _separators: tuple[str, ...]
    _segments: tuple[tuple[str, ...], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """A pattern of at most 512 characters.

        Raises:
            RequestInvalid: when it is empty or too long, holds `**`, or one of its segments between separators is
                nothing but `*` while the whole names nothing.
        """
        if not 0 < len(text) <= MAX_LENGTH:
            raise RequestInvalid(f"a pattern has 1 to {MAX_LENGTH} characters", found=len(text))
        if "**" in text:
            raise RequestInvalid(
                f"the pattern `{text}` holds `**`",
                advice="`*` never crosses `/` or `:`; write one `*` for each part, or a rule on another claim.",
                pattern=text,
            )
        if not text.strip("*" + SEPARATORS):
            raise RequestInvalid(
                f"the pattern `{text}` says nothing about the value",
                advice="Leave the rule out when any value will do.",
                pattern=text,
            )
        segments = tuple(tuple(segment.split("*")) for segment in _SEPARATED.split(text))
        return cls(text, tuple(_SEPARATED.findall(text)), segments)

    def matches(self, value: str) -> bool:
        """Whether the pattern covers the whole of `value`. Takes time in proportion to its length."""
        if tuple(_SEPARATED.findall(value)) != self._separators:
            return False
        return all(map(_covers, self._segments, _SEPARATED.split(value)))


def _covers(pieces: tuple[str, ...], text: str) -> bool:
    """Whether `text` is the pieces in order with at least one character between each two."""
    first, *middle = pieces
    if not middle:
        return text == first
    last = middle.pop()
    if not text.startswith(first):
        return False
    at = len(first)
    for piece in middle:
        found = text.find(piece, at + 1)
        if found < 0:
            return False
        at = found + len(piece)
    return len(text) - len(last) > at and text.endswith(last)
