"""An HTTPS server on this machine that answers as it is told, byte for byte, and as badly as it is told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    Talk = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One request as it came, and the way to answer it."""

    head: bytes
    writer: asyncio.StreamWriter

    @property
    def path(self) -> str:
        """The request's target."""
        return self.head.split(b" ", 2)[1].decode("latin-1")

    async def answer(self, body: bytes, *, status: str = "200 OK", headers: str = "") -> None:
        r"""Send an answer; each line of `headers` ends with `\r\n`."""
        self.writer.write(
            f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{headers}\r\n".encode() + body
        )
        await self.writer.drain()


@dataclass
class Server:
    """Where it listens on 127.0.0.1, and the heads of the requests that came."""

    port: int
    heads: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def https_server(context: ssl.SSLContext, talk: Talk, *, port: int = 0) -> AsyncIterator[Server]:
    """Serve until the block ends; every connection is one exchange."""
    server = Server(port=port)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            server.heads.append(head)
            await talk(Exchange(head, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    listener = await asyncio.start_server(serve, "127.0.0.1", port, ssl=context)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.sleep(0.05)  # both ends' aborted connections are closed by the loop, one step later
