"""Where in a JSON text a value is, for messages about it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_DECODER: Final = json.JSONDecoder()
_BLANK: Final = re.compile(r"[ \t\r\n]*")


def locate(text: str, path: Sequence[str | int]) -> int:
    """The offset of the value at `path`, or of the member's name when the path ends in one.

    Args:
        text: JSON that was parsed before.
        path: names of members and indexes of entries, from the outside in. Where it leads nowhere, the last value on
            the way is meant.
    """
    at = _skip(text, 0)
    for depth, step in enumerate(path):
        found = _child(text, at, step)
        if found is None:
            return at
        name, at = found
        if isinstance(step, str) and depth == len(path) - 1:
            return name
    return at


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _child(text: str, at: int, step: str | int) -> tuple[int, int] | None:
    """The offsets of a member's name and of its value; of an entry, twice the same."""
    if step == 0 and text[at : at + 1] != "[":
        return at, at  # a policy may have one value where a list may stand
    if text[at : at + 1] != ("{" if isinstance(step, str) else "["):
        return None
    index = 0
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        name, key = at, index
        if isinstance(step, str):
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if key == step:
            return name, at
        _, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at] == "," else at
        index += 1
    return None


def _skip(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return blank.end() if blank else at
