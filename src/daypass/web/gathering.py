"""Fewer sends: what is written to a connection in one turn of the event loop leaves in one piece.

uvicorn writes an answer's head and its body one after the other, and uvloop passes each to the kernel at once. The
second call costs more than all that Daypass does for a public document.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

GATHERED_MAX_BYTES: Final = 64 * 1024
"""What is held back at most; larger writes go out at once, so that the transport's own limits tell the writer."""


class GatheringTransport(asyncio.Transport):
    """A transport in front of another: its writes are held back until the event loop's next turn."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """See `asyncio.WriteTransport`."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(bytes(data))
        self._held_bytes += len(data)
        if self._held_bytes > GATHERED_MAX_BYTES:
            self._flush()

    def close(self) -> None:
        """Send what is held back, and close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what is held back is lost, as is what the other transport has not sent yet."""
        self._held.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport`."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: object = None) -> Any:
        """See `asyncio.BaseTransport`."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """See `asyncio.ReadTransport`."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """See `asyncio.ReadTransport`."""
        self._transport.resume_reading()

    def _flush(self) -> None:
        if self._held:
            held, self._held, self._held_bytes = self._held, [], 0
            if not self._transport.is_closing():
                self._transport.write(held[0] if len(held) == 1 else b"".join(held))
