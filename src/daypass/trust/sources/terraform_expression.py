"""The part of Terraform's expression language that policies are written with: templates, `jsonencode`, objects, lists.

Source: Terraform, "JSON Configuration Syntax" and HCL native syntax specification. What is anything else becomes a
marked unknown value.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from daypass.trust.unknown import unknown

if TYPE_CHECKING:
    from daypass.tokens.strict_json import JsonObject, JsonValue

_MAX_DEPTH: Final = 64
_BLANK: Final = re.compile(r"(?:\s|#[^\n]*|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NUMBER: Final = re.compile(r"-?[0-9]+")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_WORDS: Final[dict[str, JsonValue]] = {"true": True, "false": False, "null": None}
_CLOSERS: Final = {"{": "}", "[": "]", "(": ")"}


class _Opaque(Exception):
    """Inside this module: an expression that is not read."""


def reference(expression: str) -> str:
    """What an expression that is not read stands as in a policy."""
    return unknown(expression)


def evaluate(text: str) -> JsonValue:
    """A template: a text with `${…}` in it, or one single expression, which then has its own type."""
    if text.startswith("${") and _end(text, 1) == len(text):
        return _expression(text[2:-1].strip())
    parts, at = [], 0
    while (start := text.find("${", at)) >= 0:
        if text[start - 1 : start] == "$" and start > at:
            parts.append(text[at : start - 1] + "${")
            at = start + 2
            continue
        end = _end(text, start + 1)
        inner = _expression(text[start + 2 : end - 1].strip())
        parts.append(text[at:start] + (inner if isinstance(inner, str) else reference(text[start + 2 : end - 1])))
        at = end
    return "".join(parts) + text[at:]


def deep(value: JsonValue) -> JsonValue:
    """A value with every text in it evaluated, and the names of members, which are templates too."""
    if isinstance(value, dict):
        return {_name(name): deep(each) for name, each in value.items()}
    if isinstance(value, list):
        return [deep(each) for each in value]
    return evaluate(value) if isinstance(value, str) else value


def _name(name: str) -> str:
    written = evaluate(name)
    return written if isinstance(written, str) else name


def _expression(source: str) -> JsonValue:
    try:
        value, end = _read(source, _skip(source, 0), 0)
    except (_Opaque, IndexError, ValueError):
        return reference(source)
    return value if _skip(source, end) == len(source) else reference(source)


def _read(source: str, at: int, depth: int) -> tuple[JsonValue, int]:
    """The value at a place, and the place behind it."""
    if depth > _MAX_DEPTH:
        raise _Opaque
    first = source[at]
    if first == "{":
        return _object(source, at + 1, depth)
    if first == "[":
        return _list(source, at + 1, depth)
    if first == '"':
        end = _string_end(source, at)
        return evaluate(json.loads(_unescaped(source[at:end]))), end
    if number := _NUMBER.match(source, at):
        return int(number[0]), number.end()
    name = _NAME.match(source, at)
    if name is None:
        raise _Opaque
    if name[0] == "jsonencode" and source[name.end() : name.end() + 1] == "(":
        value, end = _read(source, _skip(source, name.end() + 1), depth + 1)
        end = _skip(source, end)
        if source[end] != ")":
            raise _Opaque
        return value, end + 1
    end = _operand_end(source, at)
    text = source[at:end].strip()
    return (_WORDS[text] if text in _WORDS else reference(text)), end


def _object(source: str, at: int, depth: int) -> tuple[JsonValue, int]:
    members: JsonObject = {}
    at = _skip(source, at)
    while source[at] != "}":
        if source[at] == '"':
            end = _string_end(source, at)
            key = evaluate(json.loads(_unescaped(source[at:end])))
        elif source[at] == "(":
            end = _end(source, at)
            key = _expression(source[at + 1 : end - 1].strip())
        elif name := _NAME.match(source, at):
            key, end = name[0], name.end()
        else:
            raise _Opaque
        at = _skip(source, end)
        if source[at] not in "=:" or not isinstance(key, str) or key in members:
            raise _Opaque
        members[key], at = _read(source, _skip(source, at + 1), depth + 1)
        at = _skip(source, at)
        at = _skip(source, at + 1) if source[at] == "," else at
    return members, at + 1


def _list(source: str, at: int, depth: int) -> tuple[JsonValue, int]:
    values: list[JsonValue] = []
    at = _skip(source, at)
    while source[at] != "]":
        value, at = _read(source, at, depth + 1)
        values.append(value)
        at = _skip(source, at)
        at = _skip(source, at + 1) if source[at] == "," else at
    return values, at + 1


def _operand_end(source: str, at: int) -> int:
    """Where an expression that is not read ends: at a comma, a line's end or a closing bracket on its own level."""
    while at < len(source) and source[at] not in ",\n}])":
        if source[at] in _CLOSERS:
            at = _end(source, at)
        elif source[at] == '"':
            at = _string_end(source, at)
        else:
            at += 1
    return at


def _end(source: str, at: int) -> int:
    """The place behind the bracket that closes the one at `at`; the text's end when none does."""
    open_brackets: list[str] = []
    while at < len(source):
        character = source[at]
        if character == '"':
            at = _string_end(source, at)
            continue
        if character in _CLOSERS:
            open_brackets.append(_CLOSERS[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
            if not open_brackets:
                return at + 1
        at += 1
    return len(source)


def _string_end(source: str, at: int) -> int:
    """The place behind the quotation mark that ends the string at `at`; `${…}` inside may hold strings itself."""
    at += 1
    while at < len(source):
        if source[at] == "\\":
            at += 2
        elif source.startswith("${", at) and source[at - 1] != "$":
            at = _end(source, at + 1)
        elif source[at] == '"':
            return at + 1
        else:
            at += 1
    raise _Opaque


def _unescaped(literal: str) -> str:
    """An HCL string literal as JSON's; quotation marks inside `${…}` are escaped in JSON and not in HCL."""
    parts, at = [], 1
    while (start := literal.find("${", at)) >= 0:
        end = _end(literal, start + 1)
        parts.append(literal[at:start] + literal[start:end].replace("\\", "\\\\").replace('"', '\\"'))
        at = end
    return f'"{"".join(parts)}{literal[at:-1]}"'


def _skip(source: str, at: int) -> int:
    blank = _BLANK.match(source, at)
    return blank.end() if blank else at
