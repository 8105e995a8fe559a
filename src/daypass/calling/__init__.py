"""The way out to services that the user's own settings name: our identity provider, STS.

HTTPS always, except to this machine. No redirect is followed, no header is sent that the caller did not give, and one
deadline covers everything from the name look-up to the last byte of the body. `HTTPS_PROXY` and `NO_PROXY` are
honoured: a proxy sees the host's name and encrypted bytes (CONNECT, RFC 9110 section 9.3.6), never a token.
"""

from __future__ import annotations

import base64
import contextlib
import io
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from daypass.calling import answer
from daypass.errors import FileUnavailable, RequestInvalid, ServiceAnswerInvalid, ServiceUnreachable
from daypass.names import is_loopback_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from _typeshed import WriteableBuffer

    _Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]

MIB: Final = 1024 * 1024
METADATA_ADDRESS: Final = "169.254.169.254"
"""Where clouds have the metadata server of a machine: link-local (RFC 3927), so it is never further than the host."""
# What OpenSSL calls an answer in plain HTTP, by version.
_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"})
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]+")
_HASHED_NAME: Final = re.compile(r"[0-9a-f]{8}\.[0-9]{1,3}")


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
    ca_bundle: Path | None = None,
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
    target = _Target.parse(url, metadata=metadata)
    _demand_plain(headers)
    attempt = _Attempt(target.origin, deadline=time.monotonic() + timeout_seconds, ca_setting=ca_setting)
    context = _trust(ca_bundle, ca_setting) if target.tls else None
    proxy = _proxy_for(target, os.environ if environ is None else environ)
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(attempt.connect(*(proxy.address if proxy else (target.host, target.port))))
        if not target.tls and not _is_near_peer(raw, metadata=metadata):
            raise RequestInvalid(f"`{target.origin}` is not this machine, so it must be called with https://", url=url)
        if proxy:
            attempt.tunnel(raw, target, proxy)
        plain = stack.enter_context(attempt.secure(raw, context, target.host)) if context else raw
        return attempt.exchange(plain, target, method=method, headers=headers, body=body, max_bytes=max_bytes)


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL that may be called, the port always written.

    Raises:
        RequestInvalid: when it may not be called.
    """
    target = _Target.parse(url)
    return f"{'https' if target.tls else 'http'}://{target.authority}"


def host_header(url: str) -> str:
    """The `Host` that `call` sends to a URL; what a signature covers.

    Raises:
        RequestInvalid: when it may not be called.
    """
    return _Target.parse(url).host_header


def _demand_plain(headers: Mapping[str, str]) -> None:
    """Refuse what would be another header, without the value, a token perhaps, in the message."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise RequestInvalid(f"`{name}` is not the name of a header")
        if not (value.isascii() and value.isprintable()):
            raise RequestInvalid(f"the value of the header `{name}` holds a character that a header cannot")


