"""Limits on the wire, before there is a request: for clients that send slowly, endlessly or nonsense.

uvicorn bounds only the pause between two requests; a request that never ends, in its head or its body, would hold its
connection and memory for ever.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from daypass.idp.limits import network_of
from daypass.web.gathering import GatheringTransport
from daypass.web.problems import MEDIA_TYPE

if TYPE_CHECKING:
    import asyncio

REQUEST_SECONDS: Final = 15.0
"""From a request's first byte (or the connection's start) to its last."""
HEAD_MAX_BYTES: Final = 32 * 1024
"""Request line and header fields."""
CONNECTIONS_MAX: Final = 4096
"""Open connections of one server."""
CONNECTIONS_PER_SOURCE_MAX: Final = 1024
"""Of these, those of one address (of IPv6, of one /64): nobody alone keeps all others out."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 connection with a deadline for each request, and limits on heads and connections.

    For connections from a proxy, which all have one address; see also `DirectProtocol`.
    """

    request_seconds = REQUEST_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes: int | None = 0
        self._under_way = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base class
        """Take the connection, or close it when there are too many."""
        super().connection_made(GatheringTransport(transport, self.loop))
        if len(self.connections) > CONNECTIONS_MAX or self._too_many_of_source():
            transport.abort()
        self._await_request()

    def _too_many_of_source(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._request_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; refuse a head that does not come to its end."""
        self._under_way = True
        if self._head_bytes is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes is not None and self._head_bytes > HEAD_MAX_BYTES:
            self._refuse(431, "Request Header Fields Too Large", "the request's head is larger than what is read")
        # A request that is here with its first bytes, as almost all are, needs no timer.
        if self._under_way:
            self._await_request()

    def on_message_begin(self) -> None:
        """A request starts, perhaps behind another one in the same bytes."""
        super().on_message_begin()
        self._under_way = True

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._head_bytes = 0
        self._under_way = False
        self._request_is_here()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        del msg
        self._refuse(400, "Bad Request", "this is not an HTTP/1.1 request")

    def _await_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.request_seconds, self.transport.abort)

    def _request_is_here(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int, phrase: str, title: str) -> None:
        if self.transport.is_closing():
            return
        request_id = secrets.token_hex(8)
        body = orjson.dumps(
            {
                "type": "urn:daypass:error:request_invalid",
                "title": title,
                "status": status,
                "code": "request_invalid",
                "request_id": request_id,
            }
        )
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()


class DirectProtocol(BoundedProtocol):
    """A connection that comes from its client, so that its address tells whose it is."""

    def _too_many_of_source(self) -> bool:
        if len(self.connections) <= CONNECTIONS_PER_SOURCE_MAX:
            return False
        mine = self._source()
        same = [each for each in self.connections if isinstance(each, DirectProtocol) and each._source() == mine]  # noqa: SLF001
        return len(same) > CONNECTIONS_PER_SOURCE_MAX

    def _source(self) -> str:
        return network_of(None if self.client is None else self.client[0])
