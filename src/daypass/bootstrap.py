"""The composition root: joins ports to what implements them, owns the clock, starts and stops servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from daypass import files
from daypass.config import tls_context
from daypass.errors import DaypassError, SettingInvalid
from daypass.secret import Secret

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    from daypass.config import Settings
    from daypass.idp.key_ring import KeyRing
    from daypass.idp.ports import Clock
    from daypass.idp.registry import Registry
    from daypass.web.services import Services

DRAIN_SECONDS: Final = 8
"""How long requests under way may take when the server stops."""
RETIRE_SECONDS: Final = 3600
FIRST_CREDENTIAL: Final = "admin-token"


def utc_now() -> datetime:
    """The one clock."""
    return datetime.now(UTC)


@contextlib.asynccontextmanager
async def identity_provider(settings: Settings, *, clock: Clock = utc_now) -> AsyncIterator[Services]:
    """The identity provider, opened on its data folder and ready to issue.

    The folder is this process's alone until the context ends. On the first start the signing keys are made, and an
    admin token that may do everything, in the file `admin-token` of the folder.

    Raises:
        FileUnavailable, FileUnsafe: when the folder, or a file in it, cannot be used; also when another process has it.
        StoreUnavailable, KeyUnavailable: when the database or the signing keys cannot be used.
        SettingInvalid: when the passphrase file is empty or not text.
    """
    from daypass.idp.issue import Issuer
    from daypass.idp.key_ring import KeyRing
    from daypass.idp.registry import Registry
    from daypass.signers import EncryptedFileSigner, KeyFile, Passphrase
    from daypass.store import open_store
    from daypass.web.services import Services

    folder = settings.data_folder
    protection = (
        KeyFile(settings.key_file or folder / "wrapping-key")
        if settings.passphrase_file is None
        else Passphrase(_passphrase(settings.passphrase_file))
    )
    files.private_folder(folder)
    with open_store(folder) as store:
        signer = EncryptedFileSigner(folder / "keys", protection, clock)
        key_ring = KeyRing(store.keys, signer, clock, store.audit)
        await key_ring.load()
        await key_ring.ensure(settings.signing_algorithms)
        registry = Registry(store.registry, store.audit, clock, os.urandom)
        issuer = Issuer(
            settings.issuer,
            key_ring,
            store.audit,
            clock,
            os.urandom,
            default_algorithm=settings.signing_algorithms[0],
            subject_limit=settings.subject_max_length,
        )
        if not store.registry.admin_tokens(limit=1) or _unfinished(folder).exists():
            await _first_admin_token(registry, folder)
        retiring = asyncio.create_task(_retire_keys(key_ring))
        try:
            yield Services(settings, registry, issuer, key_ring, store.audit)
        finally:
            retiring.cancel()


async def _retire_keys(key_ring: KeyRing) -> None:
    """Take keys out of the key set, within the hour after their last token has died."""
    from daypass.idp.caller import Caller
    from daypass.web.logs import logger

    while True:
        await asyncio.sleep(RETIRE_SECONDS)
        try:
            for key in await key_ring.retire_due(Caller.operator(request_id="retire")):
                logger().info("key_retired", kid=key.kid)
        except DaypassError as error:
            logger().warning("key_not_retired", code=error.code, reason=error.message)


async def _first_admin_token(registry: Registry, folder: Path) -> None:
    """Make the first admin token, and leave it where only the owner of the folder finds it.

    A crash between the database and the file would lock everybody out; the mark tells the next start to try again.
    """
    from daypass.idp.caller import Caller, Scope

    files.write_atomic(_unfinished(folder), b"")
    caller = Caller.operator(request_id="first-start")
    made = await registry.create_admin_token(caller, name="first start", scopes=[Scope.ALL])
    path = folder / FIRST_CREDENTIAL
    files.write_atomic(path, f"{made.secret.reveal()}\n".encode())
    _unfinished(folder).unlink()
    tell(f"daypass: an admin token that may do everything is in {path}")


def _unfinished(folder: Path) -> Path:
    return folder / f".{FIRST_CREDENTIAL}.unfinished"


def _passphrase(path: Path) -> Secret:
    content = files.read_private(path, max_bytes=4096)
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        text = ""
    if not text:
        reason = "it is empty or not UTF-8 text"
        raise SettingInvalid(f"{path}: {reason}", file=str(path), key="passphrase_file", reason=reason)
    return Secret(text)


class Server:
    """One application on one listening address, within a running event loop.

    Several can share a loop: no signal handler is installed. `port` is the one that was given by the system when 0 was
    asked for.
    """

    def __init__(
        self,
        application: Callable[..., Any],
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        keep_alive_seconds: int = 5,
    ) -> None:
        import uvicorn

        from daypass.web.connections import BoundedProtocol

        self._host = host
        self._wanted_port = port
        self._socket: socket.socket | None = None
        self._loop: asyncio.Task[None] | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                loop="none",
                http=BoundedProtocol,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=keep_alive_seconds,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                ssl_context_factory=None if tls is None else lambda *_: tls,
            )
        )

    @property
    def port(self) -> int:
        """The port that connections are taken at."""
        assert self._socket is not None, "the server is started"
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Take connections from now on.

        Raises:
            SettingInvalid: when the address cannot be listened at.
        """
        self._socket = _listening_socket(self._host, self._wanted_port)
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._socket])
        self._loop = asyncio.create_task(self._server.main_loop())

    async def stop(self) -> None:
        """Take no new connections, finish the requests under way within `DRAIN_SECONDS`, and end."""
        assert self._loop is not None, "the server is started"
        assert self._socket is not None, "the server is started"
        self._server.should_exit = True
        await self._loop
        await self._server.shutdown(sockets=[self._socket])


