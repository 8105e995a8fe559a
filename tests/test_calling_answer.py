"""Reading HTTP answers: what two readers could take differently is refused, the rest is what http.client reads."""

from __future__ import annotations

import contextlib
import http.client
import io
import time
from typing import TYPE_CHECKING, Any, cast

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daypass.calling.answer import Ended, Head, NotHttp, read_body, read_head

if TYPE_CHECKING:
    import socket

LIMIT = 64


def read(data: bytes, limit: int = LIMIT) -> tuple[Head, bytes | None]:
    stream = io.BufferedReader(cast("Any", io.BytesIO(data)))
    head = read_head(stream)
    return head, read_body(stream, head, limit)


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi and more", 200, b"hi"),
        (b"HTTP/1.0 404\r\n\r\nhi", 404, b"hi"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi", 200, b"hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\nx", 204, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\nhi", 200, b"hi"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;a=b\r\nh\r\n01 \r\ni\r\n0\r\nX: y\r\n\r\n",
            200,
            b"hi",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nhi", 200, b"hi"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + b"x" * 64, 200, b"x" * 64),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n" + b"x" * 65, 200, None),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 65, 200, None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n" + b"x" * 65, 200, None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 200, None),
    ],
)
def test_answers(data: bytes, status: int, body: bytes | None) -> None:
    head, found = read(data)
    assert (head.status, found) == (status, body)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b" HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nA: b\r\n folded: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\rc: d\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nnothing\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhixx0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2 2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a\rb\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 101 + b"\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n content-length: 3\r\n\r\nhi!",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\x0b\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\nContent-Length: 2\r\n\r\nhi",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_what_two_readers_could_take_differently_is_refused(data: bytes) -> None:
    with pytest.raises(NotHttp):
        read(data)


def test_an_answer_that_ends_early_says_whether_anything_came() -> None:
    whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    for cut in range(len(whole)):
        with pytest.raises(Ended) as ended:
            read(whole[:cut])
        assert ended.value.anything == (cut > 0)
    assert read(whole)[1] == b"hi"


@pytest.mark.parametrize("end", [b"\0", b"\r\r\n", b"\r\n\r\n"])
def test_a_line_of_blanks_takes_no_longer_than_any_other(end: bytes) -> None:
    """Each part of a pattern could take the blanks, in any number: a line of 60 KB would have taken days."""
    begun = time.process_time()
    with contextlib.suppress(NotHttp, Ended):
        read(b"HTTP/1.1 200 OK\r\nA:" + b" \t" * 30_000 + end)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + (b"A: " + b"x" * 10_000 + b"\r\n") * 10 + b"\r\n",
        (b"HTTP/1.1 103 Early\r\nA: " + b"x" * 10_000 + b"\r\n\r\n") * 10 + b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"1;" + b"x" * 1000 + b"\r\nh\r\n") * 100,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + (b"A: " + b"x" * 10_000 + b"\r\n") * 10,
    ],
)
def test_what_is_no_body_has_bounds_too(data: bytes) -> None:
    """A peer that sends head without end, or a byte of body with a thousand around it (as CVE-2023-39326 in Go)."""
    with pytest.raises(NotHttp):
        read(data, limit=1 << 20)


def test_a_body_of_many_small_chunks_is_read() -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (8, b"12345678") for _ in range(20_000))
    _, found = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n", limit=1 << 20)
    assert found == b"12345678" * 20_000


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._data)


PIECES = st.sampled_from(
    [
        *(
            b"HTTP/1.1 200 OK",
            b"HTTP/1.0 500",
            b"\r\n",
            b"\n",
            b"\r\n\r\n",
            b"Content-Length: ",
            b"Transfer-Encoding: ",
        ),
        *(b"chunked", b"2", b"0", b"A: b", b"a", b":", b" ", b"\t", b";", b"hi", b"\r", b"\0", b"1\r\nx\r\n", b"\xff"),
    ]
)


@given(st.lists(PIECES, max_size=14))
def test_what_is_read_here_is_what_http_client_reads(pieces: list[bytes]) -> None:
    data = b"HTTP/1.1 200 OK\r\n" + b"".join(pieces)
    try:
        head, body = read(data, limit=10_000)
    except (NotHttp, Ended):
        return
    response = http.client.HTTPResponse(cast("socket.socket", _Socket(data)), method="GET")
    response.begin()
    assert response.status == head.status
    assert response.read() == body


HEADS = st.sampled_from(
    [
        *(
            b"Content-Length: 2",
            b"Content-Length: 02",
            b"content-length:2 ",
            b"Content-Length: 3",
            b"Content-Length: 2,2",
        ),
        *(b"Transfer-Encoding: chunked", b"transfer-encoding:CHUNKED", b"Transfer-Encoding: gzip", b"X: y", b"X:"),
        *(b"Transfer-Encoding : chunked", b" folded", b"X: \xff", b"X: a\tb", b"X: a\x0bb", b"Connection: close"),
        *(b"Content-Length: -2", b"Content-Length: 1_0", b"Content-Length: \xb2", b"Date: x", b"Trailer: X"),
    ]
)
BODIES = st.sampled_from(
    [
        *(b"hi", b"", b"h", b"2\r\nhi\r\n0\r\n\r\n", b"2;x=y\r\nhi\r\n0\r\nX: y\r\n\r\n", b"02 \r\nhi\r\n00\r\n\r\n"),
        *(b"2\nhi\n0\n\n", b"3\r\nhi\r\n0\r\n\r\n", b"2\r\nhi\r\n0\r\n", b"2\r\nhi", b"+2\r\nhi\r\n0\r\n\r\n"),
    ]
)


@given(
    st.sampled_from([b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 404 ", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No"]),
    st.booleans(),
    st.lists(HEADS, max_size=4),
    BODIES,
)
def test_what_is_read_here_is_what_h11_reads(first: bytes, early: bool, heads: list[bytes], body: bytes) -> None:  # noqa: FBT001
    """Two strict readers: what is accepted here has the same status and body there, or is refused there."""
    data = b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * early + b"\r\n".join([first, *heads, b"", b""]) + body
    try:
        head, found = read(data, limit=10_000)
    except (NotHttp, Ended):
        return
    theirs = h11.Connection(h11.CLIENT)
    theirs.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    theirs.send(h11.EndOfMessage())
    theirs.receive_data(data)
    theirs.receive_data(b"")
    status, content = 0, b""
    try:
        while not isinstance(event := theirs.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
            assert event is not h11.NEED_DATA
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                content += bytes(event.data)
    except h11.RemoteProtocolError:
        # h11 has rules about what a value may hold that decide nothing; where it disagrees on framing it is stricter.
        assert any(not (32 <= byte < 127 or byte in b"\t") for line in heads for byte in line), data
        return
    assert (status, content) == (head.status, found)


@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]),
)
def test_any_bytes_are_read_or_refused(data: bytes, start: bytes) -> None:
    with contextlib.suppress(NotHttp, Ended):
        head, body = read(start + data)
        assert 100 <= head.status <= 999
        assert body is None or len(body) <= LIMIT
