"""Read one HTTP/1.1 answer (RFC 9112): strict where two readers could differ, and no more than one request needs.

http.client would do, and costs as much as the whole of a login may: half of that is the package `email`, which it reads
headers with. What is stricter here: no folded line, no blank before a colon, no length beside chunks, no two lengths.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import BufferedReader

MAX_LINE: Final = 65_536
MAX_HEADERS: Final = 100
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
_LENGTH: Final = re.compile(r"[0-9]{1,12}")
_NO_BODY: Final = frozenset({204, 304})


class NotHttp(Exception):
    """What came is no answer that is read here."""


class Ended(Exception):
    """The connection ended before the answer did. `anything`: whether something of it had come."""

    def __init__(self, *, anything: bool) -> None:
        super().__init__()
        self.anything = anything


class Head(NamedTuple):
    """The status, and headers with names in lower case, of which `framing` are all that tell the body's length."""

    status: int
    headers: Mapping[str, str]
    framing: Mapping[str, tuple[str, ...]]


def read_head(stream: BufferedReader) -> Head:
    """The head of the final answer; interim ones (1xx) before it are passed over.

    Raises:
        NotHttp: when it is none.
        Ended: when it ends before the empty line.
        OSError: what reading raises.
    """
    anything = False
    for _ in range(MAX_HEADERS):
        line = _line(stream, anything=anything)
        match = _STATUS.fullmatch(line)
        if match is None:
            raise NotHttp
        anything = True
        head = _fields(stream, int(match[1]))
        if head.status >= 200 or head.status == 101:
            return head
    raise NotHttp


def read_body(stream: BufferedReader, head: Head, max_bytes: int) -> bytes | None:
    """The body; None when it is longer than `max_bytes`.

    Raises:
        NotHttp: when its length is told in two ways, or its chunks are none.
        Ended: when it ends before its length.
        OSError: what reading raises.
    """
    lengths, codings = head.framing["content-length"], head.framing["transfer-encoding"]
    if head.status < 200 or head.status in _NO_BODY:
        return b""
    if codings:
        if lengths or [coding.lower() for coding in codings] != ["chunked"]:
            raise NotHttp
        return _chunks(stream, max_bytes)
    if not lengths:
        body = stream.read(max_bytes + 1)
        return None if len(body) > max_bytes else body
    if len(set(lengths)) != 1 or not _LENGTH.fullmatch(lengths[0]):
        raise NotHttp
    length = int(lengths[0])
    return None if length > max_bytes else _exactly(stream, length)


def _fields(stream: BufferedReader, status: int) -> Head:
    headers: dict[str, str] = {}
    framing: dict[str, tuple[str, ...]] = {"content-length": (), "transfer-encoding": ()}
    for _ in range(MAX_HEADERS + 1):
        line = _line(stream, anything=True)
        if not line:
            return Head(status, headers, framing)
        match = _FIELD.fullmatch(line)
        if match is None:
            raise NotHttp
        name, value = match[1].decode("ascii").lower(), match[2].decode("latin-1")
        headers.setdefault(name, value)
        if name in framing:
            framing[name] = (*framing[name], value)
    raise NotHttp


def _chunks(stream: BufferedReader, max_bytes: int) -> bytes | None:
    body = bytearray()
    while True:
        match = _CHUNK.fullmatch(_line(stream, anything=True))
        if match is None:
            raise NotHttp
        size = int(match[1], 16)
        if size == 0:
            _fields(stream, 200)  # what follows the last chunk decides nothing
            return bytes(body)
        if len(body) + size > max_bytes:
            return None
        body += _exactly(stream, size)
        if _exactly(stream, 2) != b"\r\n":
            raise NotHttp


def _exactly(stream: BufferedReader, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise Ended(anything=True)
    return data


def _line(stream: BufferedReader, *, anything: bool) -> bytes:
    """One line without its end, which is CRLF, or LF alone (RFC 9112 section 2.2)."""
    line = stream.readline(MAX_LINE + 1)
    if not line.endswith(b"\n"):
        if len(line) > MAX_LINE:
            raise NotHttp
        raise Ended(anything=anything or bool(line))
    return line[:-1].removesuffix(b"\r")
