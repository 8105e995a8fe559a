"""A server in an event loop, and the process around it: clock, signals, hardening, words to whoever started it."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
import socket
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from daypass import files
from daypass.errors import SettingInvalid

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine

_LISTEN_ADVICE: Final = {
    errno.EADDRINUSE: "Stop what listens there, or choose another port.",
    errno.EACCES: "Choose a port from 1024 upwards; those below are for root.",
}
DRAIN_SECONDS: Final = 8
"""How long requests under way may take when the server stops."""


def utc_now() -> datetime:
    """The one clock."""
    return datetime.now(UTC)


class Server:
    """One application on one listening address, within a running event loop.

    Several can share a loop: no signal handler is installed. `setting` names what chose the address. `port` is
    the one that was given by the system when 0 was asked for. `direct` when each connection is its client's own and
    no proxy's, so that one address may have a part of the connections only.
    """

    def __init__(
        self,
        application: Callable[..., Any],
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        keep_alive_seconds: int = 5,
        setting: str = "listen",
        direct: bool = False,
    ) -> None:
        import uvicorn

        from daypass.web.connections import BoundedProtocol, DirectProtocol

        self._host = host
        self._wanted_port = port
        self._setting = setting
        self._socket: socket.socket | None = None
        self._loop: asyncio.Task[None] | None = None
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                loop="none",
                http=DirectProtocol if direct else BoundedProtocol,
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
        self._socket = _listening_socket(self._host, self._wanted_port, self._setting)
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


def _listening_socket(host: str, port: int, setting: str) -> socket.socket:
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
            f"`{setting}`: {reason}",
            advice=_LISTEN_ADVICE.get(error.errno or 0, "It must be an address of this machine."),
            file=None,
            key=setting,
            reason=reason,
        ) from None
    return listening


def free_port() -> int:
    """A port of this machine that nothing listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
    """One line for whoever started the server, on standard error.

    A server goes on when its listener has left: with `2>&1 | head`, each line after the first ones would end it.
    """
    try:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
    except OSError:
        files.lead_nowhere(sys.stderr.fileno())
