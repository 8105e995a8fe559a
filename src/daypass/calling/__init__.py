"""The way out to services that the user's own settings name: our identity provider, STS.

HTTPS always, except to this machine. No redirect is followed, no header is sent that the caller did not give, and one
deadline covers everything from the name look-up to the last byte of the body. `HTTPS_PROXY` and `NO_PROXY` are
honoured: a proxy sees the host's name and encrypted bytes (CONNECT, RFC 9110 section 9.3.6), never a token.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import ssl
import time

from daypass.calling import answer
from daypass.calling.target import METADATA_ADDRESS, Target, bracketed
from daypass.calling.trusted import trust
from daypass.errors import RequestInvalid, ServiceAnswerInvalid, ServiceUnreachable
from daypass.light_typing import NamedTuple
from daypass.names import is_loopback_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any, Final

    from _typeshed import WriteableBuffer

    from daypass.calling.proxies import Proxy

    _Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]

MIB: Final = 1024 * 1024
# What OpenSSL calls an answer in plain HTTP, by version.
_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"})
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]+")


class Answer(NamedTuple):
    """What the service said. Header names are in lower case; of a repeated header the first is kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    timeout_seconds: float,
    ca_bundle: str | Path | None = None,
    ca_setting: str = "DAYPASS_CA_BUNDLE",
    max_bytes: int = MIB,
    environ: Mapping[str, str] | None = None,
    metadata: bool = False,
) -> Answer:
    """Make one HTTP request and return the answer, whatever its status is; a redirect is an answer too.

    Args:
        method: the HTTP method.
        url: where to; https, or http when its host is this machine.
        headers: sent as they are, besides `Host`, `Content-Length` and `Connection`.
        body: the request's body.
        timeout_seconds: for all of it, from look-up to last byte.
        ca_bundle: a PEM file, or a folder with hashed names, to trust instead of the system's authorities.
        ca_setting: the setting that names `ca_bundle`, for the advice when a certificate is not trusted.
        max_bytes: the longest body that is read.
        environ: where the proxy settings are; this process's environment when None.
        metadata: whether `METADATA_ADDRESS` may be called in plain HTTP, too.

    Raises:
        RequestInvalid: when `url` is not one that may be called.
        ServiceUnreachable: when there was no answer; `facts` hold `origin`, `phase` (dns, connect, proxy, tls or
            read) and `transient`, whether it may pass by itself.
        ServiceAnswerInvalid: when the answer is not HTTP, or is longer than `max_bytes`.
        FileUnavailable: when `ca_bundle` cannot be used.
    """
    target = Target.parse(url, metadata=metadata)
    _demand_plain(headers)
    attempt = _Attempt(target.origin, deadline=time.monotonic() + timeout_seconds, ca_setting=ca_setting)
    context = trust(ca_bundle, ca_setting) if target.tls else None
    proxy = _proxy_for(target, os.environ if environ is None else environ)
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(attempt.connect(*(proxy.address if proxy else (target.host, target.port))))
        if not target.tls and not _is_near_peer(raw, metadata=metadata):
            raise RequestInvalid(f"`{target.origin}` is not this machine, so it must be called with https://", url=url)
        if proxy:
            attempt.tunnel(raw, target, proxy)
        plain = stack.enter_context(attempt.secure(raw, context, target.host)) if context else raw
        return attempt.exchange(plain, target, method=method, headers=headers, body=body, max_bytes=max_bytes)


def _proxy_for(target: Target, environ: Mapping[str, str]) -> Proxy | None:
    if not target.tls or not (environ.get("https_proxy") or environ.get("HTTPS_PROXY")):
        return None
    from daypass.calling.proxies import proxy_for  # noqa: PLC0415 - few have one, and reading it loads urllib

    return proxy_for(target, environ)


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL that may be called, the port always written.

    Raises:
        RequestInvalid: when it may not be called.
    """
    target = Target.parse(url)
    return f"{'https' if target.tls else 'http'}://{target.authority}"


def host_header(url: str) -> str:
    """The `Host` that `call` sends to a URL; what a signature covers.

    Raises:
        RequestInvalid: when it may not be called.
    """
    return Target.parse(url).host_header


def _demand_plain(headers: Mapping[str, str]) -> None:
    """Refuse what would be another header, without the value, a token perhaps, in the message."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise RequestInvalid(f"`{name}` is not the name of a header")
        if not (value.isascii() and value.isprintable()):
            raise RequestInvalid(f"the value of the header `{name}` holds a character that a header cannot")


