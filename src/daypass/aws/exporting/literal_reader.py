"""Nested literals of JSON, Python, TypeScript and HCL, read back from files that people may have changed. Pure.

Only what this room writes is read: objects, lists, double-quoted strings, numbers and words. Of anything else it is
said that it cannot be read, and never guessed what it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKEN: Final = re.compile(
    r"(?:[ \t\r\n,]|\#[^\n]*|//[^\n]*)*"
    r'(?P<token>[{}\[\]:=]|"(?:[^"\\\n]|\\[^\n])*"|-?[0-9][0-9.eE+-]*|[A-Za-z_$][A-Za-z0-9_.$]*(?:\[0\])?[A-Za-z0-9_.]*)'
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))")
_PLAIN: Final = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "'": "'", "/": "/", "b": "\b", "f": "\f"}
_WORDS: Final = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_TEMPLATE: Final = re.compile(r"\$\$(?=\{)|%%(?=\{)")
_SIGNS: Final = frozenset("{}[]:=")
_MAX_DEPTH: Final = 64


class NotALiteral(Exception):
    """What is there is none."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name of the language, such as a variable's."""

    text: str


def read(text: str, start: int = 0, *, templates: bool = False) -> Any:
    """The literal that begins at `start`.

    Args:
        text: of the file.
        start: where it begins.
        templates: strings are templates of Terraform; one that is a reference and nothing else is a `Name`.

    Raises:
        NotALiteral: there is something else.
    """
    return _Reading(text, start, _template if templates else _string).value(0)


class _Reading:
    def __init__(self, text: str, start: int, string: Callable[[str], Any]) -> None:
        self._text = text
        self._at = start
        self._string = string

    def value(self, depth: int) -> Any:
        word = self._next()
        if depth > _MAX_DEPTH:
            raise NotALiteral("too deep")
        if word == "{":
            return self._object(depth)
        if word == "[":
            found = []
            while self._peek() != "]":
                found.append(self.value(depth + 1))
            self._next()
            return found
        if word.startswith('"'):
            return self._string(word)
        if word[0] in "-0123456789":
            try:
                return float(word) if set(word) & set(".eE") else int(word)
            except ValueError:
                raise NotALiteral(word) from None
        if word in _SIGNS or self._text.startswith("(", self._at):
            raise NotALiteral(word)
        return _WORDS[word] if word in _WORDS else Name(word)

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (token := self._next()) != "}":
            key = self._string(token) if token.startswith('"') else token
            if not isinstance(key, str) or key in found or token in _SIGNS or self._next() not in {":", "="}:
                raise NotALiteral(token)
            found[key] = self.value(depth + 1)
        return found

    def _match(self) -> re.Match[str]:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise NotALiteral(self._text[self._at : self._at + 20])
        return found

    def _peek(self) -> str:
        return self._match()["token"]

    def _next(self) -> str:
        found = self._match()
        self._at = found.end()
        return found["token"]


def _string(token: str) -> str:
    def plain(found: re.Match[str]) -> str:
        if found[3] is not None:
            if found[3] not in _PLAIN:
                raise NotALiteral(token)
            return _PLAIN[found[3]]
        return chr(int(found[1] or found[2], 16))

    try:
        # Two halves of a character, as JSON writes them, become one.
        return _ESCAPE.sub(plain, token[1:-1]).encode("utf-16", "surrogatepass").decode("utf-16")
    except ValueError:
        raise NotALiteral(token) from None


def _template(token: str) -> str | Name:
    text = _string(token)
    reference = re.fullmatch(r"\$\{([A-Za-z0-9_.]+)\}", text)
    if reference:
        return Name(reference[1])
    if re.search(r"[$%]\{", _TEMPLATE.sub("\0", text)):
        raise NotALiteral(token)
    return _TEMPLATE.sub(lambda found: found[0][0], text)
