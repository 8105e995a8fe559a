"""What is written in one turn of the event loop leaves in one piece, and nothing is lost or held for longer."""

from __future__ import annotations

import asyncio

from daypass.web.gathering import GATHERED_MAX_BYTES, GatheringTransport


class Wire(asyncio.Transport):
    """Remembers each write; `None` is the end."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bytes | None] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.seen.append(bytes(data))

    def close(self) -> None:
        self.seen.append(None)

    abort = close

    def is_closing(self) -> bool:
        return None in self.seen


async def _opened() -> tuple[Wire, GatheringTransport]:
    wire = Wire()
    return wire, GatheringTransport(wire, asyncio.get_running_loop())


def test_a_head_and_its_body_leave_together() -> None:
    async def answer() -> None:
        wire, transport = await _opened()
        transport.write(b"head")
        transport.write(bytearray(b"body"))
        assert wire.seen == []
        await asyncio.sleep(0)
        assert wire.seen == [b"headbody"]
        transport.write(b"next")
        await asyncio.sleep(0)
        assert wire.seen == [b"headbody", b"next"]

    asyncio.run(answer())


def test_what_is_written_before_closing_is_sent_first() -> None:
    async def answer() -> None:
        wire, transport = await _opened()
        transport.write(b"last words")
        transport.close()
        await asyncio.sleep(0)
        assert wire.seen == [b"last words", None]
        assert transport.is_closing()

    asyncio.run(answer())


def test_nothing_is_sent_after_an_abort() -> None:
    async def answer() -> None:
        wire, transport = await _opened()
        transport.write(b"too late")
        transport.abort()
        await asyncio.sleep(0)
        assert wire.seen == [None]

    asyncio.run(answer())


def test_nothing_is_written_to_a_connection_that_was_lost_meanwhile() -> None:
    async def answer() -> None:
        wire, transport = await _opened()
        transport.write(b"to nobody")
        wire.close()
        await asyncio.sleep(0)
        assert wire.seen == [None]

    asyncio.run(answer())


def test_much_is_not_held_back() -> None:
    async def answer() -> None:
        wire, transport = await _opened()
        for _ in range(5):
            transport.write(b"x" * GATHERED_MAX_BYTES)
        assert sum(len(each or b"") for each in wire.seen) >= 4 * GATHERED_MAX_BYTES
        await asyncio.sleep(0)
        assert b"".join(each or b"" for each in wire.seen) == b"x" * 5 * GATHERED_MAX_BYTES

    asyncio.run(answer())
