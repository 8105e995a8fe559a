"""JSON from outside, read strictly: one meaning per text, or none.

RFC 8259 leaves open what a reader does with a member name that comes twice, with numbers that no machine number holds,
with half a surrogate pair and with depth. Two readers that choose differently see two documents, and that is how one
token has been read with two subjects. Here each such text is refused, with its place.

The standard library's decoder does the reading. What it lets pass is found in two steps: cheap signs that something
may be wrong (a hook that objects, a count of brackets, an escape that could hide something), and only then a walk over
the tokens, which alone decides and knows the place.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from daypass.errors import JsonMalformed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final, Literal, NoReturn, TypeAlias

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"
JsonObject: TypeAlias = "dict[str, JsonValue]"
Duplicates: TypeAlias = "Literal['refuse', 'last']"

_INTEGER_LIMIT: Final = 2**63
_INTEGER_DIGITS: Final = len(str(-_INTEGER_LIMIT))
_BRIEF: Final = 128
_PLAIN: Final = json.JSONDecoder()
_BYTE_ORDER_MARK: Final = "\ufeff"

# Compiled when they are used: few texts need them.
# A string (with the colon that makes it a member's name), a bracket, or a number or word. A string that does not end
# is one token up to the end of the text, and nothing is tried twice: the walk stays linear on hostile texts.
_TOKEN: Final = r'(?s)"(?:[^"\\]++|\\.)*+"?(?P<colon>[ \t\r\n]*:)?|[{}\[\]]|[^\s"{}\[\]:,]+'  # noqa: S105 - the pattern of one
_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f]"
_C1_CONTROL: Final = r"[\x80-\x9f]"
_ESCAPE_TO_LOOK_AT: Final = r"\\(?:[bfnrt]|u(?:00[0189]|007[fF]|[dD][89a-fA-F]))"
_SURROGATE: Final = r"[\ud800-\udfff]"


def parse(
    text: str | bytes,
    *,
    max_bytes: int,
    max_depth: int = 32,
    max_members: int = 256,
    duplicates: Duplicates = "refuse",
    control_characters: bool = False,
) -> JsonValue:
    """Read one JSON text.

    Args:
        text: the text, or its UTF-8 bytes.
        max_bytes: longest text that is looked at, in bytes of UTF-8; checked before anything is decoded.
        max_depth: how deep objects and arrays may nest.
        max_members: how many members all objects of the text may have together.
        duplicates: what a second member of the same name does: `refuse` the text, or be the `last` and so the one
            that counts, as AWS reads tokens (observed on AWS, September 2026).
        control_characters: whether strings may hold escaped control characters (U+0000 to U+001F, U+007F to U+009F).
            JSON never allows the first 32 unescaped.

    Returns:
        Integers lie within ±2**63 and floats are finite; strings can be encoded as UTF-8.

    Raises:
        JsonMalformed: with `line` and `column` (from 1), `offset` (characters before the fault) and `reason`.
    """
    content = _decoded(text, max_bytes)
    walk = _Walk(content, max_depth, max_members, duplicates == "refuse", control_characters)
    if (
        content.count("{") + content.count("[") > max_depth
        or content.count(":") > max_members
        or "\x7f" in content
        or not (content.isascii() or re.search(_C1_CONTROL, content) is None)
        or ("\\" in content and re.search(_ESCAPE_TO_LOOK_AT, content))
    ):
        walk.refuse_faults()
    try:
        value: JsonValue = _DECODERS[duplicates].decode(content)
    except json.JSONDecodeError as fault:
        offset, reason = fault.pos, fault.msg
    except _Suspicious as suspicion:
        walk.refuse_faults()
        offset, reason = 0, str(suspicion)
    else:
        return value
    # Raised here and not above: the decoder's own error holds the whole text, which may be a token's.
    raise _malformed(content, offset, _lower_first(reason))


def dump(value: object) -> bytes:
    """Write compact JSON: UTF-8, no white space, members in their order.

    Takes what `parse` gives, any `Mapping`, and tuples. Not for floats that are not finite: JSON has none.

    Raises:
        TypeError: for a value JSON has no form for.
    """
    import orjson  # noqa: PLC0415 - who only reads, as a login does, need not wait for it

    return orjson.dumps(
        value, default=_plain, option=orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
    )


def brief(value: JsonValue) -> str:
    """A value as a message shows it: text in backticks, cut at 128 characters; of objects and long arrays the type."""
    match value:
        case str():
            return f"`{value if len(value) <= _BRIEF else value[: _BRIEF - 1] + '…'}`"
        case bool() | None:
            return json.dumps(value)
        case int() | float():
            return str(value)
        case list() if len(value) <= 4 and all(isinstance(entry, str) for entry in value):
            return f"[{', '.join(map(brief, value))}]"
        case list():
            return "an array"
        case dict():
            return "an object"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"JSON has no form for {type(value).__name__}")


class _Suspicious(Exception):
    """A hook of the decoder objects; the walk says to what."""


def _integer(literal: str) -> int:
    # int() of very many digits takes quadratic time, and raises ValueError above 4300 (CVE-2020-10735).
    if len(literal) <= _INTEGER_DIGITS and -_INTEGER_LIMIT <= (value := int(literal)) <= _INTEGER_LIMIT:
        return value
    raise _Suspicious("number out of range")


def _float(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise _Suspicious("number out of range")
    return value


def _constant(literal: str) -> NoReturn:
    raise _Suspicious(f"{literal} is not JSON")


def _unique_members(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Suspicious
    return found


def _decoder(members: Callable[[list[tuple[str, JsonValue]]], JsonObject] | None) -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=members, parse_int=_integer, parse_float=_float, parse_constant=_constant)


_DECODERS: Final[Mapping[Duplicates, json.JSONDecoder]] = {"refuse": _decoder(_unique_members), "last": _decoder(None)}


def _decoded(text: str | bytes, max_bytes: int) -> str:
    too_long = f"longer than {max_bytes} bytes"
    if len(text) > max_bytes:
        raise _malformed("", 0, too_long)
    if isinstance(text, bytes):
        try:
            content = text.decode()
        except UnicodeDecodeError as fault:
            before = text[: fault.start].decode()
            raise _malformed(before, len(before), "not UTF-8") from None
    elif text.isascii():
        content = text
    elif surrogate := re.search(_SURROGATE, text):
        raise _malformed(text, surrogate.start(), "half of a surrogate pair")
    elif len(text.encode()) > max_bytes:
        raise _malformed("", 0, too_long)
    else:
        content = text
    if content.startswith(_BYTE_ORDER_MARK):
        raise _malformed(content, 0, "begins with a byte order mark")
    return content


class _Walk:
    """One pass over the tokens of a text, for all that the decoder does not mind or cannot place."""

    __slots__ = ("_control_characters", "_max_depth", "_max_members", "_text", "_unique")

    def __init__(self, text: str, max_depth: int, max_members: int, unique: bool, control_characters: bool) -> None:  # noqa: FBT001
        self._text = text
        self._max_depth = max_depth
        self._max_members = max_members
        self._unique = unique
        self._control_characters = control_characters

    def refuse_faults(self) -> None:
        """Raise `JsonMalformed` at the first fault. Faults of grammar are left to the decoder."""
        for offset, reason in self._faults():
            raise _malformed(self._text, offset, reason)

    def _faults(self) -> Iterator[tuple[int, str]]:
        names: list[set[str]] = []
        members = 0
        for token in re.finditer(_TOKEN, self._text):
            at, first = token.start(), token[0][0]
            if first == '"':
                try:
                    string = _PLAIN.decode(self._text[at : token.start("colon") if token["colon"] else token.end()])
                except json.JSONDecodeError:
                    return  # the decoder says the same, with its reason
                if reason := self._fault_of_string(string):
                    yield at, reason
                if token["colon"] and names:
                    members += 1
                    if self._unique and string in names[-1]:
                        yield at, f"member {brief(string)} comes twice"
                    if members > self._max_members:
                        yield at, f"more than {self._max_members} members"
                    names[-1].add(string)
            elif first in "{[":
                names.append(set())
                if len(names) > self._max_depth:
                    yield at, f"nested deeper than {self._max_depth}"
            elif first in "}]":
                if names:
                    names.pop()
            elif reason := _fault_of_literal(token[0]):
                yield at, reason

    def _fault_of_string(self, string: str) -> str | None:
        if re.search(_SURROGATE, string):
            return "half of a surrogate pair"
        if not self._control_characters and (control := re.search(_CONTROL, string)):
            return f"control character U+{ord(control[0]):04X}"
        return None


def _fault_of_literal(literal: str) -> str | None:
    if literal in ("NaN", "Infinity", "-Infinity"):
        return f"{literal} is not JSON"
    if literal[0] in "-0123456789":
        try:
            if re.fullmatch(r"-?[0-9]+", literal):
                _integer(literal)
            else:
                _float(literal)
        except _Suspicious as suspicion:
            return str(suspicion)
        except ValueError:
            return None  # not a number: the decoder says so
    return None


def _lower_first(reason: str) -> str:
    return reason[:1].lower() + reason[1:] if reason[1:2].islower() else reason


def _malformed(text: str, offset: int, reason: str) -> JsonMalformed:
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    return JsonMalformed(
        f"not JSON that can be trusted: {reason}, line {line} column {column}",
        line=line,
        column=column,
        offset=offset,
        reason=reason,
    )
