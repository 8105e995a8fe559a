"""Clients that send slowly, endlessly or nonsense, on real sockets."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from daypass.bootstrap.server import Server
from daypass.web import connections

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from support.identity_provider import World

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def served(world: World, *, direct: bool = False) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    server = Server(world.application, host="127.0.0.1", port=0, tls=None, direct=direct)
    await server.start()
    opened: list[asyncio.StreamWriter] = []

    async def connect(source: str = "127.0.0.1") -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(source, 0))
        opened.append(writer)
        return reader, writer

    try:
        yield connect
    finally:
        for writer in opened:
            writer.close()
        await server.stop()


async def ended(reader: asyncio.StreamReader, seconds: float = 5) -> bytes:
    """All that the server still says, once it has closed the connection."""
    try:
        return await asyncio.wait_for(reader.read(), seconds)
    except ConnectionResetError:
        return b""


def problem(answer: bytes) -> tuple[int, dict[str, object]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    document: dict[str, object] = json.loads(body)
    return int(head.split()[1]), document


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /idp/keys HTTP/1.1\r\nHost: x\r\n",
        b"\r\n",
        b"GET /idp/keys HTTP/1.1\r\nHost: x\r\n\r\nGET /idp",
    ],
    ids=["nothing", "half a head", "blank lines", "half a second request"],
)
def test_threats_80_a_request_that_never_ends_is_given_up(
    sent: bytes, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections.BoundedProtocol, "request_seconds", 0.4)

    async def attack() -> None:
        async with served(world) as connect:
            reader, writer = await connect()
            writer.write(sent)
            started = asyncio.get_running_loop().time()
            drip = asyncio.create_task(_drip(writer, b"\r\n" if sent == b"\r\n" else b"x"))
            await ended(reader)
            drip.cancel()
            assert asyncio.get_running_loop().time() - started < 2

    asyncio.run(attack())


async def _drip(writer: asyncio.StreamWriter, piece: bytes) -> None:
    """Keep the connection busy, as slow-loris clients do."""
    if piece == b"x":
        await asyncio.sleep(60)
    while True:
        writer.write(piece)
        await asyncio.sleep(0.05)


def test_threats_80_a_body_that_drips_behind_a_refusal_does_not_hold_the_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections.BoundedProtocol, "request_seconds", 0.4)

    async def attack() -> bytes:
        async with served(world) as connect:
            reader, writer = await connect()
            writer.write(b"POST /idp/v1/id-tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
            drip = asyncio.create_task(_drip(writer, b"y"))
            try:
                return await ended(reader)
            finally:
                drip.cancel()

    assert b" 401 " in asyncio.run(attack())


def test_a_head_that_is_too_large_is_refused(world: World) -> None:
    async def attack() -> bytes:
        async with served(world) as connect:
            reader, writer = await connect()
            writer.write(b"GET /idp/keys HTTP/1.1\r\nHost: x\r\n")
            for number in range(2000):
                writer.write(b"X-%d: %s\r\n" % (number, b"y" * 100))
                await asyncio.sleep(0)
            return await ended(reader)

    answer = asyncio.run(attack())
    if answer:  # the kernel may drop an answer when unread bytes are left
        assert problem(answer)[0] == 431


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET /idp/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"GET /idp/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /idp/keys HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n",
        b"GET \xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["no HTTP", "two lengths", "length and chunks", "bad header", "bad target", "TLS on plain HTTP"],
)
def test_what_is_not_http_is_refused_with_a_problem(sent: bytes, world: World) -> None:
    async def attack() -> bytes:
        async with served(world) as connect:
            reader, writer = await connect()
            writer.write(sent)
            return await ended(reader)

    status, document = problem(asyncio.run(attack()))
    assert status == 400
    assert document["code"] == "request_invalid"


def test_a_body_too_large_ends_the_connection_so_that_its_rest_is_no_request(world: World) -> None:
    secret = world.workload()["secret"]
    smuggled = b"GET /idp/keys HTTP/1.1\r\nHost: x\r\n\r\n"

    async def attack() -> bytes:
        async with served(world) as connect:
            reader, writer = await connect()
            writer.write(
                b"POST /idp/v1/id-tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer " + secret.encode() + b"\r\nContent-Length: 99999999\r\n\r\n" + smuggled
            )
            return await ended(reader)

    answer = asyncio.run(attack())
    assert answer.count(b"HTTP/1.1 ") == 1
    status, document = problem(answer)
    assert (status, document["code"]) == (413, "body_too_large")


def test_more_connections_than_allowed_are_closed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 2)

    async def attack() -> tuple[bytes, bytes]:
        async with served(world) as connect:
            first, _ = await connect(), await connect()
            await asyncio.sleep(0.05)
            third = await connect()
            closed = await ended(third[0])
            first[1].write(b"GET /idp/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return closed, await ended(first[0])

    closed, answered = asyncio.run(attack())
    assert closed == b""
    assert b" 200 OK" in answered


def test_a_connection_is_kept_for_the_next_request(world: World) -> None:
    async def ask() -> bytes:
        async with served(world) as connect:
            reader, writer = await connect()
            for _ in range(3):
                writer.write(b"GET /idp/healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                await reader.readuntil(b'{"status":"alive"}')
            writer.write(b"HEAD /idp/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return await ended(reader)

    answer = asyncio.run(ask())
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"\r\n\r\n"), "an answer to HEAD has no body"
    assert b"\r\nserver:" not in answer.lower()


def test_two_servers_share_an_event_loop(world: World) -> None:
    async def ask() -> list[bytes]:
        answers = []
        async with served(world) as first, served(world) as second:
            for connect in (first, second):
                reader, writer = await connect()
                writer.write(b"GET /idp/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answers.append(await ended(reader))
        return answers

    assert [answer.startswith(b"HTTP/1.1 200 OK") for answer in asyncio.run(ask())] == [True, True]


def test_threats_80_a_body_that_drips_is_given_up_also_when_its_sender_is_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections.BoundedProtocol, "request_seconds", 0.4)
    secret = world.workload()["secret"]

    async def attack() -> float:
        async with served(world) as connect:
            reader, writer = await connect()
            writer.write(
                b"POST /idp/v1/id-tokens HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Authorization: Bearer " + secret.encode() + b"\r\nContent-Length: 1000\r\n\r\n"
            )
            started = asyncio.get_running_loop().time()
            drip = asyncio.create_task(_drip(writer, b" "))
            assert await ended(reader) == b""
            drip.cancel()
            return asyncio.get_running_loop().time() - started

    assert asyncio.run(attack()) < 2


def test_threats_80_slow_clients_keep_nobody_from_being_answered(world: World) -> None:
    async def attack() -> bytes:
        async with served(world) as connect:
            for _ in range(100):
                _, slow = await connect()
                slow.write(b"POST /idp/v1/id-tokens HTTP/1.1\r\nHost: x\r\n")
            reader, writer = await connect()
            writer.write(b"GET /idp/keys HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return await ended(reader)

    assert b" 200 OK" in asyncio.run(attack())


@pytest.mark.parametrize("direct", [True, False])
def test_threats_80_one_address_has_a_part_of_the_connections_only(
    direct: bool,  # noqa: FBT001
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But for a proxy, which speaks for everybody."""
    monkeypatch.setattr(connections, "CONNECTIONS_PER_SOURCE_MAX", 3)

    async def attack() -> list[bytes]:
        async with served(world, direct=direct) as connect:
            for _ in range(3):
                await connect()
            await asyncio.sleep(0.05)
            said = []
            for source in ("127.0.0.1", "127.0.0.2"):
                reader, writer = await connect(source)
                try:
                    writer.write(b"GET /idp/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    said.append(await ended(reader))
                except ConnectionError:
                    said.append(b"")
            return said

    assert [b" 200 OK" in said for said in asyncio.run(attack())] == [not direct, True]
