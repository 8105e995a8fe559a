"""Change keys of one section of an AWS file, and not one byte of anything else.

The files are read by configparser (botocore, the AWS CLI) and by parsers of other SDKs, and are written by hand.
So lines are kept as they are, with their line ends, comments and order; what is a section, a key or the continuation
of a value is decided exactly as configparser does, or a changed line could change the meaning of the next one: a line
that is indented deeper than the key above it belongs to that key's value, even if it looks like `[a section]`.
"""

from __future__ import annotations

import re
from enum import Enum

from daypass.errors import FileUnavailable
from daypass.light_typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Final

_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_HEADER: Final = re.compile(r"\[(.+)\]")
_KEY: Final = re.compile(r"(.*?)\s*(?:[=:]|$)")


class _Kind(Enum):
    BLANK = 0
    HEADER = 1
    KEY = 2
    CONTINUATION = 3


class _Line(NamedTuple):
    """One line with its end. `name` is a header's or key's name; `section` the number of the header it is under."""

    text: str
    kind: _Kind
    name: str
    section: int

    @property
    def end(self) -> str:
        return self.text[len(self.text.rstrip("\r\n")) :]

    @property
    def indentation(self) -> str:
        return self.text[: len(self.text) - len(self.text.lstrip())]


def set_keys(
    document: bytes, *, is_section: Callable[[str], bool], header: str, values: Mapping[str, str | None]
) -> bytes:
    """The document with `values` set in one section.

    Args:
        document: the file's bytes, UTF-8 or anything else; foreign bytes pass through.
        is_section: whether a header's name is that of the section.
        header: the name of the section to append when there is none; its characters have been checked.
        values: keys, in lower case, with their values, or None to take a key out. Neither holds a line break.

    Returns:
        A key that was there stays at its place with its indentation; a new one follows the last of ours. Keys that
        are not named stay. Line ends are those of the section, or of the file.

    Raises:
        FileUnavailable: when the section is there twice, which AWS's tools refuse to read.
    """
    lines = _lines(document.decode("utf-8", "surrogateescape"))
    found = [index for index, line in enumerate(lines) if line.kind is _Kind.HEADER and is_section(line.name)]
    if len(found) > 1:
        raise FileUnavailable(
            f"the section [{header}] is there twice, in lines {found[0] + 1} and {found[1] + 1}",
            advice="Make one section of the two; AWS's tools cannot read the file either.",
        )
    changed = _edited(lines, found[0], values) if found else _appended(lines, header, values)
    return changed.encode("utf-8", "surrogateescape")


def remove_keys(document: bytes, *, is_section: Callable[[str], bool], header: str, keys: Collection[str]) -> bytes:
    """The document without `keys` of one section; without the section too when nothing else, no comment, is in it.

    What `set_keys` appended is taken away with the empty line before it, so that the document is as it was.

    Raises:
        FileUnavailable: when the section is there twice, which AWS's tools refuse to read.
    """
    lines = _lines(document.decode("utf-8", "surrogateescape"))
    if not any(line.kind is _Kind.HEADER and is_section(line.name) for line in lines):
        return document
    without = set_keys(document, is_section=is_section, header=header, values=dict.fromkeys(keys))
    lines = _lines(without.decode("utf-8", "surrogateescape"))
    start = next(index for index, line in enumerate(lines) if line.kind is _Kind.HEADER and is_section(line.name))
    end = next((i for i in range(start + 1, len(lines)) if lines[i].kind is _Kind.HEADER), len(lines))
    if any(line.text.strip() for line in lines[start + 1 : end]):
        return without
    if start and not lines[start - 1].text.strip():
        start, end = start - 1, next((i for i in range(start + 1, end) if not lines[i].text.strip()), end)
    kept = lines[:start] + lines[end:]
    return "".join(line.text for line in kept).encode("utf-8", "surrogateescape")


def _lines(text: str) -> list[_Line]:
    """Each line with what it is to configparser.RawConfigParser (its method `_read`)."""
    lines: list[_Line] = []
    section, in_key, key_indent = -1, False, 0
    for match in _LINE.finditer(text):
        raw = match[0]
        value = raw.strip()
        indent = len(raw) - len(raw.lstrip())
        if not value or value[0] in "#;":
            lines.append(_Line(raw, _Kind.BLANK, "", section))
            continue
        if section >= 0 and in_key and indent > key_indent:
            lines.append(_Line(raw, _Kind.CONTINUATION, "", section))
            continue
        key_indent = indent
        if header := _HEADER.match(value):
            section, in_key = len(lines), False
            lines.append(_Line(raw, _Kind.HEADER, header[1], section))
        else:
            in_key = True
            key = _KEY.match(value)
            lines.append(_Line(raw, _Kind.KEY, key[1].rstrip().lower() if key else "", section))
    return lines


def _edited(lines: Sequence[_Line], start: int, values: Mapping[str, str | None]) -> str:
    eol = lines[start].end or _line_end(lines)
    kept: list[str] = []
    missing = {key: value for key, value in values.items() if value is not None}
    insert_at, insert_indent = -1, None
    dropping = False
    for index, line in enumerate(lines):
        ours = line.section == start
        if ours and line.kind is _Kind.KEY:
            dropping = line.name in values
            if dropping:
                # Gone also when it is a second one of the same name, which no parser may choose between.
                if line.name in missing:
                    kept.append(f"{line.indentation}{line.name} = {missing.pop(line.name)}{line.end or eol}")
                    insert_at, insert_indent = len(kept), line.indentation
                continue
        if dropping and ours and line.kind is _Kind.CONTINUATION:
            continue
        kept.append(line.text)
        if index == start:
            insert_at = len(kept)
    if missing:
        if insert_indent is None:
            # Not less than the line that follows, which would become a continuation of ours.
            insert_indent = next(
                (after.indentation for after in lines[start + 1 :] if after.kind is not _Kind.BLANK), ""
            )
        before = kept[insert_at - 1]
        kept[insert_at - 1] = before if before.endswith(("\r", "\n")) else before + eol
        kept[insert_at:insert_at] = [f"{insert_indent}{key} = {value}{eol}" for key, value in missing.items()]
    return "".join(kept)


def _appended(lines: Sequence[_Line], header: str, values: Mapping[str, str | None]) -> str:
    eol = _line_end(lines)
    text = "".join(line.text for line in lines)
    if lines and not lines[-1].end:
        text += eol
    if lines and lines[-1].text.strip():
        text += eol
    body = (f"{key} = {value}{eol}" for key, value in values.items() if value is not None)
    return text + f"[{header}]{eol}" + "".join(body)


def _line_end(lines: Sequence[_Line]) -> str:
    return next((line.end for line in lines if line.end), "\n")
