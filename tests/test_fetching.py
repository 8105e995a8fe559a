"""The guarded way out, against servers that misbehave; every attack is bounded in time."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from daypass.errors import AddressForbidden, DaypassError, IssuerUnreachable
from daypass.fetching import FetchedKeys, Fetcher, KeySetCache, Limits, why_forbidden
from daypass.names import IssuerUrl
from daypass.tokens.key_set import KeySet
from support.misbehaving import Exchange, Server, https_server
from support.tokens import private_key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence
    from pathlib import Path

    import trustme

    from daypass.testing.conformance.talking import Talk

HOST = "idp.example.com"
ISSUER = IssuerUrl.parse(f"https://{HOST}/t")
KEYS = KeySet([private_key().public])
QUICK = Limits(total_seconds=0.5)


def discovery(**other: object) -> bytes:
    return json.dumps({"issuer": ISSUER.text, "jwks_uri": f"https://{HOST}/keys", **other}).encode()


def issuer_that_says(metadata: bytes, keys: bytes = KEYS.document()) -> Talk:
    async def talk(exchange: Exchange) -> None:
        await exchange.answer(metadata if exchange.path.endswith("openid-configuration") else keys)

    return talk


def visit(
    ca: trustme.CA,
    ca_file: Path,
    talk: Talk,
    *,
    limits: Limits | None = None,
    act: Callable[[Fetcher], Awaitable[Any]] = lambda fetcher: fetcher.key_set(ISSUER),
) -> tuple[Any, Server]:
    """Run one fetch against a server behind the issuer's name; the outcome is a value or the fault raised."""

    async def scenario() -> tuple[Any, Server]:
        async with https_server(ca, HOST, talk=talk) as server:
            to = {(HOST, 443): ("127.0.0.1", server.port)}
            fetcher = Fetcher(limits, connect_to=to, trust=[ca_file])
            try:
                return await act(fetcher), server
            except DaypassError as fault:
                return fault, server

    return asyncio.run(scenario())


def test_keys_are_fetched_by_discovery(ca: trustme.CA, ca_file: Path) -> None:
    fetched, server = visit(ca, ca_file, issuer_that_says(discovery()))
    assert isinstance(fetched, FetchedKeys)
    assert [key.kid for key in fetched.keys.keys] == [private_key().public.kid]
    assert [head.split(b"\r\n")[0] for head in server.heads] == [
        b"GET /t/.well-known/openid-configuration HTTP/1.1",
        b"GET /keys HTTP/1.1",
    ]


