"""JSON files that hold policies, and places in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from daypass.tokens import strict_json
from daypass.trust.locate import locate, position
from daypass.trust.sources.found import found

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue
    from daypass.trust.sources.found import FoundPolicy, Path, Position, ProviderFacts, RoleFacts, Where

_MAX_BYTES: Final = 128 * 1024 * 1024
_MAX_MEMBERS: Final = 16_000_000


def read(text: str) -> JsonValue:
    """The value of a file that is larger than any policy: a template, a plan.

    Raises:
        JsonMalformed: when it is not strict JSON.
    """
    return strict_json.parse(
        text, max_bytes=_MAX_BYTES, max_members=_MAX_MEMBERS, max_depth=256, control_characters=True
    )


def below(text: str, base: Path) -> Position:
    """Places inside the value at `base` of a JSON file."""
    return lambda path: position(text, locate(text, (*base, *path)))


def fixed(text: str, base: Path) -> Position:
    """The one place of a text inside a JSON file, whatever is meant inside that text."""
    return lambda _path: position(text, locate(text, base))


def embedded(
    value: JsonValue,
    where: Where,
    at: Position,
    *,
    role: RoleFacts | None = None,
    providers: tuple[ProviderFacts, ...] | None = None,
) -> FoundPolicy:
    """The policy that stands in a file as a value, as JSON text, or as IAM's percent-encoded text (RFC 3986).

    Args:
        value: the object or the text.
        where: the file and the role.
        at: places inside the value.
        role: what the file says of the role.
        providers: what the file says of providers.
    """
    if isinstance(value, str):
        text = unquote(value) if value.lstrip().lower().startswith("%7b") else value
        place = at(())
        return found(where, text, lambda _path: place, role=role, providers=providers)
    return found(where, json.dumps(value, ensure_ascii=False), at, role=role, providers=providers)


def members(value: JsonValue) -> dict[str, JsonValue]:
    """An object's members; none for anything else."""
    return value if isinstance(value, dict) else {}


def entries(value: JsonValue) -> list[JsonValue]:
    """A list's entries; a single value is a list of one, null is none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def texts(value: JsonValue) -> tuple[str, ...]:
    """The texts of a list, or of a single value."""
    return tuple(each for each in entries(value) if isinstance(each, str))


def text_of(value: JsonValue) -> str | None:
    """A text, or None."""
    return value if isinstance(value, str) else None


def number_of(value: JsonValue) -> int | None:
    """A whole number, or its digits in a text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else None
