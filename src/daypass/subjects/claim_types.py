"""What a claim's value is on the wire. Attributes are text; a format says what they become."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.errors import JsonMalformed
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonValue

_DIGITS: Final = re.compile(r"[0-9]{1,21}", re.ASCII)
_BOOLEANS: Final = ("true", "false")


class ClaimType(StrEnum):
    """The JSON type of a claim, and for texts what they hold."""

    TEXT = "text"
    TEXT_BOOLEAN = 'text: "true" or "false"'
    TEXT_NUMBER = "text: digits"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXTS = "array of text"
    TEXT_OR_TEXTS = "text or array of text"
    OBJECT = "object"
    OBJECTS = "array of objects"

    def read(self, text: str) -> JsonValue:
        """The value that the text of an attribute stands for. Arrays and objects are written as JSON.

        Raises:
            ValueError: when it stands for none of this type.
        """
        match self:
            case ClaimType.NUMBER:
                value: JsonValue = int(text) if len(text) < 16 and _DIGITS.fullmatch(text) else None
            case ClaimType.BOOLEAN:
                value = {"true": True, "false": False}.get(text)
            case ClaimType.TEXTS | ClaimType.OBJECT | ClaimType.OBJECTS:
                value = _json(text)
            case _:
                value = text
        if not self.fits(value):
            raise ValueError
        return value

    def fits(self, value: object) -> bool:
        """Whether a claim's value is of this type."""
        match self:
            case ClaimType.TEXT:
                return isinstance(value, str)
            case ClaimType.TEXT_BOOLEAN:
                return value in _BOOLEANS
            case ClaimType.TEXT_NUMBER:
                return isinstance(value, str) and _DIGITS.fullmatch(value) is not None
            case ClaimType.NUMBER:
                return isinstance(value, int) and not isinstance(value, bool)
            case ClaimType.BOOLEAN:
                return isinstance(value, bool)
            case ClaimType.TEXTS:
                return isinstance(value, list) and all(isinstance(each, str) for each in value)
            case ClaimType.TEXT_OR_TEXTS:
                return ClaimType.TEXT.fits(value) or ClaimType.TEXTS.fits(value)
            case ClaimType.OBJECT:
                return isinstance(value, dict)
            case ClaimType.OBJECTS:
                return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _json(text: str) -> JsonValue:
    data = text.encode()
    try:
        return strict_json.parse(data, max_bytes=len(data))
    except JsonMalformed:
        return None
