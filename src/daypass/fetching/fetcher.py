"""Fetches the documents of an issuer."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

import httpx

from daypass.errors import AddressForbidden, DaypassError, IssuerUnreachable
from daypass.fetching.addresses import why_forbidden
from daypass.fetching.pinned import leads_nowhere, pinned
from daypass.fetching.served_chain import served_chain
from daypass.tokens import strict_json
from daypass.tokens.key_set import KeySet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from daypass.names import IssuerUrl
    from daypass.tokens.strict_json import Duplicates

_HTTPS_PORT: Final = 443
THUMBPRINT_PHASE: Final = "thumbprint"
"""`phase` of a fault: neither an authority nor a thumbprint vouches for the certificate."""
_HEADERS: Final = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "daypass"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an issuer may cost. `total_seconds` is for all of it: name, connection, TLS and both documents."""

    total_seconds: float = 5.0
    body_bytes: int = 100 * 1024


@dataclass(frozen=True, slots=True)
class FetchedKeys:
    """An issuer's two documents as they came, and the keys read from the second.

    The headers are those of the two answers, names in lower case.
    """

    issuer: str
    discovery: bytes
    document: bytes
    keys: KeySet
    discovery_headers: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetIssuer:
    """What was seen of an issuer: its discovery document, and the certificates that the host of its keys sent (DER)."""

    discovery: bytes
    chain: tuple[bytes, ...]


class Resolver(Protocol):
    """Turns a host name into addresses, each a literal, best first. May raise OSError."""

    async def __call__(self, host: str, port: int, /) -> Sequence[str]:
        """Resolve `host`."""
        ...