def test_no_credential_cookie_or_proxy_goes_along(
    ca: trustme.CA, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2026-49478: a service account token was sent with discovery."""
    (tmp_path / ".netrc").write_text(f"machine {HOST} login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    async def talk(exchange: Exchange) -> None:
        headers = "set-cookie: session=1; Path=/\r\n"
        await exchange.answer(discovery() if "well-known" in exchange.path else KEYS.document(), headers=headers)

    fetched, server = visit(ca, ca_file, talk)
    assert isinstance(fetched, FetchedKeys)
    for head in server.heads:
        names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:] if line}
        assert names == {b"host", b"accept", b"accept-encoding", b"user-agent"}
        assert f"host: {HOST}".encode() in head.lower()


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("at", ["well-known", "keys"])
def test_a_redirect_is_not_followed(ca: trustme.CA, ca_file: Path, status: str, at: str) -> None:
    """CVE-2026-49478: a redirect led to another host's keys, or to an internal address."""

    async def talk(exchange: Exchange) -> None:
        if at in exchange.path:
            to = "location: https://169.254.169.254/latest/meta-data/\r\nrefresh: 0; url=https://169.254.169.254/\r\n"
            await exchange.answer(KEYS.document(), status=status, headers=to)
        else:
            await exchange.answer(discovery())

    fault, server = visit(ca, ca_file, talk)
    assert isinstance(fault, IssuerUnreachable)
    assert fault.facts["phase"] == "http"
    assert len(server.heads) == (1 if at == "well-known" else 2)


async def drip(exchange: Exchange) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n")
    for _ in range(5000):
        exchange.writer.write(b"x")
        await exchange.writer.drain()
        await asyncio.sleep(0.05)


async def drip_head(exchange: Exchange) -> None:
    exchange.writer.write(b"HTTP/1.1 200 OK\r\n")
    for count in range(5000):
        exchange.writer.write(f"x-{count}: 1\r\n".encode())
        await exchange.writer.drain()
        await asyncio.sleep(0.05)


async def silent(exchange: Exchange) -> None:
    await asyncio.sleep(30)


async def slow_both(exchange: Exchange) -> None:
    await asyncio.sleep(0.3)
    await issuer_that_says(discovery())(exchange)


@pytest.mark.parametrize("talk", [drip, drip_head, silent, slow_both])
def test_one_deadline_is_over_everything(ca: trustme.CA, ca_file: Path, talk: Talk) -> None:
    started = time.monotonic()
    fault, _ = visit(ca, ca_file, talk, limits=QUICK)
    assert isinstance(fault, IssuerUnreachable)
    assert fault.facts["phase"] == "time"
    assert time.monotonic() - started < 2


def test_silent_tcp_and_a_stalled_handshake_end_at_the_deadline(ca_file: Path) -> None:
    async def scenario() -> None:
        gone = asyncio.Event()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await gone.wait()
            writer.transport.abort()

        listener = await asyncio.start_server(accept, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        fetcher = Fetcher(QUICK, connect_to={(HOST, 443): ("127.0.0.1", port)}, trust=[ca_file])
        started = time.monotonic()
        with pytest.raises(IssuerUnreachable) as caught:
            await fetcher.key_set(ISSUER)
        assert caught.value.facts["phase"] == "time"
        assert time.monotonic() - started < 2
        listener.close()
        gone.set()
        await asyncio.sleep(0.05)

    asyncio.run(scenario())


def test_a_resolver_that_never_answers_ends_at_the_deadline() -> None:
    async def resolve(host: str, port: int, /) -> Sequence[str]:
        await asyncio.sleep(30)
        return []

    with pytest.raises(IssuerUnreachable, match=r"within 0\.5 s"):
        asyncio.run(Fetcher(QUICK, resolve=resolve).key_set(ISSUER))


@pytest.mark.parametrize("framed", ["content-length", "chunked", "until close"])
def test_a_long_body_is_dropped(ca: trustme.CA, ca_file: Path, framed: str) -> None:
    async def talk(exchange: Exchange) -> None:
        head = {"content-length": "content-length: 900000000\r\n", "chunked": "transfer-encoding: chunked\r\n"}
        exchange.writer.write(f"HTTP/1.1 200 OK\r\n{head.get(framed, '')}\r\n".encode())
        for _ in range(10_000):
            exchange.writer.write((b"1000\r\n" if framed == "chunked" else b"") + b" " * 4096 + b"\r\n")
            await exchange.writer.drain()

    fault, _ = visit(ca, ca_file, talk)
    assert isinstance(fault, IssuerUnreachable)
    assert fault.facts["phase"] == "size"


def test_a_compressed_body_is_refused(ca: trustme.CA, ca_file: Path) -> None:
    async def talk(exchange: Exchange) -> None:
        await exchange.answer(b"\x1f\x8b", headers="content-encoding: gzip\r\n")

    fault, _ = visit(ca, ca_file, talk)
    assert isinstance(fault, IssuerUnreachable)
    assert fault.facts["phase"] == "http"


def test_a_reset_after_the_head_is_a_fault_of_ours(ca: trustme.CA, ca_file: Path) -> None:
    async def talk(exchange: Exchange) -> None:
        exchange.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab")
        await exchange.writer.drain()
        exchange.writer.transport.abort()

    fault, _ = visit(ca, ca_file, talk)
    assert isinstance(fault, IssuerUnreachable)
    assert fault.facts["phase"] == "http"


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (discovery(issuer=ISSUER.text + "/"), "`issuer`"),
        (discovery(issuer="https://IDP.example.com/t"), "`issuer`"),
        (discovery(issuer=None), "`issuer`"),
        (discovery(jwks_uri="https://evil.example.com/keys"), "own host"),
        (discovery(jwks_uri=f"https://{HOST}.evil.example.com/keys"), "own host"),
        (discovery(jwks_uri=f"https://{HOST}:8443/keys"), "own host"),
        (discovery(jwks_uri=f"http://{HOST}/keys"), "only https"),
        (discovery(jwks_uri=f"https://{HOST}@evil.example.com/keys"), "neither user"),
        (discovery(jwks_uri=f"https://{HOST}\\@evil.example.com/keys"), "only https"),
        (discovery(jwks_uri="file:///etc/passwd"), "only https"),
        (discovery(jwks_uri=7), "`jwks_uri`"),
        (b"[]", "not a JSON object"),
        (b"<html>", "not JSON"),
        (b'{"issuer":"a","issuer":"b"}', "not JSON"),
        (b"\xff\xfe", "not JSON"),
    ],
)
def test_discovery_must_be_the_issuers_own(ca: trustme.CA, ca_file: Path, metadata: bytes, reason: str) -> None:
    fault, server = visit(ca, ca_file, issuer_that_says(metadata))
    assert isinstance(fault, IssuerUnreachable)
    assert reason in fault.message
    assert len(server.heads) == 1


