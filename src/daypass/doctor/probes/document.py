"""One GET of one public document, with the time of each phase, whatever comes back.

The certificate is not judged here (`tls` is for that): a document behind a bad one is looked at, too, so that all
faults are told at once. Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx

from daypass.doctor.facts import DocumentFacts
from daypass.doctor.probes.tls import looking
from daypass.errors import DaypassError
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from daypass.doctor.probes.place import Place
    from daypass.fetching import Limits
    from daypass.tokens.strict_json import JsonValue

_HEADERS: Final = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "daypass-doctor"}
_KEPT: Final = frozenset(
    {
        "age",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "etag",
        "expires",
        "location",
        "retry-after",
    }
)
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_OF_KEYS: Final = frozenset({"kty", "kid", "n", "e", "crv", "x", "y"})
_MAY_BE_PRIVATE: Final = re.compile(r'PRIVATE|"(?:d|p|q|dp|dq|qi|k)"')
LEFT_OUT: Final = "(private, left out)"
_MAX_MEMBERS: Final = 8192
_EXCERPT: Final = 80


@dataclass(slots=True)
class _Phases:
    """The moments of one request, as httpcore's trace tells them."""

    began: float
    phase: str = "tcp"
    marks: dict[str, float] = field(default_factory=dict)

    async def __call__(self, name: str, _: dict[str, Any]) -> None:
        now = asyncio.get_running_loop().time()
        self.marks.setdefault(name, now)
        match name:
            case "connection.start_tls.started":
                self.phase = "tls"
            case "http11.send_request_headers.started":
                self.phase = "send"
            case "http11.receive_response_headers.started":
                self.phase = "first_byte"
            case "http11.receive_response_body.started":
                self.phase = "body"

    def between(self, start: str, end: str) -> float | None:
        return self.marks[end] - self.marks[start] if start in self.marks and end in self.marks else None


async def get(url: str, place: Place, address: str, *, limits: Limits, clock: Callable[[], datetime]) -> DocumentFacts:
    """Ask once, over a connection of its own.

    Args:
        url: https.
        place: of the URL.
        address: where it is asked: a literal, or a name where another is asked instead.
        limits: seconds in all, and bytes.
        clock: now, in UTC.
    """
    loop = asyncio.get_running_loop()
    phases = _Phases(loop.time())
    seen = DocumentFacts(url=url, started_at=clock())
    body = bytearray()
    try:
        async with asyncio.timeout(limits.total_seconds):
            transport = httpx.AsyncHTTPTransport(verify=looking(), trust_env=False)
            async with transport:
                response = await transport.handle_async_request(_request(url, place, address, phases, limits))
                seen = replace(seen, status=response.status_code, headers=_kept(response.headers))
                phases.phase = "body"
                try:
                    async for chunk in response.aiter_raw():
                        body += chunk
                        if len(body) > limits.body_bytes:
                            seen = replace(seen, fault_phase="body", fault="too_large")
                            break
                finally:
                    await response.aclose()
    except httpx.InvalidURL:  # far too long, or an address with a zone such as `fe80::1%eth0`
        seen = replace(seen, fault_phase="send", fault="url")
    except (TimeoutError, httpx.TimeoutException):
        seen = replace(seen, fault_phase=phases.phase, fault="timeout")
    except (httpx.HTTPError, ssl.SSLError, OSError) as error:
        seen = replace(seen, fault_phase=phases.phase, fault=_fault(error, phases.phase))
    total = loop.time() - phases.began
    return replace(
        _described(seen, bytes(body), limits),
        tcp_seconds=phases.between("connection.connect_tcp.started", "connection.connect_tcp.complete"),
        tls_seconds=phases.between("connection.start_tls.started", "connection.start_tls.complete"),
        first_byte_seconds=phases.between(
            "http11.send_request_headers.started", "http11.receive_response_headers.complete"
        ),
        total_seconds=total,
    )


def _request(url: str, place: Place, address: str, phases: _Phases, limits: Limits) -> httpx.Request:
    parts = urlsplit(url)
    literal = f"[{address}]" if ":" in address else address
    host = f"[{place.host}]" if ":" in place.host else place.host
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # A little less than the deadline: httpcore forgets the socket of a handshake that is cancelled from outside.
    timeout = httpx.Timeout(0.97 * limits.total_seconds).as_dict()
    return httpx.Request(
        "GET",
        httpx.URL(f"https://{literal}:{place.asked_port}", raw_path=target.encode("ascii")),
        headers={**_HEADERS, "host": host if place.port == 443 else f"{host}:{place.port}"},
        extensions={"sni_hostname": place.host, "timeout": timeout, "trace": phases},
    )


def _fault(error: BaseException, phase: str) -> str:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConnectionRefusedError):
            return "refused"
        if isinstance(seen, ssl.SSLError) and phase == "tls":
            return "tls"
        if isinstance(seen, ConnectionResetError):
            return "reset"
        seen = seen.__cause__ or seen.__context__
    if phase in ("tcp", "tls"):
        return "tls" if phase == "tls" else "refused"
    return "closed" if isinstance(error, httpx.RemoteProtocolError) else "reset"


def _kept(headers: httpx.Headers) -> tuple[tuple[str, str], ...]:
    """Those that matter. What a redirect's address carries in its query may be secret, and stays out."""
    return tuple(
        (name, value.partition("?")[0] if name == "location" else value)
        for name, value in headers.multi_items()
        if name in _KEPT
    )


def _described(seen: DocumentFacts, body: bytes, limits: Limits) -> DocumentFacts:
    """With what is in the body, as far as it may be told."""
    seen = replace(seen, size=len(body), sha256=hashlib.sha256(body).hexdigest() if body else "")
    if seen.fault is not None or (seen.header("content-encoding") or "identity").lower() != "identity":
        return seen
    value, fault = _parsed(body, limits, "last")
    if fault is not None:
        excerpt = body[:_EXCERPT].decode("utf-8", "replace")
        # A private key, in PEM or in a JWK that is cut, might stand here and must not be passed on.
        return replace(seen, json_fault=fault, excerpt="" if _MAY_BE_PRIVATE.search(excerpt) else excerpt)
    return replace(
        seen,
        body=strict_json.dump(_public(value)).decode(),
        json_lenient_fault=_parsed(body, limits, "refuse")[1],
    )


def _parsed(body: bytes, limits: Limits, duplicates: strict_json.Duplicates) -> tuple[JsonValue, str | None]:
    try:
        return strict_json.parse(
            body, max_bytes=limits.body_bytes, max_members=_MAX_MEMBERS, duplicates=duplicates
        ), None
    except DaypassError as fault:
        return None, str(fault.facts.get("reason") or fault.message)


def _public(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_public(each) for each in value]
    if isinstance(value, dict):
        return {
            name: LEFT_OUT if name in _PRIVATE and not _OF_KEYS.isdisjoint(value) else _public(each)
            for name, each in value.items()
        }
    return value