async def system_resolver(host: str, port: int, /) -> Sequence[str]:
    """Ask the operating system."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


@dataclass(frozen=True, slots=True)
class _Site:
    """Host and port of a URL as they are written, and the place in it."""

    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        return self.host if self.port == _HTTPS_PORT else f"{self.host}:{self.port}"

    def same_as(self, other: _Site) -> bool:
        return (self.host.lower(), self.port) == (other.host.lower(), other.port)


# Whoever writes a document writes `jwks_uri`, and httpx raises an error of its own from 65,536 characters on.
_LONGEST_URL: Final = 8192
_SHOWN_URL: Final = 100


def _site(url: str) -> _Site:
    """Read a URL that may be asked: `https://host[:port]/…`, printable ASCII, no user, no fragment."""
    if len(url) > _LONGEST_URL:
        raise _unreachable(f"{url[:_SHOWN_URL]}…", "url", f"a URL of {len(url)} characters is not asked")
    if not re.fullmatch(r"https://[\x21-\x7e]+", url) or "\\" in url:
        raise _unreachable(url, "url", "only https URLs in plain ASCII are asked")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _unreachable(url, "url", "its host or port cannot be read") from None
    if not parts.hostname or "@" in parts.netloc or "#" in url:
        raise _unreachable(url, "url", "a host is needed, and neither user nor fragment may be there")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Site(host=host, port=_HTTPS_PORT if port is None else port, target=target)


def _unreachable(url: str, phase: str, reason: str, *, status: int | None = None) -> IssuerUnreachable:
    told: dict[str, Any] = {} if status is None else {"status": status}
    return IssuerUnreachable(
        f"`{url}` could not be used: {reason}", advice=None, url=url, phase=phase, reason=reason, **told
    )


@lru_cache(maxsize=16)
def _trusting(authorities: str | None, files: tuple[tuple[str, bytes], ...]) -> ssl.SSLContext:
    """The public authorities, or `authorities`, and those of PEM files, given with what is in them now.

    Reading the public ones takes 16 ms.
    """
    context = (
        httpx.create_ssl_context(trust_env=False)
        if authorities is None
        else ssl.create_default_context(cadata=authorities)
    )
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path, _ in files:
        context.load_verify_locations(cafile=path)
    return context


class Fetcher:
    """Fetches the documents of issuers.

    Args:
        limits: time and size.
        allow_private: hosts that may have private or loopback addresses; the whole name, letter case aside.
        connect_to: as curl's `--connect-to`: for (host, port) of a URL, connect to this (host, port) instead. The
            name in SNI, certificate and Host stays that of the URL. The target is the operator's choice: not judged.
        trust: PEM files of further certificate authorities, besides the public ones.
        authorities: PEM text of the certificate authorities to trust instead of the public ones.
        duplicates: how a key set that names a thing twice is read; `last` is AWS's way.
        keys_elsewhere: whether `jwks_uri` may be on another host, as AWS lets it. Only for a local AWS, which guards
            nothing real: whoever bends one discovery document then chooses the keys.
        resolve: how names become addresses.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        allow_private: frozenset[str] = frozenset(),
        connect_to: Mapping[tuple[str, int], tuple[str, int]] | None = None,
        trust: Iterable[Path | str] = (),
        authorities: str | None = None,
        duplicates: Duplicates = "refuse",
        keys_elsewhere: bool = False,
        resolve: Resolver = system_resolver,
    ) -> None:
        self._limits = limits or Limits()
        self._allow_private = frozenset(host.lower() for host in allow_private)
        self._connect_to = {(host.lower(), port): to for (host, port), to in (connect_to or {}).items()}
        self._duplicates: Duplicates = duplicates
        self._keys_elsewhere = keys_elsewhere
        self._resolve = resolve
        self._tls = _trusting(authorities, tuple((str(path), Path(path).read_bytes()) for path in trust))

    async def fetch_json(self, url: str) -> bytes:
        """The body of one document: status 200, at most `limits.body_bytes`. It is not parsed here.

        Raises:
            IssuerUnreachable: with facts `url`, `phase` and `reason`.
            AddressForbidden: when the host's address is not one that may be asked.
        """
        async with self._visit(url) as visit:
            return await visit.get(url)

    async def key_set(self, issuer: IssuerUrl, thumbprints: Collection[str] = ()) -> FetchedKeys:
        """The issuer's discovery document, and from it the key set (OpenID Connect Discovery 1.0 section 4).

        `issuer` in the document must be the issuer byte for byte (section 4.3), and `jwks_uri` on the issuer's own
        host and port unless `keys_elsewhere`: with a foreign one, whoever can bend one answer could choose the keys for
        as long as they are kept (CVE-2026-49478). A public issuer never leads to a private address.

        Args:
            issuer: whose keys.
            thumbprints: SHA-1 in lower-case hex of certificates that stand for an authority (see `pinned`), on a host
                whose chain leads to none that is trusted.

        Raises:
            IssuerUnreachable: with facts `url`, `phase` and `reason`; phase `THUMBPRINT_PHASE` when thumbprints were
                given, and none is that of a certificate that needs one.
            AddressForbidden: when the host's address is not one that may be asked.
        """
        deadline = self._ends()
        async with self._visit(issuer.discovery_url, deadline, thumbprints=thumbprints) as visit:
            discovery = await visit.get(issuer.discovery_url)
            discovery_headers = visit.headers
            keys_url = self._jwks_uri(discovery, issuer)
            here = _site(keys_url).same_as(_site(issuer.discovery_url))
            document = await visit.get(keys_url) if here else b""
            headers = visit.headers
        if not here:
            private = _site(issuer.discovery_url).host.lower() in self._allow_private
            async with self._visit(keys_url, deadline, private=private, thumbprints=thumbprints) as visit:
                document = await visit.get(keys_url)
                headers = visit.headers
        keys = self._keys(document, keys_url)
        return FetchedKeys(
            issuer=issuer.text,
            discovery=discovery,
            document=document,
            keys=keys,
            discovery_headers=discovery_headers,
            headers=headers,
        )

    async def key_set_at(self, url: str) -> KeySet:
        """The key set at a URL that is known without a discovery document.

        Raises:
            IssuerUnreachable: with facts `url`, `phase` and `reason`.
            AddressForbidden: when the host's address is not one that may be asked.
        """
        return self._keys(await self.fetch_json(url), url)

    def _keys(self, document: bytes, url: str) -> KeySet:
        try:
            keys = KeySet.parse(document, duplicates=self._duplicates)
        except DaypassError as fault:
            raise _unreachable(url, "keys", f"it is not a key set: {fault.message}") from None
        if not keys.entries:
            raise _unreachable(url, "keys", "it is empty")
        return keys

    async def meet(self, issuer: IssuerUrl) -> MetIssuer:
        """The issuer's discovery document, and the certificates of the host that has its keys, which are not read.

        Raises:
            IssuerUnreachable: with facts `url`, `phase` and `reason`; phase `discovery` is an answer that is not a
                discovery document of this issuer.
            AddressForbidden: when the host's address is not one that may be asked.
        """
        deadline, url = self._ends(), issuer.discovery_url
        async with self._visit(url, deadline) as visit:
            discovery = await visit.get(url)
            keys_url = self._jwks_uri(discovery, issuer)
            chain = visit.chain
        if not _site(keys_url).same_as(_site(url)):
            private = _site(url).host.lower() in self._allow_private
            async with self._visit(keys_url, deadline, private=private) as visit:
                await visit.get(keys_url)
                chain = visit.chain
        return MetIssuer(discovery, chain)

    def _jwks_uri(self, discovery: bytes, issuer: IssuerUrl) -> str:
        url = issuer.discovery_url
        try:
            metadata = strict_json.parse(discovery, max_bytes=self._limits.body_bytes, duplicates=self._duplicates)
        except DaypassError as fault:
            raise _unreachable(url, "discovery", f"it is not JSON: {fault.message}") from None
        if not isinstance(metadata, dict):
            raise _unreachable(url, "discovery", "it is not a JSON object")
        if metadata.get("issuer") != issuer.text:
            raise _unreachable(url, "discovery", f"its `issuer` is not `{issuer.text}`, byte for byte")
        keys_url = metadata.get("jwks_uri")
        if not isinstance(keys_url, str):
            raise _unreachable(url, "discovery", "its `jwks_uri` is missing or not a text")
        if not self._keys_elsewhere and not _site(keys_url).same_as(_site(url)):
            raise _unreachable(url, "discovery", "its `jwks_uri` is not on the issuer's own host and port")
        return keys_url

    def _ends(self) -> float:
        return asyncio.get_running_loop().time() + self._limits.total_seconds

    @asynccontextmanager
    async def _visit(
        self, url: str, ends: float | None = None, *, private: bool = True, thumbprints: Collection[str] = ()
    ) -> AsyncIterator[_Visit]:
        """Resolve and judge once, then ask that host under one deadline, and leave nothing behind.

        `ends` is the deadline, in the loop's time, when this visit is not the first of a fetch; `private` whether
        `allow_private` counts.

        The pool lives as long as the visit: it is keyed by address, and would hand a connection made for one name to
        another name on the same address without looking at the certificate again.
        """
        site = _site(url)
        try:
            async with asyncio.timeout_at(ends or self._ends()) as deadline:
                addresses, port = await self._addresses(url, site, private=private)
                async with AsyncExitStack() as stack:

                    async def open_transport(tls: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
                        return await stack.enter_async_context(httpx.AsyncHTTPTransport(verify=tls, trust_env=False))

                    yield _Visit(
                        await open_transport(self._tls),
                        site,
                        addresses,
                        port=port,
                        body_bytes=self._limits.body_bytes,
                        deadline=deadline,
                        thumbprints=thumbprints,
                        open_transport=open_transport,
                    )
        except (TimeoutError, httpx.TimeoutException):
            reason = f"no complete answer within {self._limits.total_seconds:g} s"
            raise _unreachable(url, "time", reason) from None

    async def _addresses(self, url: str, site: _Site, *, private: bool) -> tuple[Sequence[str], int]:
        """Where to connect for a URL: addresses and port."""
        target = self._connect_to.get((site.host.lower(), site.port))
        host, port = target or (site.host, site.port)
        try:
            addresses = await self._resolve(host.strip("[]"), port)
        except (OSError, UnicodeError):
            raise _unreachable(url, "name", f"the name `{host}` cannot be resolved") from None
        if not addresses:
            raise _unreachable(url, "name", f"the name `{host}` has no address")
        if target is None and not (private and site.host.lower() in self._allow_private):
            for address in addresses:
                if reason := why_forbidden(address):
                    raise AddressForbidden(
                        f"`{url}` is not asked: `{site.host}` is {reason}",
                        advice=f"If it is your own issuer, allow `{site.host}` by name.",
                        url=url,
                        phase="address",
                        reason=reason,
                        address=address,
                    )
        return addresses, port


class _Visit:
    """One stay at one host. `chain` is what certificates it sent, once a document was asked for (DER, its own first).

    `headers` are those of the last answer, names in lower case.

    It speaks to httpx's transport, not to a client: a client would carry the first answer's cookies into the second
    request, and has redirects, credentials and proxies to be switched off one by one.
    """

    def __init__(
        self,
        transport: httpx.AsyncHTTPTransport,
        site: _Site,
        addresses: Sequence[str],
        *,
        port: int,
        body_bytes: int,
        deadline: asyncio.Timeout,
        thumbprints: Collection[str],
        open_transport: Callable[[ssl.SSLContext], Awaitable[httpx.AsyncHTTPTransport]],
    ) -> None:
        self._transport = transport
        self._site = site
        self._addresses = addresses
        self._port = port
        self._body_bytes = body_bytes
        self._deadline = deadline
        self._thumbprints = thumbprints
        self._open_transport = open_transport
        self.chain: tuple[bytes, ...] = ()
        self.headers: Mapping[str, str] = {}

    async def get(self, url: str) -> bytes:
        """One document of this host."""
        site = _site(url)
        assert site.same_as(self._site)
        for address in self._addresses[:-1]:
            try:
                return await self._get_trusted(address, url, site)
            except httpx.ConnectError:
                continue  # as a browser does: the next address of the same name, within the same deadline
        try:
            return await self._get_trusted(self._addresses[-1], url, site)
        except httpx.ConnectError as fault:
            tls = _certificate_fault(fault)
            raise _unreachable(url, "tls" if tls else "connect", tls or "no connection") from None

    async def _get_trusted(self, address: str, url: str, site: _Site) -> bytes:
        """From one address, whose certificate an authority vouches for, or else a thumbprint."""
        try:
            return await self._get_from(address, url, site)
        except httpx.ConnectError as fault:
            if not self._thumbprints or not leads_nowhere(fault):
                raise
        try:
            tls = await pinned(site.host.strip("[]"), address, self._port, self._thumbprints)
        except OSError:
            raise _unreachable(url, "tls", "no TLS connection") from None
        if tls is None:
            reason = "its certificate leads to no trusted authority, and the top one served has none of the thumbprints"
            raise _unreachable(url, THUMBPRINT_PHASE, reason)
        self._transport = await self._open_transport(tls)
        return await self._get_from(address, url, site)

    async def _get_from(self, address: str, url: str, site: _Site) -> bytes:
        literal = f"[{address}]" if ":" in address else address
        request = httpx.Request(
            "GET",
            httpx.URL(f"https://{literal}:{self._port}", raw_path=site.target.encode("ascii")),
            headers={**_HEADERS, "host": site.authority},
            extensions={"sni_hostname": site.host.strip("[]"), "timeout": self._timeouts()},
        )
        try:
            response = await self._transport.handle_async_request(request)
            try:
                self.chain = served_chain(response.extensions["network_stream"].get_extra_info("ssl_object"))
                self.headers = {name.lower(): value for name, value in response.headers.items()}
                return await self._body(response, url)
            finally:
                await response.aclose()
        except (httpx.ConnectError, httpx.TimeoutException):
            raise
        except (httpx.HTTPError, ssl.SSLError, OSError) as fault:
            raise _unreachable(url, "http", f"the connection broke ({type(fault).__name__})") from None

    def _timeouts(self) -> dict[str, float | None]:
        """A little less than the deadline leaves.

        httpcore closes the socket when its own limit ends a TLS handshake, and forgets it when the handshake is
        cancelled from outside.
        """
        ends = self._deadline.when()
        assert ends is not None
        rest = max(0.0, 0.95 * (ends - asyncio.get_running_loop().time()))
        return httpx.Timeout(rest).as_dict()

    async def _body(self, response: httpx.Response, url: str) -> bytes:
        if response.status_code != httpx.codes.OK:
            kind = "a redirect, which is not followed" if response.is_redirect else "not 200"
            raise _unreachable(
                url, "http", f"the status is {response.status_code}, {kind}", status=response.status_code
            )
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise _unreachable(url, "http", "the body is compressed though that was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._body_bytes:
                raise _unreachable(url, "size", f"the body is longer than {self._body_bytes} bytes")
        return bytes(body)


def _certificate_fault(fault: BaseException) -> str | None:
    """What TLS said, when it was TLS that failed."""
    seen: BaseException | None = fault
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {seen.verify_message}"
        if isinstance(seen, ssl.SSLError):
            return "no TLS connection"
        seen = seen.__cause__ or seen.__context__
    return None