@pytest.mark.parametrize("document", [b"{}", b'{"keys":[]}', b"garbage", b'{"keys":{}}', b""])
def test_an_empty_or_broken_key_set_is_a_fault(ca: trustme.CA, ca_file: Path, document: bytes) -> None:
    fault, _ = visit(ca, ca_file, issuer_that_says(discovery(), document))
    assert isinstance(fault, IssuerUnreachable)
    assert fault.facts["phase"] == "keys"


def test_the_certificate_must_name_the_issuer(ca: trustme.CA, ca_file: Path) -> None:
    async def scenario() -> None:
        async with https_server(ca, "other.example.com", "127.0.0.1", talk=issuer_that_says(discovery())) as server:
            fetcher = Fetcher(connect_to={(HOST, 443): ("127.0.0.1", server.port)}, trust=[ca_file])
            with pytest.raises(IssuerUnreachable) as caught:
                await fetcher.key_set(ISSUER)
            assert caught.value.facts["phase"] == "tls"
            assert server.heads == []

    asyncio.run(scenario())


def test_an_unknown_authority_is_refused(ca: trustme.CA) -> None:
    async def scenario() -> None:
        async with https_server(ca, HOST, talk=issuer_that_says(discovery())) as server:
            fetcher = Fetcher(connect_to={(HOST, 443): ("127.0.0.1", server.port)})
            with pytest.raises(IssuerUnreachable) as caught:
                await fetcher.key_set(ISSUER)
            assert caught.value.facts["phase"] == "tls"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "168.63.129.16", "::1", "::", "fe80::1", "fe80::1%eth0",
        "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:0:0:0:0:80ff:fefe",
    ],
)  # fmt: skip
def test_addresses_that_are_not_asked(address: str) -> None:
    assert why_forbidden(address) is not None


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_asked(address: str) -> None:
    assert why_forbidden(address) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/k", "https://127.0.0.1/k", "https://2130706433/k", "https://0x7f.1/k", "https://127.1/k",
        "https://[::1]/k", "https://[::ffff:127.0.0.1]/k", "https://169.254.169.254/latest/meta-data/",
        "https://0/k",
    ],
)  # fmt: skip
def test_odd_forms_of_inner_addresses_are_seen_through(url: str) -> None:
    with pytest.raises((AddressForbidden, IssuerUnreachable)) as caught:
        asyncio.run(Fetcher(QUICK).fetch_json(url))
    assert caught.value.facts["phase"] in {"address", "name"}


@pytest.mark.parametrize(
    "url",
    ["http://idp.example.com/k", "HTTPS://idp.example.com/k", " https://idp.example.com/k", "ftp://idp.example.com/k",
     "data:application/json,{}", "file:///etc/passwd", "https:///k", "https://idp.example.com:99999/k",
     "https://idp.example.com/k#f", "https://me@idp.example.com/k", "https://idp.exämple.com/k",
     "https://idp.example.com/k\r\nx: 1"],
)  # fmt: skip
def test_other_schemes_and_odd_urls_are_not_asked(url: str) -> None:
    with pytest.raises(IssuerUnreachable) as caught:
        asyncio.run(Fetcher(QUICK).fetch_json(url))
    assert caught.value.facts["phase"] == "url"


