"""The issuers of the cases: each case has one of its own, so that no key of another case is remembered for it."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from daypass.testing.conformance.talking import Exchange, https_server

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    Misbehave = Callable[[Exchange], Awaitable[None]]

_DISCOVERY: Final = "/.well-known/openid-configuration"
_KEYS: Final = "/keys"
_TOO_LONG: Final = 4 * 1024 * 1024


async def _silent(_: Exchange) -> None:
    """Take the request and say nothing."""
    await asyncio.sleep(60)


async def _drip(exchange: Exchange) -> None:
    """Say it, one byte in 200 milliseconds."""
    exchange.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n")
    for _ in range(300):
        exchange.writer.write(b" ")
        await exchange.writer.drain()
        await asyncio.sleep(0.2)


async def _endless(exchange: Exchange) -> None:
    exchange.writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {_TOO_LONG}\r\n\r\n".encode())
    for _ in range(_TOO_LONG // 65536):
        exchange.writer.write(b" " * 65536)
        await exchange.writer.drain()


async def _redirect(exchange: Exchange) -> None:
    await exchange.answer(b"", status="302 Found", headers=f"location: {exchange.path}?again\r\n")


def _status(line: str) -> Misbehave:
    async def refuse(exchange: Exchange) -> None:
        await exchange.answer(b"{}", status=line)

    return refuse


async def _page(exchange: Exchange) -> None:
    await exchange.answer(b"<html><body>Sign in</body></html>", headers="content-type: text/html\r\n")


_MISBEHAVES: Final[Mapping[str, tuple[str, Misbehave]]] = {
    "silent": (_DISCOVERY, _silent),
    "drip": (_KEYS, _drip),
    "endless": (_KEYS, _endless),
    "redirect": (_DISCOVERY, _redirect),
    "redirect-keys": (_KEYS, _redirect),
    "not-found": (_DISCOVERY, _status("404 Not Found")),
    "not-found-keys": (_KEYS, _status("404 Not Found")),
    "busy": (_DISCOVERY, _status("429 Too Many Requests")),
    "broken": (_DISCOVERY, _status("503 Service Unavailable")),
    "page": (_DISCOVERY, _page),
    "page-keys": (_KEYS, _page),
}
_METADATA: Final[Mapping[str, Mapping[str, Any]]] = {
    "other-issuer": {"issuer": "https://other.example.com"},
    "no-keys-uri": {"jwks_uri": None},
    "plain-keys-uri": {"jwks_uri": "http://localhost/keys"},
}
FAULTS: Final = frozenset({*_MISBEHAVES, *_METADATA})
"""Every way to misbehave that a case may name."""


@dataclass(frozen=True, slots=True)
class _Kept:
    keys: bytes | None
    fault: str | None


class Issuers:
    """The server of every case's issuer.

    Args:
        base: URL under which the endpoint finds this server, without a last slash.
    """

    def __init__(self, base: str) -> None:
        self.base = base
        self._kept: dict[str, _Kept] = {}

    def url(self, name: str) -> str:
        """The issuer of this name."""
        return f"{self.base}/{name}"

    def publish(self, name: str, keys: bytes | None, fault: str | None) -> None:
        """From now on this issuer has that key set (None: it is not there), or misbehaves."""
        self._kept[f"/{name}"] = _Kept(keys, fault)

    async def talk(self, exchange: Exchange) -> None:
        """Answer one request."""
        target = exchange.path.partition("?")[0]
        for part in (_DISCOVERY, _KEYS):
            kept = self._kept.get(target.removesuffix(part)) if target.endswith(part) else None
            if kept is not None:
                await self._answer(exchange, target.removesuffix(part), part, kept)
                return
        await exchange.answer(b"", status="404 Not Found")

    async def _answer(self, exchange: Exchange, path: str, part: str, kept: _Kept) -> None:
        where, misbehave = _MISBEHAVES.get(kept.fault or "", ("", None))
        redirected = exchange.path.endswith("?again")
        if misbehave is not None and where == part and not redirected:
            await misbehave(exchange)
        elif kept.keys is None:
            await exchange.answer(b"", status="404 Not Found")
        else:
            metadata = self._metadata(path, kept.fault)
            body = kept.keys if part == _KEYS else json.dumps(metadata).encode()
            await exchange.answer(body, headers="content-type: application/json\r\ncache-control: no-cache\r\n")

    def _metadata(self, path: str, fault: str | None) -> dict[str, Any]:
        issuer = self.base + path
        metadata = {
            "issuer": issuer,
            "jwks_uri": issuer + _KEYS,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            **_METADATA.get(fault or "", {}),
        }
        return {name: value for name, value in metadata.items() if value is not None}


@contextmanager
def serve(context: ssl.SSLContext, *, base: str | None = None, port: int = 0) -> Iterator[Issuers]:
    """The issuers over HTTPS on 127.0.0.1, in a thread, until the block ends.

    `base` is their URL as the endpoint sees it; `https://localhost:<port>` when None.

    Raises:
        OSError: when the port cannot be listened at.
    """
    issuers = Issuers(base or "")
    started, ended = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    failed: list[OSError] = []

    async def live() -> None:
        async with https_server(context, issuers.talk, port=port) as server:
            issuers.base = base or f"https://localhost:{server.port}"
            started.set()
            await ended.wait()

    def run() -> None:
        try:
            loop.run_until_complete(live())
        except OSError as error:
            failed.append(error)
        finally:
            loop.close()
            started.set()

    thread = threading.Thread(target=run, name="issuers", daemon=True)
    thread.start()
    started.wait()
    if failed:
        thread.join()
        raise failed[0]
    try:
        yield issuers
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
