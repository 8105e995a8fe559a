"""The likely mend of a document that is not JSON.

A parser notices a missing comma at the token behind it. The fault is where the token before ends, so that is the place
that is reported, with both lines shown.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.trust.locate import position

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN_END: Final = re.compile(r'("(?:[^"\\\n]|\\.)*"|[^\s"{}\[\]:,]+|[{}\[\]:,])[ \t\r\n]*\Z')
_VALUE_START: Final = re.compile(r'["{\[0-9tfn-]')
_FILE_NAME: Final = re.compile(r"[\w./~\\:-]+\.json", re.ASCII)
_QUOTES: Final = str.maketrans(dict.fromkeys("“”„‟«»", '"'))
_EXCERPT_WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class Mend:
    """One edit that takes the fault away.

    `offset`, `line` and `column` say where; `missing` is the fault and `advice` the edit, in words; `text` is the
    document after it.
    """

    offset: int
    line: int
    column: int
    missing: str
    advice: str
    text: str


def find(text: str, fault: int) -> Mend | None:
    """The edit that mends `text`, or moves its first fault further down; None when none is known.

    Args:
        text: the document.
        fault: where a parser stopped.
    """
    for offset, missing, advice, mended in _candidates(text, fault):
        if _first_fault(mended) > fault + 1:
            line, column = position(text, offset)
            return Mend(offset, line, column, missing, advice, mended)
    return None


def excerpt(text: str, offset: int) -> str:
    """The line of `offset` and the next one, numbered, with a mark below the place."""
    line, column = position(text, offset)
    lines = text.split("\n")[line - 1 : line + 1]
    cut = max(0, column - 1 - _EXCERPT_WIDTH * 3 // 4)
    width = len(str(line + 1))
    shown = [f"{line + index:>{width}} | {_cropped(content, cut)}" for index, content in enumerate(lines)]
    shown.insert(1, f"{' ' * width} | {' ' * (column - 1 - cut)}^")
    return "\n".join(shown)


def _cropped(content: str, cut: int) -> str:
    return content[cut : cut + _EXCERPT_WIDTH].replace("\t", " ").rstrip()


def _first_fault(text: str) -> int:
    try:
        json.loads(text)
    except json.JSONDecodeError as fault:
        return fault.pos
    return len(text) + 2


def _candidates(text: str, fault: int) -> Iterator[tuple[int, str, str, str]]:
    """Offset, what is wrong, what to do, and the text after it; the likeliest first."""
    if text.startswith("\ufeff"):
        yield 0, "it begins with a byte order mark", "Save the file as UTF-8 without byte order mark.", text[1:]
    if _FILE_NAME.fullmatch(text.strip()):
        yield (
            0,
            "it is a file name",
            f"Write `file://{text.strip()}` to send the file's content.",
            "{}" + " " * len(text),
        )
    before = _TOKEN_END.search(text[:fault])
    last = before[1] if before else ""
    end = before.end(1) if before else 0
    here = text[fault : fault + 1]
    if here in "“”„‟«»" and here:
        yield fault, "a typographic quotation mark", 'Use straight quotation marks (").', text.translate(_QUOTES)
    if before and _VALUE_START.match(here) and last not in {"{", "[", ":", ","}:
        shown = _shown(last)
        yield end, f"a comma is missing after {shown}", f"Add a comma after {shown}.", text[:end] + "," + text[end:]
        yield end, f"a colon is missing after {shown}", f"Add a colon after {shown}.", text[:end] + ":" + text[end:]
    comma = fault if here == "," else end - 1 if last == "," else None
    if comma is not None:
        yield comma, "a comma too many", "Remove the comma.", text[:comma] + text[comma + 1 :]
    if not text[fault:].strip():
        closers = _closers(text)
        yield end, "the end is missing", f"Add `{closers}` at the end.", text + closers
    elif here in "]}" and here:
        yield fault, "a bracket too many", f"Remove the `{here}`.", text[:fault] + text[fault + 1 :]
    if here == "\n":
        stop = len(text[:fault].rstrip(" \t\r,"))
        mended = text[:stop] + '"' + text[stop:]
        yield stop, "a quotation mark is missing", "Add a quotation mark at the end of the text.", mended


def _closers(text: str) -> str:
    """The brackets that are still open at the end, the innermost first."""
    open_brackets: list[str] = []
    for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', text):
        if token[0] in "{[":
            open_brackets.append("}" if token[0] == "{" else "]")
        elif token[0] in "}]" and open_brackets:
            open_brackets.pop()
    return "".join(reversed(open_brackets))


def _shown(token: str) -> str:
    return f"`{token if len(token) <= 64 else token[:63] + '…'}`"