def test_what_was_checked_is_what_is_connected_to(ca: trustme.CA, ca_file: Path) -> None:
    """DNS rebinding: the second answer for a name is another one. There is no second question."""

    async def scenario() -> None:
        asked: list[str] = []

        async def resolve(host: str, port: int, /) -> Sequence[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

        async def talk(exchange: Exchange) -> None:
            url = f"https://{HOST}:{server.port}"
            metadata = json.dumps({"issuer": url, "jwks_uri": f"{url}/keys"}).encode()
            await exchange.answer(metadata if "well-known" in exchange.path else KEYS.document())

        async with https_server(ca, HOST, talk=talk) as server:
            fetcher = Fetcher(allow_private=frozenset({HOST}), trust=[ca_file], resolve=resolve)
            fetched = await fetcher.key_set(IssuerUrl.parse(f"https://{HOST}:{server.port}"))
            assert fetched.keys.keys
            assert asked == [HOST]

    asyncio.run(scenario())


def test_one_inner_address_among_public_ones_is_enough_to_refuse() -> None:
    async def resolve(host: str, port: int, /) -> Sequence[str]:
        return ["8.8.8.8", "10.0.0.1"]

    with pytest.raises(AddressForbidden):
        asyncio.run(Fetcher(resolve=resolve).key_set(ISSUER))


def test_a_private_host_is_allowed_by_its_whole_name_only() -> None:
    async def resolve(host: str, port: int, /) -> Sequence[str]:
        return ["127.0.0.1"]

    for allowed in ("example.com", "idp.example", "x-idp.example.com", "127.0.0.1"):
        with pytest.raises(AddressForbidden):
            asyncio.run(Fetcher(allow_private=frozenset({allowed}), resolve=resolve).key_set(ISSUER))


# -------------------------------------------------------------------- keys on another host, for a local AWS alone

KEYS_HOST = "keys.example.net"
ELSEWHERE = f"https://{KEYS_HOST}/certs"


def visit_two(
    ca: trustme.CA,
    ca_file: Path,
    keys_talk: Talk,
    *,
    jwks_uri: str = ELSEWHERE,
    discovery_after: float = 0.0,
    **more: Any,
) -> tuple[Any, Server]:
    """An issuer whose keys are on another host, and the outcome of asking it; with the server of the keys."""

    async def talk(exchange: Exchange) -> None:
        await asyncio.sleep(discovery_after)
        await exchange.answer(discovery(jwks_uri=jwks_uri))

    async def scenario() -> tuple[Any, Server]:
        async with (
            https_server(ca, HOST, talk=talk) as issuer,
            https_server(ca, more.pop("certificate", KEYS_HOST), talk=keys_talk) as server,
        ):
            to = {(HOST, 443): ("127.0.0.1", issuer.port), (KEYS_HOST, 443): ("127.0.0.1", server.port)}
            fetcher = Fetcher(connect_to=to, trust=[ca_file], keys_elsewhere=True, **more)
            try:
                return await fetcher.key_set(ISSUER), server
            except DaypassError as fault:
                return fault, server

    return asyncio.run(scenario())


async def keys_talk(exchange: Exchange) -> None:
    await exchange.answer(KEYS.document())


def test_keys_may_be_elsewhere_when_that_is_wanted(ca: trustme.CA, ca_file: Path) -> None:
    """As Google's are: the issuer is accounts.google.com, the keys are at www.googleapis.com."""
    fetched, server = visit_two(ca, ca_file, keys_talk)
    assert isinstance(fetched, FetchedKeys)
    assert [key.kid for key in fetched.keys.keys] == [private_key().public.kid]
    assert [head.split(b"\r\n")[0] for head in server.heads] == [b"GET /certs HTTP/1.1"]
    assert f"host: {KEYS_HOST}".encode() in server.heads[0].lower()


def test_a_public_issuer_leads_to_no_private_address(ca: trustme.CA, ca_file: Path) -> None:
    """Not even to one that may be an issuer itself: a bent discovery document would ask it."""
    fault, server = visit_two(
        ca, ca_file, keys_talk, jwks_uri="https://localhost/keys", allow_private=frozenset({"localhost"})
    )
    assert isinstance(fault, AddressForbidden)
    assert server.heads == []


def test_keys_elsewhere_need_a_certificate_of_their_own_host(ca: trustme.CA, ca_file: Path) -> None:
    fault, server = visit_two(ca, ca_file, keys_talk, certificate=HOST)
    assert isinstance(fault, IssuerUnreachable)
    assert fault.facts["phase"] == "tls"
    assert server.heads == []


@pytest.mark.parametrize(
    "jwks_uri", [f"http://{KEYS_HOST}/certs", f"https://me@{KEYS_HOST}/certs", "file:///etc/passwd"]
)
def test_keys_elsewhere_are_asked_over_https_only(ca: trustme.CA, ca_file: Path, jwks_uri: str) -> None:
    fault, server = visit_two(ca, ca_file, keys_talk, jwks_uri=jwks_uri)
    assert isinstance(fault, IssuerUnreachable)
    assert server.heads == []


def test_keys_elsewhere_do_not_redirect(ca: trustme.CA, ca_file: Path) -> None:
    async def talk(exchange: Exchange) -> None:
        await exchange.answer(KEYS.document(), status="302 Found", headers=f"location: https://{HOST}/keys\r\n")

    fault, _ = visit_two(ca, ca_file, talk)
    assert isinstance(fault, IssuerUnreachable)
    assert "redirect" in fault.message


def test_both_hosts_share_one_deadline(ca: trustme.CA, ca_file: Path) -> None:
    async def talk(exchange: Exchange) -> None:
        await asyncio.sleep(0.4)
        await exchange.answer(KEYS.document())

    started = time.monotonic()
    fault, _ = visit_two(ca, ca_file, talk, discovery_after=0.3, limits=QUICK)
    assert isinstance(fault, IssuerUnreachable)
    assert fault.facts["phase"] == "time"
    assert time.monotonic() - started < 2


# ------------------------------------------------------------------------------------------------------- the cache


class Upstream:
    """An issuer whose next answers are set by the test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.fetches = 0
        self.fault: DaypassError | None = None
        self.keys = KEYS
        self.cache = KeySetCache(self, lambda: self.now)

    async def key_set(self, issuer: IssuerUrl, thumbprints: Collection[str], /) -> FetchedKeys:
        self.fetches += 1
        await asyncio.sleep(0.01)
        if self.fault:
            raise self.fault
        return FetchedKeys(issuer=issuer.text, discovery=b"", document=b"", keys=self.keys)

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def ask(self, kid: str | None = KEYS.keys[0].kid) -> KeySet:
        return asyncio.run(self.cache.keys(ISSUER, kid))


def test_a_flood_of_unknown_kids_is_one_fetch() -> None:
    """CVE-2026-48524: one fetch per forged token."""
    upstream = Upstream()

    async def flood() -> None:
        await asyncio.gather(*(upstream.cache.keys(ISSUER, f"forged-{n}") for n in range(1000)))

    asyncio.run(flood())
    assert upstream.fetches == 1
    for _ in range(29):
        upstream.later(1)
        asyncio.run(flood())
    assert upstream.fetches == 1
    assert upstream.ask().keys == KEYS.keys
    upstream.later(1)
    asyncio.run(flood())
    assert upstream.fetches == 2


def test_a_new_kid_is_found_at_once() -> None:
    upstream = Upstream()
    upstream.ask()
    fresh = KeySet([private_key(name="next").public])
    upstream.keys = fresh
    assert upstream.ask(fresh.keys[0].kid).keys == fresh.keys
    assert upstream.fetches == 2


def test_a_set_is_fetched_again_by_age() -> None:
    upstream = Upstream()
    upstream.ask()
    upstream.later(299)
    upstream.ask()
    assert upstream.fetches == 1
    upstream.later(1)
    upstream.ask()
    assert upstream.fetches == 2


def test_a_failure_keeps_the_last_good_set() -> None:
    """CVE-2026-48524: the error path stored nothing over good keys."""
    upstream = Upstream()
    upstream.ask()
    upstream.fault = IssuerUnreachable("down", phase="time", reason="down")
    upstream.later(300)
    assert upstream.ask().keys == KEYS.keys
    assert upstream.ask().keys == KEYS.keys
    assert upstream.fetches == 2
    upstream.later(3300)
    with pytest.raises(IssuerUnreachable):
        upstream.ask()
    upstream.fault = None
    upstream.later(30)
    assert upstream.ask().keys == KEYS.keys


def test_a_failure_with_nothing_kept_is_remembered_for_a_moment() -> None:
    upstream = Upstream()
    upstream.fault = IssuerUnreachable("down", phase="time", reason="down")
    for _ in range(5):
        with pytest.raises(IssuerUnreachable, match="down"):
            upstream.ask()
    assert upstream.fetches == 1
    upstream.fault = None
    upstream.later(1)
    assert upstream.ask().keys == KEYS.keys


def test_one_waiter_that_goes_away_does_not_end_the_fetch_of_others() -> None:
    upstream = Upstream()

    async def scenario() -> None:
        first = asyncio.create_task(upstream.cache.keys(ISSUER, None))
        second = asyncio.create_task(upstream.cache.keys(ISSUER, None))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).keys == KEYS.keys

    asyncio.run(scenario())
    assert upstream.fetches == 1