def _listening_socket(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        reason = f"`{host}` port {port} cannot be listened at: {(error.strerror or str(error)).lower()}"
        raise SettingInvalid(
            f"`listen`: {reason}",
            advice="Stop what listens there, or choose another address.",
            file=None,
            key="listen",
            reason=reason,
        ) from None
    return listening


def identity_server(services: Services) -> Server:
    """The identity provider's server, as its settings have it."""
    from daypass.web.application import application

    settings = services.settings
    tls = None
    if not settings.behind_proxy:
        assert settings.tls_certificate is not None, "checked with the settings"
        assert settings.tls_private_key is not None, "checked with the settings"
        tls = tls_context(settings.tls_certificate, settings.tls_private_key)
    return Server(
        application(services),
        host=settings.listen.host,
        port=settings.listen.port,
        tls=tls,
        # A proxy keeps its connections for longer than a client does (nginx: 60 s), and must be the one to close them.
        keep_alive_seconds=75 if settings.behind_proxy else 5,
    )


def serve(settings: Settings) -> int:
    """Run the identity provider until SIGTERM or SIGINT; the exit status.

    Raises:
        DaypassError: see `identity_provider` and `Server.start`.
    """
    harden()
    run(_serve(settings))
    return 0


async def _serve(settings: Settings) -> None:
    from daypass.web import logs

    logs.configure(settings.log_level, settings.log_format)
    stopped = stop_signal()
    async with identity_provider(settings) as services:
        server = identity_server(services)
        await server.start()
        scheme = "http" if settings.behind_proxy else "https"
        address = type(settings.listen)(settings.listen.host, server.port)
        tell(f"daypass: ready at {scheme}://{address} for the issuer {settings.issuer}")
        await stopped.wait()
        tell("daypass: stopping")
        await server.stop()


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set, in the running event loop."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end, in the event loop that servers run fastest in."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def harden() -> None:
    """Leave no key in a core file, and no file open to others."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)


def tell(line: str) -> None:
    """One line for whoever started the server, on standard error."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
