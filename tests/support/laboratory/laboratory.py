"""The servers: one thread, one loop, a port for each issuer, started when it is asked for."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import tempfile
import threading
import warnings
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from daypass.testing.conformance.cases import Case, build, filled
from daypass.testing.conformance.talking import Exchange, https_server
from support.laboratory.behaviours import BEHAVIOURS, Answering
from support.laboratory.certificates import authority, chain, leaf

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

ACCOUNT: Final = "210045678901"
"""In place of the vectors' account, which documentation shows and the linter therefore knows."""
_DISCOVERY: Final = "/.well-known/openid-configuration"
_KEYS: Final = "/keys"
_DOMAIN: Final = "laboratory.example.com"


@dataclass
class Specimen:
    """One issuer of the laboratory, which listens.

    Attributes:
        issuer: its URL, without a port: `connect_to` leads there.
        connect_to: (host, port) of URLs to the (host, port) where they are really served.
        now: the time for which its token was made.
        case: its token, keys, provider and role.
        account: further providers of the account, and what else the case says of it.
        requests: by document and whether the doctor looked, how many came.
    """

    vector: Mapping[str, Any]
    issuer: str
    now: datetime
    case: Case
    connect_to: dict[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    requests: dict[tuple[str, bool], int] = field(default_factory=dict)

    @property
    def token(self) -> str:
        return self.case.parameters["WebIdentityToken"]

    @property
    def providers(self) -> list[tuple[str, tuple[str, ...]]]:
        """URL and client ids of every provider that the account is to have."""
        given = self._fill(self.vector.get("providers", []))
        own = [] if self.case.client_ids is None else [(self.issuer, self.case.client_ids)]
        return own + [(each["url"], tuple(each["client_ids"])) for each in given]

    @property
    def expect(self) -> dict[str, Any]:
        return dict(self._fill(self.vector["expect"]))

    def fresh(self) -> None:
        """As if nobody had asked yet."""
        self.requests.clear()

    def _fill(self, value: Any) -> Any:
        return filled(value, self.issuer, int(self.now.timestamp()), ACCOUNT)


class Laboratory:
    """Servers with faults. A context manager; `start` gives one.

    Args:
        budget: seconds that whoever asks these issuers has for an answer; what is slow here is slower than that.
    """

    def __init__(self, budget: float) -> None:
        self.budget = budget
        self._loop = asyncio.new_event_loop()
        self._ends: list[Callable[[], Awaitable[object]]] = []
        self._files = tempfile.TemporaryDirectory(prefix="daypass-laboratory-")
        self._thread = threading.Thread(target=self._loop.run_forever, name="laboratory", daemon=True)
        self._started: dict[str, Specimen] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        self.ca_file.write_bytes(authority("root").pem)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._files.cleanup()

    @property
    def ca_file(self) -> Path:
        """The root that stands for the public authorities (PEM)."""
        return Path(self._files.name) / "root.pem"

    def start(self, vector: Mapping[str, Any], now: datetime | None = None) -> Specimen:
        """The case's issuer; the same one each time, as on its first day, with a token made at `now`."""
        name = vector["id"]
        moment = now or datetime.now(UTC).replace(microsecond=0)
        host = f"{name}.{_DOMAIN}"
        issuer = f"https://{host}{vector.get('path', '')}"
        case = build(dict(vector), issuer=issuer, now=moment, account=ACCOUNT)
        if name not in self._started:
            specimen = Specimen(vector, issuer, moment, case)
            server = vector.get("server", {})
            tls = None if "tcp" in server else self._tls(server, host)
            port = asyncio.run_coroutine_threadsafe(self._serve(specimen, tls), self._loop).result(10)
            hosts = (host, f"keys.{host}", *vector.get("more_hosts", ()))
            specimen.connect_to = {(each, 443): ("127.0.0.1", port) for each in hosts}
            self._started[name] = specimen
        specimen = self._started[name]
        specimen.now, specimen.case = moment, case
        specimen.fresh()
        return specimen

    async def _end(self) -> None:
        await asyncio.gather(*(end() for end in self._ends))

    async def _serve(self, specimen: Specimen, tls: ssl.SSLContext | None) -> int:
        async def talk(exchange: Exchange) -> None:
            await self._talk(specimen, exchange)

        if tls is not None:
            stack = AsyncExitStack()
            self._ends.append(stack.aclose)
            return (await stack.enter_async_context(https_server(tls, talk))).port
        kind = specimen.vector["server"]["tcp"]
        if kind == "refused":
            taken = socket.socket()  # the port is taken, and nobody listens
            taken.bind(("127.0.0.1", 0))
            self._ends.append(partial(asyncio.to_thread, taken.close))
            return int(taken.getsockname()[1])
        return await self._bare(kind)

    async def _bare(self, kind: str) -> int:
        """A server without TLS: it closes, says nothing, or speaks plain HTTP."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                if kind == "silent":
                    await reader.read()
                if kind == "plain":
                    await reader.read(1)
                    writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                    await writer.drain()
            except OSError:
                pass
            finally:
                writer.close()

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._ends.append(partial(asyncio.to_thread, self._loop.call_soon_threadsafe, listener.close))
        return int(listener.sockets[0].getsockname()[1])

    def _tls(self, server: Mapping[str, Any], host: str) -> ssl.SSLContext:
        names = server.get("chain", ["leaf", "top"])
        made = leaf(server.get("leaf", "good"), [host, f"keys.{host}"], server.get("signed_by", "top"))
        certificates, key = Path(self._files.name) / "chain.pem", Path(self._files.name) / "key.pem"
        certificates.write_bytes(chain(names, made))
        key.write_bytes(made.key_pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if "most_tls" in server:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what this server is for
                context.maximum_version = ssl.TLSVersion[server["most_tls"]]
                context.minimum_version = ssl.TLSVersion[server.get("least_tls", server["most_tls"])]
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.load_cert_chain(certificates, key)
        return context

    async def _talk(self, specimen: Specimen, exchange: Exchange) -> None:
        path = exchange.path.partition("?")[0]
        document = "discovery" if path.endswith(_DISCOVERY) else "keys" if path.endswith(_KEYS) else None
        if document is None:
            await exchange.answer(b"", status="404 Not Found")
            return
        # Luck is dealt out alike: the doctor's looks and the fetch that decides are counted apart.
        counted = (document, b"daypass-doctor" in exchange.head)
        count = specimen.requests.get(counted, 0)
        specimen.requests[counted] = count + 1
        vector = specimen.vector
        body = _discovery(specimen) if document == "discovery" else _keys(specimen, count)
        headers = _headers(specimen, document)
        given: Mapping[str, Any] = next((each for each in vector.get("serving", ()) if each["at"] == document), {})
        answering = Answering(exchange, body, headers, budget=self.budget, count=count, given=specimen._fill(given))
        behave: Callable[[Answering], Awaitable[None]] = BEHAVIOURS[given["do"]] if given else Answering.well
        await behave(answering)


def _discovery(specimen: Specimen) -> bytes:
    metadata = {
        "issuer": specimen.issuer,
        "jwks_uri": specimen.issuer.removesuffix("/") + _KEYS,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "claims_supported": ["iss", "sub", "aud", "iat", "exp"],
        **specimen._fill(specimen.vector.get("discovery", {})),
    }
    return json.dumps({name: value for name, value in metadata.items() if value is not None}).encode()


def _keys(specimen: Specimen, count: int) -> bytes:
    """The key set; of two replicas the other one's, every second time."""
    other = specimen.vector.get("other_keys")
    if other is not None and count % 2 == 1:
        twin = build({**specimen.vector, "keys": other}, issuer=specimen.issuer, now=specimen.now, account=ACCOUNT)
        return twin.key_set or b""
    return specimen.case.key_set or b""


def _headers(specimen: Specimen, document: str) -> str:
    """Lines of the head. `date` is this machine's, moved by `clock_seconds`."""
    moment = datetime.fromtimestamp(specimen.now.timestamp() + specimen.vector.get("clock_seconds", 0), UTC)
    headers = {
        "content-type": "application/json",
        "cache-control": "public, max-age=300",
        "date": format_datetime(moment, usegmt=True),
        **specimen.vector.get("headers", {}).get(document, {}),
    }
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
