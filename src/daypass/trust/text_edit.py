"""Changes to a JSON text that leave the rest of it as it was written: white space, order and all.

An operation is one of RFC 6902 (JSON Patch) with what stood there before. A text may have one value where a list may
stand, as policies do; `path` always counts as if the list were there, and `pointer` tells where it really is.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.trust.locate import locate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.tokens.strict_json import JsonValue

Path = tuple[str | int, ...]

_DECODER: Final = json.JSONDecoder()
_BLANK: Final = re.compile(r"[ \t\r\n]*")


class Op(StrEnum):
    """What an operation does. MOVE gives a member another name."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"
    MOVE = "move"


@dataclass(frozen=True, slots=True)
class Operation:
    """One change.

    Attributes:
        op: what is done.
        path: names of members and indexes of entries, from the outside in; the last of ADD is the new member's name,
            or `-` for a new entry at the end of an array.
        value: what is there afterwards; for MOVE the member's new name.
        before: what stood there; None for ADD.
    """

    op: Op
    path: Path
    value: JsonValue = None
    before: JsonValue = None

    def to_json(self, text: str) -> dict[str, object]:
        """As an operation of RFC 6902, for the text that it changes, with `before` besides."""
        place = pointer(text, self.path)
        match self.op:
            case Op.MOVE:
                return {"op": "move", "from": place, "path": pointer(text, (*self.path[:-1], str(self.value)))}
            case Op.REMOVE:
                return {"op": "remove", "path": place, "before": self.before}
            case Op.REPLACE:
                return {"op": "replace", "path": place, "before": self.before, "value": self.value}
            case Op.ADD:
                return {"op": "add", "path": place, "value": self.value}


def pointer(text: str, path: Sequence[str | int]) -> str:
    """A path as a JSON Pointer (RFC 6901) into this very text."""
    steps, place = [], locate(text, ())
    for depth, step in enumerate(path):
        if step == 0 and text[place : place + 1] != "[":
            continue
        steps.append(str(step).replace("~", "~0").replace("/", "~1"))
        place = _value(text, path[: depth + 1])
    return "".join(f"/{step}" for step in steps)


def value_at(text: str, path: Sequence[str | int]) -> JsonValue:
    """The value at a path that is there."""
    value: JsonValue = _DECODER.raw_decode(text, _value(text, path))[0]
    return value


def apply(text: str, operation: Operation) -> str:
    """The text after the operation, which must fit it."""
    match operation.op:
        case Op.REPLACE:
            return _replace(text, operation.path, operation.value)
        case Op.MOVE:
            start = locate(text, operation.path)
            _, end = _DECODER.raw_decode(text, start)
            return text[:start] + dumped(operation.value) + text[end:]
        case Op.REMOVE:
            return _remove(text, operation.path)
        case Op.ADD:
            return _add(text, operation.path, operation.value)


def _replace(text: str, path: Path, value: JsonValue) -> str:
    start = _value(text, path)
    _, end = _DECODER.raw_decode(text, start)
    return text[:start] + dumped(value) + text[end:]


def _add(text: str, path: Path, value: JsonValue) -> str:
    """A new last member or entry, set out as its neighbour is."""
    start = _value(text, path[:-1])
    container, end = _DECODER.raw_decode(text, start)
    name = "" if path[-1] == "-" else f"{dumped(str(path[-1]))}: "
    if not container:
        return text[: start + 1] + name + dumped(value) + text[end - 1 :]
    last = len(text[: end - 1].rstrip(" \t\r\n"))
    lead = _blank(text, start + 1)
    if "\n" not in lead:
        return f"{text[:last]}, {name}{dumped(value)}{text[last:]}"
    unit = lead.removeprefix(text[last : end - 1])
    laid_out = json.dumps(value, ensure_ascii=False, indent=unit) if isinstance(value, dict) else dumped(value)
    return f"{text[:last]},{lead}{name}{laid_out.replace(chr(10), lead)}{text[last:]}"


def _remove(text: str, path: Path) -> str:
    """Without a member or an entry, and the comma that parted it from its neighbour."""
    start = locate(text, path)
    _, end = _DECODER.raw_decode(text, _value(text, path))
    after = end + len(_blank(text, end))
    if text[after] == ",":
        return text[:start] + text[after + 1 + len(_blank(text, after + 1)) :]
    before = len(text[:start].rstrip(" \t\r\n"))
    return text[: before - 1] + text[end:] if text[before - 1] == "," else text[:start] + text[end:]


def _value(text: str, path: Sequence[str | int]) -> int:
    """The offset of the value, also where the path ends in a member's name."""
    place = locate(text, path)
    if not path or not isinstance(path[-1], str):
        return place
    _, end = _DECODER.raw_decode(text, place)
    end += len(_blank(text, end)) + 1
    return end + len(_blank(text, end))


def _blank(text: str, at: int) -> str:
    found = _BLANK.match(text, at)
    return found[0] if found else ""


def dumped(value: JsonValue) -> str:
    """JSON in one line, letters as they are."""
    return json.dumps(value, ensure_ascii=False)