class _Attempt:
    """One request's deadline, and its errors in our words."""

    def __init__(self, origin: str, *, deadline: float, ca_setting: str) -> None:
        self._origin = origin
        self._deadline = deadline
        self._ca_setting = ca_setting

    def connect(self, host: str, port: int) -> socket.socket:
        with self._phase("dns"):
            addresses = _resolve(host, port, self._left("dns"))
        failure: OSError | None = None
        with self._phase("connect"):
            for tried, (family, kind, protocol, _, address) in enumerate(addresses):
                candidate = socket.socket(family, kind, protocol)
                try:
                    # A share for each: the first may be of a network that swallows everything (IPv6 in a container).
                    candidate.settimeout(self._left("connect") / (len(addresses) - tried))
                    candidate.connect(address)
                except OSError as error:
                    candidate.close()
                    failure = error
                except BaseException:
                    candidate.close()
                    raise
                else:
                    candidate.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return candidate
            raise failure or OSError("no address")

    def tunnel(self, raw: socket.socket, target: Target, proxy: Proxy) -> None:
        lines = [f"CONNECT {target.authority} HTTP/1.1", f"Host: {target.authority}"]
        if proxy.authorization:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        with self._phase("proxy"):
            timed = _Timed(raw, self._left)
            timed.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
            status = answer.read_head(timed.reader()).status
            if status != 200:
                raise ServiceUnreachable(
                    f"the proxy {bracketed(proxy.address[0])}:{proxy.address[1]} refused a connection to"
                    f" {self._origin}: status {status}",
                    advice="Check HTTPS_PROXY, or name the host in NO_PROXY.",
                    phase="proxy",
                    origin=self._origin,
                )

    def secure(self, raw: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
        with self._phase("tls"):
            raw.settimeout(self._left("tls"))
            # As bytes, because text would load the tables of idna; a URL that may be called is ASCII.
            return context.wrap_socket(raw, server_hostname=host.encode("ascii"), suppress_ragged_eofs=False)

    def exchange(
        self,
        plain: socket.socket,
        target: Target,
        *,
        method: str,
        headers: Mapping[str, str],
        body: bytes | None,
        max_bytes: int,
    ) -> Answer:
        with self._phase("read"):
            lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.host_header}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            if body is not None or method != "GET":
                lines.append(f"Content-Length: {len(body or b'')}")
            timed = _Timed(plain, self._left)
            timed.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode("ascii") + (body or b""))
            stream = timed.reader()
            head = answer.read_head(stream)
            content = answer.read_body(stream, head, max_bytes)
            if content is None:
                raise ServiceAnswerInvalid(
                    f"{self._origin} answered with more than {max_bytes} bytes", origin=self._origin
                )
            return Answer(head.status, head.headers, content)

    def _left(self, phase: str = "read") -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise self._unreachable(phase, "it took too long", transient=True)
        return left

    def _unreachable(
        self, phase: str, reason: str, advice: str | None = None, *, transient: bool = False
    ) -> ServiceUnreachable:
        if advice is None and phase == "read" and self._origin.startswith("http://"):
            advice = "Check the address; a server that speaks TLS is called with https://"
        return ServiceUnreachable(
            f"{self._origin} did not answer ({phase}): {reason}",
            advice=advice or "Check the address and the network, and run the same command again.",
            phase=phase,
            origin=self._origin,
            transient=transient,
        )

    @contextlib.contextmanager
    def _phase(self, phase: str) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise self._unreachable(phase, "it took too long", transient=True) from None
        except ssl.SSLCertVerificationError as error:
            raise self._unreachable(
                phase,
                f"its certificate is not accepted: {error.verify_message.lower().rstrip('.')}",
                "If its authority is a private one, name the authority's PEM file in"
                f" {self._ca_setting}; otherwise somebody may stand between you and the service.",
            ) from None
        except ssl.SSLError as error:
            reason = (error.reason or "handshake failed").lower().replace("_", " ")
            plain = error.reason in _NOT_TLS
            advice = "Check the address and its port; what answers there does not speak TLS." if plain else None
            raise self._unreachable(phase, f"TLS failed: {reason}", advice) from None
        except socket.gaierror as error:
            passing = error.errno == socket.EAI_AGAIN
            advice = "Check the host's name and the network."
            raise self._unreachable(phase, "its name is not known", advice, transient=passing) from None
        except answer.Ended as ended:
            what = "the answer ended before it was complete"
            if not ended.anything:
                what = "it closed the connection without an answer"
            raise self._unreachable(phase, what, transient=True) from None
        except answer.NotHttp:
            raise ServiceAnswerInvalid(
                f"{self._origin} answered with something that is not HTTP",
                advice="Check the address and its port.",
                phase=phase,
                origin=self._origin,
            ) from None
        except OSError as error:
            reason = (error.strerror or "the connection failed").lower()
            raise self._unreachable(phase, reason, transient=True) from None


class _Timed:
    """A socket with every wait ended by the one deadline.

    A timeout for each single read is no deadline: a peer that sends one byte a second would keep us for ever.
    """

    def __init__(self, inner: socket.socket, left: Callable[[], float]) -> None:
        self._inner = inner
        self._left = left

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._inner.settimeout(self._left())
            view = view[self._inner.send(view) :]

    def reader(self) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._inner, self._left))


class _TimedReader(io.RawIOBase):
    def __init__(self, inner: socket.socket, left: Callable[[], float]) -> None:
        self._inner = inner
        self._left = left
        self._anything = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._inner.settimeout(self._left())
        try:
            count = self._inner.recv_into(buffer)
        except ssl.SSLEOFError:
            # Nobody signed this end (RFC 8446 section 6.1): an answer whose end is that of the connection may be cut.
            raise answer.Ended(anything=self._anything) from None
        self._anything = True
        return count


def _resolve(host: str, port: int, timeout_seconds: float) -> Sequence[_Address]:
    """Addresses of a host. `localhost` and the names below it never go to a name server (RFC 6761 section 6.3)."""
    name = host.encode("ascii")  # text would load the tables of idna
    with contextlib.suppress(socket.gaierror):
        return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    if is_loopback_host(host):
        return socket.getaddrinfo(b"localhost", port, type=socket.SOCK_STREAM)
    # getaddrinfo(3) takes no timeout, so it waits in a thread that may be left behind.
    import threading  # noqa: PLC0415 - only a name that is elsewhere needs one

    found: list[_Address] = []
    failed: list[OSError] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(name, port, type=socket.SOCK_STREAM))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(timeout_seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError
    return found


def _is_near_peer(connection: socket.socket, *, metadata: bool) -> bool:
    address = str(connection.getpeername()[0])
    return address.startswith("127.") or address == "::1" or (metadata and address == METADATA_ADDRESS)