class _Target(NamedTuple):
    """A URL, taken apart. `host` has no brackets; `path` has the query."""

    tls: bool
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str, *, metadata: bool = False) -> _Target:
        def no(reason: str) -> RequestInvalid:
            return RequestInvalid(f"`{_without_secrets(url)}` cannot be called: {reason}", reason=reason)

        if not url.isascii() or not url.isprintable() or " " in url:
            raise no("only printable ASCII characters without blanks are allowed")
        try:
            parts = urlsplit(url)
            port, host = parts.port, parts.hostname
        except ValueError:
            raise no("its host or port cannot be read") from None
        if not host or parts.scheme not in ("https", "http"):
            raise no("it must start with https:// and a host")
        if "@" in parts.netloc:
            raise no("it must not hold a user or password")
        tls = parts.scheme == "https"
        near = is_loopback_host(_bracketed(host)) or (metadata and host == METADATA_ADDRESS)
        if not tls and not near:
            raise no("it must start with https://, because its host is not this machine")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(tls=tls, host=host, port=port or (443 if tls else 80), path=path)

    @property
    def authority(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def origin(self) -> str:
        """For people: without the port that goes without saying."""
        plain = self.port == (443 if self.tls else 80)
        return f"{'https' if self.tls else 'http'}://{_bracketed(self.host) if plain else self.authority}"

    @property
    def host_header(self) -> str:
        return self.origin.partition("://")[2]


class _Proxy(NamedTuple):
    address: tuple[str, int]
    authorization: str | None


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
            for family, kind, protocol, _, address in addresses:
                candidate = socket.socket(family, kind, protocol)
                try:
                    candidate.settimeout(self._left("connect"))
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

    def tunnel(self, raw: socket.socket, target: _Target, proxy: _Proxy) -> None:
        lines = [f"CONNECT {target.authority} HTTP/1.1", f"Host: {target.authority}"]
        if proxy.authorization:
            lines.append(f"Proxy-Authorization: {proxy.authorization}")
        with self._phase("proxy"):
            timed = _Timed(raw, self._left)
            timed.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
            status = answer.read_head(timed.reader()).status
            if status != 200:
                raise ServiceUnreachable(
                    f"the proxy {_bracketed(proxy.address[0])}:{proxy.address[1]} refused a connection to"
                    f" {self._origin}: status {status}",
                    advice="Check HTTPS_PROXY, or name the host in NO_PROXY.",
                    phase="proxy",
                    origin=self._origin,
                )

    def secure(self, raw: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
        with self._phase("tls"):
            raw.settimeout(self._left("tls"))
            return context.wrap_socket(raw, server_hostname=host)

    def exchange(
        self,
        plain: socket.socket,
        target: _Target,
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

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._inner.settimeout(self._left())
        return self._inner.recv_into(buffer)


def _resolve(host: str, port: int, timeout_seconds: float) -> Sequence[_Address]:
    """Addresses of a host. `localhost` and the names below it never go to a name server (RFC 6761 section 6.3)."""
    if is_loopback_host(host):
        host = "localhost"
    with contextlib.suppress(socket.gaierror):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    # getaddrinfo(3) takes no timeout, so it waits in a thread that may be left behind.
    found: list[_Address] = []
    failed: list[OSError] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
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


def _trust(ca_bundle: Path | None, ca_setting: str) -> ssl.SSLContext:
    """A client's TLS settings: names checked, TLS 1.2 at least, and whose certificates are accepted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_bundle is not None:
        text = os.fspath(ca_bundle)
        advice = f"Check {ca_setting}: it names a PEM file of certificate authorities, or a folder of them."
        try:
            if os.path.isdir(text):
                context.load_verify_locations(capath=text)
            else:
                context.load_verify_locations(cafile=text)
        except ssl.SSLError:
            raise FileUnavailable(f"`{text}` holds no PEM certificate", advice=advice, path=text) from None
        except OSError as error:
            reason = (error.strerror or "unknown error").lower()
            raise FileUnavailable(f"`{text}` cannot be read: {reason}", advice=advice, path=text) from None
        return context
    paths = ssl.get_default_verify_paths()
    # A folder of hashed names is looked up when it is needed; reading the whole file takes 20 ms at each start.
    if "SSL_CERT_FILE" not in os.environ and paths.capath and _has_hashed_names(paths.capath):
        context.load_verify_locations(capath=paths.capath)
    else:
        context.load_default_certs()
    return context


def _has_hashed_names(folder: str) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(_HASHED_NAME.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False


def _proxy_for(target: _Target, environ: Mapping[str, str]) -> _Proxy | None:
    """The proxy for a host, as curl reads its variables: lower case first."""
    text = environ.get("https_proxy") or environ.get("HTTPS_PROXY") or ""
    if not text or not target.tls or is_loopback_host(_bracketed(target.host)) or _is_exempt(target, environ):
        return None
    try:
        parts: SplitResult = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme != "http" or not host:
        raise RequestInvalid(
            f"HTTPS_PROXY is `{_without_secrets(text)}`, which is not the address of an HTTP proxy",
            advice="It has the form http://proxy.example.com:3128",
        )
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode("ascii")
    return _Proxy((host, port or 80), authorization)


def _is_exempt(target: _Target, environ: Mapping[str, str]) -> bool:
    host = target.host.lower()
    for entry in (environ.get("no_proxy") or environ.get("NO_PROXY") or "").lower().split(","):
        name, _, port = entry.strip().partition(":") if entry.count(":") == 1 else (entry.strip(), "", "")
        name = name.strip("[]").lstrip(".")
        if port not in ("", str(target.port)):
            continue
        if name == "*" or (name and (host == name or host.endswith("." + name))):
            return True
        if "/" in name and _is_within(host, name):
            return True
    return False


def _is_within(host: str, network: str) -> bool:
    """Whether a host that is an address lies in a network such as `10.0.0.0/8`. Names are not looked up for this."""
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _without_secrets(url: str) -> str:
    """A URL for a message: nothing that may be a password or a token."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    rest = rest.partition("?")[0].partition("#")[0]
    authority, slash, path = rest.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
