"""How a server misbehaves with one of its documents: by name, over a real connection."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from daypass.testing.conformance.talking import Exchange

_LONG: Final = 3600.0


class Answering:
    """What a behaviour may need to know to answer.

    Attributes:
        exchange: the request, and the way back.
        body: the document that should be sent.
        headers: lines of the answer's head, each with its end.
        budget: seconds that whoever asks has for all of it.
        count: how many requests for this document came before.
        given: the behaviour's own arguments.
    """

    def __init__(
        self, exchange: Exchange, body: bytes, headers: str, *, budget: float, count: int, given: Mapping[str, Any]
    ) -> None:
        self.exchange = exchange
        self.body = body
        self.headers = headers
        self.budget = budget
        self.count = count
        self.given = given

    async def well(self) -> None:
        """As it should be."""
        await self.exchange.answer(self.body, headers=self.headers)


async def slow(answering: Answering) -> None:
    """The first byte comes after all the time is over."""
    await asyncio.sleep(answering.budget * 1.5)
    await answering.well()


async def drip(answering: Answering) -> None:
    """A byte now and then: no single wait is long."""
    body = answering.body
    answering.exchange.writer.write(
        f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n{answering.headers}\r\n".encode()
    )
    for index in range(len(body)):
        answering.exchange.writer.write(body[index : index + 1])
        await answering.exchange.writer.drain()
        await asyncio.sleep(answering.budget / 20)


async def stall(answering: Answering) -> None:
    """Headers, and then nothing."""
    answering.exchange.writer.write(
        f"HTTP/1.1 200 OK\r\ncontent-length: {len(answering.body)}\r\n{answering.headers}\r\n".encode()
    )
    await answering.exchange.writer.drain()
    await asyncio.sleep(_LONG)


async def reset(answering: Answering) -> None:
    """Half of the body, and then the connection is gone."""
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(answering.body)}\r\n{answering.headers}\r\n"
    answering.exchange.writer.write(head.encode() + answering.body[: len(answering.body) // 2])
    await answering.exchange.writer.drain()
    await asyncio.sleep(0.05)
    answering.exchange.writer.transport.abort()


async def redirect(answering: Answering) -> None:
    """To `location`; a request that has been redirected once gets the document, unless it is a loop."""
    if answering.exchange.path.endswith("?again") and not answering.given.get("loop"):
        await answering.well()
        return
    location = answering.given.get("location", answering.exchange.path.removesuffix("?again") + "?again")
    await answering.exchange.answer(b"", status="302 Found", headers=f"location: {location}\r\n{answering.headers}")


async def status(answering: Answering) -> None:
    """`status`, to the first `times` requests or to all; with further `headers`."""
    if answering.count >= answering.given.get("times", answering.count + 1):
        await answering.well()
        return
    more = "".join(f"{name}: {value}\r\n" for name, value in answering.given.get("headers", {}).items())
    body = answering.given.get("body", "{}").encode()
    await answering.exchange.answer(body, status=answering.given["status"], headers=more + answering.headers)


async def text(answering: Answering) -> None:
    """`body` in place of the document."""
    await answering.exchange.answer(answering.given["body"].encode(), headers=answering.headers)


async def insert(answering: Answering) -> None:
    """`before` in front of the document, or `after` its first character."""
    before, after = answering.given.get("before", "").encode(), answering.given.get("after", "").encode()
    body = before + answering.body[:1] + after + answering.body[1:]
    await answering.exchange.answer(body, headers=answering.headers)


async def pad(answering: Answering) -> None:
    """So many `bytes` of white space behind it."""
    await answering.exchange.answer(answering.body + b" " * answering.given["bytes"], headers=answering.headers)


async def compress(answering: Answering) -> None:
    """Gzip, whatever was asked."""
    body = gzip.compress(answering.body)
    await answering.exchange.answer(body, headers=f"content-encoding: gzip\r\n{answering.headers}")


BEHAVIOURS: Final[Mapping[str, Callable[[Answering], Awaitable[None]]]] = {
    each.__name__: each for each in (slow, drip, stall, reset, redirect, status, text, insert, pad, compress)
}
"""By the name that a case has in `do`."""
