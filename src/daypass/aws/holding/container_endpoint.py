"""The container credentials endpoint on loopback: SDKs ask it for credentials, and it always has some.

`AWS_CONTAINER_CREDENTIALS_FULL_URI` names it and `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` the file with the secret that
a request must carry (AWS SDKs and Tools reference guide, Container credential provider). SDKs wait one or two seconds
for an answer, so each session is asked for before anybody needs it.

Any process of this machine can connect, and a page in a browser can be made to. Both need the secret; a page's request
is refused for its `Host`, `Origin` or `Sec-Fetch-Site` too. Who connects and asks nothing is given up after seconds,
and sooner when many others come, the oldest first.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from daypass.aws.holding import age, shapes
from daypass.errors import DaypassError, UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.aws.holding.cache import Held
    from daypass.secret import Secret

HOST: Final = "127.0.0.1"
_PREFIX: Final = "/credentials/"
_REQUEST_SECONDS: Final = 10.0
_MOST_UNASKED: Final = 256
_LOOK_SECONDS: Final = 20.0
_AFTER_FAILURE_SECONDS: Final = 5.0


class Kept:
    """One role's session, in memory. `supply` gives the one to use now; it may ask STS, or the cache on disk."""

    def __init__(self, supply: Callable[[], Held], clocks: Callable[[], age.Reading]) -> None:
        self._supply = supply
        self._clocks = clocks
        self._asking = threading.Lock()
        self._held: Held | None = None

    def current(self) -> Held:
        """The session to hand out. Waits only when there is none that lasts.

        Raises:
            DaypassError: when there is none and none can be had.
        """
        held = self._held
        if held is not None and age.left_seconds(held.life, self._clocks()) > age.MARGIN_SECONDS / 2:
            return held
        return self.refreshed()

    def refreshed(self) -> Held:
        """The session to hand out, after asking for the next one if that is due.

        Raises:
            DaypassError: when that fails and no session is left.
        """
        with self._asking:
            held = self._held
            if held is not None and age.state(held.life, self._clocks()) == age.State.FRESH:
                return held
            try:
                self._held = self._supply()
            except DaypassError:
                if held is None or age.left_seconds(held.life, self._clocks()) <= 0:
                    raise
                return held
            return self._held

    def pause_seconds(self) -> float:
        """How long nothing need be done; at most as long as a clock that was set, or sleep, may go unnoticed."""
        if self._held is None:
            return _AFTER_FAILURE_SECONDS
        life = self._held.life
        old = age.age_seconds(life, self._clocks())
        if old is None or old >= life.refresh_at_seconds:
            return _AFTER_FAILURE_SECONDS
        return min(_LOOK_SECONDS, life.refresh_at_seconds - old)


class ContainerEndpoint:
    """An endpoint for some roles by name, from `start` to `stop`."""

    def __init__(
        self,
        kept: Mapping[str, Kept],
        secret: Secret,
        *,
        clocks: Callable[[], age.Reading],
        trouble: Callable[[DaypassError], None],
        port: int = 0,
    ) -> None:
        self._kept = kept
        self._secret = secret.reveal()
        self._clocks = clocks
        self._trouble = trouble
        self._stopping = threading.Event()
        endpoint = self

        class Handler(_Handler):
            def reply(self) -> tuple[int, str]:
                # AWS's SDKs for Rust and Swift write the names in lower case (RFC 9110 section 5.1).
                return endpoint.answer(self.path, {name.lower(): value for name, value in self.headers.items()})

        try:
            self._server = _Server((HOST, port), Handler)
        except OSError as error:
            raise UsageInvalid(
                f"port {port} cannot be used: {(error.strerror or 'unknown error').lower()}",
                advice="Leave --port out for a free one.",
            ) from None
        self._threads = [threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)]
        self._threads += [threading.Thread(target=self._look_after, args=(one,), daemon=True) for one in kept.values()]

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def url(self, name: str) -> str:
        """The value of `AWS_CONTAINER_CREDENTIALS_FULL_URI` for a role."""
        return f"http://{HOST}:{self.port}{_PREFIX}{name}"

    def start(self) -> None:
        """Answer, and look after the sessions."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._stopping.set()
        if self._threads[0].is_alive():
            self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, headers: Mapping[str, str]) -> tuple[int, str]:
        """Status and body of the answer to a GET. Names of headers are in lower case."""
        if headers.get("host") not in (f"{HOST}:{self.port}", f"localhost:{self.port}"):
            return _refusal(403, "HostRefused", "this endpoint is asked by its own address alone")
        if headers.get("origin") is not None or headers.get("sec-fetch-site") is not None:
            return _refusal(403, "OriginRefused", "this endpoint is not for pages")
        given = headers.get("authorization") or ""
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._secret.encode()):
            return _refusal(401, "Unauthorized", "the content of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is needed")
        kept = self._kept.get(path.removeprefix(_PREFIX)) if path.startswith(_PREFIX) else None
        if kept is None:
            return _refusal(404, "NotFound", "no role has this name here")
        try:
            held = kept.current()
        except DaypassError as error:
            self._trouble(error)
            return _refusal(502, error.code, error.message)
        return 200, shapes.container_json(held, self._clocks())

    def _look_after(self, kept: Kept) -> None:
        while not self._stopping.wait(kept.pause_seconds()):
            try:
                kept.refreshed()
            except DaypassError as error:
                self._trouble(error)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *arguments: Any) -> None:
        self._lock = threading.Lock()
        self._unasked: dict[Any, float] = {}  # connections without a whole request, oldest first, and since when
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            while len(self._unasked) >= _MOST_UNASKED:
                self._give_up(next(iter(self._unasked)))
            self._unasked[request] = time.monotonic()
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Give up who has not asked in time; byte by byte is no asking."""
        with self._lock:
            for request, since in list(self._unasked.items()):
                if time.monotonic() - since < _REQUEST_SECONDS:
                    break
                self._give_up(request)

    def asked(self, request: Any) -> None:
        """The request of this connection is whole, or the connection has ended."""
        with self._lock:
            self._unasked.pop(request, None)

    def shutdown_request(self, request: Any) -> None:
        self.asked(request)
        super().shutdown_request(request)

    def _give_up(self, request: Any) -> None:
        """End a connection; its thread, which reads from it, ends then."""
        del self._unasked[request]
        with contextlib.suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news, and a traceback could hold what it sent."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _REQUEST_SECONDS

    def reply(self) -> tuple[int, str]:
        raise NotImplementedError

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        self.server.asked(self.request)
        status, text = self.reply()
        body = text.encode("ascii")
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Requests are not logged."""


def _refusal(status: int, code: str, message: str) -> tuple[int, str]:
    return status, json.dumps({"code": code, "message": message})
