"""Read one HTTP/1.1 answer (RFC 9112): strict where two readers could differ, and no more than one request needs.

http.client would do, and costs as much as the whole of a login may: half of that is the package `email`, which it reads
headers with. What is stricter here: no folded line, no blank before a colon, no length beside chunks, no two lengths,
no chunks in HTTP/1.0, and bounds on all that is not body: a head, interim ones with it, and what surrounds chunks.
"""

from __future__ import annotations

import re

from daypass.light_typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from io import BufferedReader
    from typing import Final

MAX_HEAD: Final = 65_536
"""Bytes of all heads of an answer together, and of the lines around its chunks beyond what the chunks make likely."""
MAX_HEADERS: Final = 100
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n\0]*)?")
# Blanks around a value are taken off afterwards: a pattern that does it takes days for a line of nothing else.
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)")
_CHUNK: Final = rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n\0]*)?"  # compiled when an answer has chunks
_LIKELY_AROUND_A_CHUNK: Final = 16
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
    """The status, and headers with names in lower case, of which `framing` are all that tell the body's length.

    `minor` is that of the version: HTTP/1.`minor`.
    """

    status: int
    headers: Mapping[str, str]
    framing: Mapping[str, tuple[str, ...]]
    minor: int = 1


def read_head(stream: BufferedReader) -> Head:
    """The head of the final answer; interim ones (1xx) before it are passed over.

    Raises:
        NotHttp: when it is none.
        Ended: when it ends before the empty line.
        OSError: what reading raises.
    """
    lines = _Lines(stream)
    for _ in range(MAX_HEADERS):
        match = _STATUS.fullmatch(lines.next())
        if match is None:
            raise NotHttp
        head = _fields(lines, int(match[2]), minor=int(match[1]))
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
    # HTTP/1.0 has no chunks: who passed such an answer on may have read another body (RFC 9112 section 6.1).
    if codings and (lengths or head.minor == 0 or [coding.lower() for coding in codings] != ["chunked"]):
        raise NotHttp
    if lengths and (len(set(lengths)) != 1 or not _LENGTH.fullmatch(lengths[0])):
        raise NotHttp
    if head.status < 200 or head.status in _NO_BODY:
        return b""
    if codings:
        return _chunks(stream, max_bytes)
    if lengths:
        length = int(lengths[0])
        return None if length > max_bytes else _exactly(stream, length)
    body = stream.read(max_bytes + 1)
    return None if len(body) > max_bytes else body


class _Lines:
    """The lines of a head, or around chunks, up to `MAX_HEAD` bytes of them."""

    def __init__(self, stream: BufferedReader, *, anything: bool = False) -> None:
        self._stream = stream
        self._anything = anything
        self._left = MAX_HEAD

    def next(self, *, bare_line_feed: bool = True) -> bytes:
        """One line without its end: CRLF, or LF alone (RFC 9112 section 2.2), which may not end a chunk's line."""
        line = self._stream.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise NotHttp
        if not line.endswith(b"\n"):
            raise Ended(anything=self._anything or bool(line))
        self._anything = True
        if not bare_line_feed and not line.endswith(b"\r\n"):
            raise NotHttp
        return line[:-1].removesuffix(b"\r")

    def allow(self, size: int) -> None:
        """So many bytes more are likely."""
        self._left = min(MAX_HEAD, self._left + size)


def _fields(lines: _Lines, status: int, *, minor: int) -> Head:
    headers: dict[str, str] = {}
    framing: dict[str, tuple[str, ...]] = {"content-length": (), "transfer-encoding": ()}
    for _ in range(MAX_HEADERS + 1):
        line = lines.next()
        if not line:
            return Head(status, headers, framing, minor)
        match = _FIELD.fullmatch(line)
        if match is None:
            raise NotHttp
        name, value = match[1].decode("ascii").lower(), match[2].strip(b" \t").decode("latin-1")
        headers.setdefault(name, value)
        if name in framing:
            framing[name] = (*framing[name], value)
    raise NotHttp


def _chunks(stream: BufferedReader, max_bytes: int) -> bytes | None:
    body = bytearray()
    lines = _Lines(stream, anything=True)
    while True:
        match = re.fullmatch(_CHUNK, lines.next(bare_line_feed=False))
        if match is None:
            raise NotHttp
        size = int(match[1], 16)
        if size == 0:
            _fields(lines, 200, minor=1)  # what follows the last chunk decides nothing
            return bytes(body)
        if len(body) + size > max_bytes:
            return None
        body += _exactly(stream, size)
        if _exactly(stream, 2) != b"\r\n":
            raise NotHttp
        lines.allow(_LIKELY_AROUND_A_CHUNK + size)


def _exactly(stream: BufferedReader, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise Ended(anything=True)
    return data
