"""What is served at all, and what becomes of everything else."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from daypass.names import IssuerUrl
from support.identity_provider import World, code

if TYPE_CHECKING:
    from starlette.types import Message


@pytest.mark.parametrize("path", ["/nothing", "/v1/nothing", "/v1", "/v1/", "/keys/", "/v1/organizations/", "//keys"])
def test_other_paths_are_not_there(path: str, world: World) -> None:
    assert code(world.call("GET", path, world.root)) == "not_found"


@pytest.mark.parametrize("path", ["/keys", "/idpkeys", "/id", "/", "/idp", "/IDP/keys"])
def test_nothing_is_served_beside_the_issuer_s_path(path: str, world: World) -> None:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(world.application)
        async with httpx.AsyncClient(transport=transport, base_url="https://idp.example.com") as client:
            return await client.get(path)

    assert code(asyncio.run(ask())) == "not_found"


def test_an_issuer_without_a_path_is_served_at_the_root(world: World) -> None:
    root = World(replace(world.settings, issuer=IssuerUrl.parse("https://idp.example.com")))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(root.application)
        async with httpx.AsyncClient(transport=transport, base_url="https://idp.example.com") as client:
            return await client.get("/keys")

    assert asyncio.run(ask()).status_code == 200


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/organizations", "GET, POST"),
        ("/v1/organizations/acme", "GET, PATCH"),
        ("/v1/id-tokens", "POST"),
        ("/v1/id-tokens/actions", "GET"),
        ("/v1/workloads/x/revoke", "POST"),
        ("/v1/audit", "GET"),
    ],
)
def test_another_method_is_told_which_ones_there_are(path: str, allowed: str, world: World) -> None:
    answer = world.call("DELETE", path, world.root)
    assert answer.status_code == 405
    assert code(answer) == "method_not_allowed"
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    ("query", "member"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
    ],
)
def test_a_query_is_read_as_strictly_as_a_body(query: str, member: str, world: World) -> None:
    answer = world.call("GET", f"/v1/organizations?{query}", world.root)
    assert code(answer) == "request_invalid"
    assert answer.json()["facts"]["members"] == [member]


def test_lists_come_in_pages(world: World) -> None:
    for slug in ("a", "b", "c"):
        world.call("POST", "/v1/organizations", world.root, json={"slug": slug})
    first = world.call("GET", "/v1/organizations?limit=2", world.root).json()
    assert len(first["items"]) == 2
    second = world.call("GET", f"/v1/organizations?limit=2&after={first['next']}", world.root).json()
    assert second["next"] is None
    assert {each["slug"] for each in first["items"] + second["items"]} == {"a", "b", "c"}
    entries = world.call("GET", "/v1/audit?limit=3&after=2", world.root).json()
    assert [entry["sequence"] for entry in entries["items"]] == [3, 4, 5]
    assert entries["next"] == "5"


def test_every_answer_has_an_id_of_its_own(world: World) -> None:
    ids = {world.call("GET", "/healthz", headers={"x-request-id": "mine"}).headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5
    assert "mine" not in ids


@pytest.mark.parametrize("path", ["/v1/organizations", "/v1/id-tokens/actions"])
def test_what_nobody_foresaw_is_a_500_that_tells_nothing(
    path: str, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = world.workload()["secret"]

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"the password is {secret}")

    monkeypatch.setattr(world.registry, "authenticate_admin", broken)
    monkeypatch.setattr(world.registry, "authenticate_workload", broken)
    with caplog.at_level(logging.ERROR, "daypass"):
        answer = world.call("GET", path, secret)
    assert answer.status_code == 500
    assert code(answer) == "internal"
    assert "password" not in answer.text
    (record,) = caplog.records
    event = record.msg
    assert isinstance(event, dict)
    assert event["event"] == "request_failed"
    assert event["request_id"] == answer.headers["x-request-id"]
    assert "RuntimeError" in event["exception"]
    assert secret not in json.dumps(event)


def test_a_client_that_hangs_up_is_no_event(world: World, caplog: pytest.LogCaptureFixture) -> None:
    secret = world.workload()["secret"]
    sent: list[Message] = []

    async def hang_up() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    for path, bearer in (("/idp/v1/id-tokens", secret), ("/idp/v1/organizations", world.root)):
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "client": ("192.0.2.7", 1),
            "headers": [(b"authorization", f"Bearer {bearer}".encode()), (b"content-type", b"application/json")],
        }
        with caplog.at_level(logging.INFO, "daypass"):
            asyncio.run(world.application(scope, hang_up, send))
    assert sent == []
    assert caplog.records == []


class TestBehindAProxy:
    """Plain HTTP, from a proxy that says what the client spoke."""

    @pytest.fixture
    def proxied(self, world: World) -> World:
        return World(replace(world.settings, behind_proxy=True))

    @pytest.mark.parametrize("said", [None, "http", "https,http", "HTTPS"])
    def test_credentials_are_taken_only_when_the_client_spoke_https(self, said: str | None, proxied: World) -> None:
        headers = {} if said is None else {"x-forwarded-proto": said}
        for path in ("/v1/organizations", "/v1/id-tokens/actions"):
            answer = proxied.call("GET", path, proxied.root, headers=headers)
            assert code(answer) == "request_refused"
            assert "X-Forwarded-Proto" in answer.json()["advice"]

    def test_it_serves_when_the_proxy_says_so(self, proxied: World) -> None:
        answer = proxied.call("GET", "/v1/organizations", proxied.root, headers={"x-forwarded-proto": "https"})
        assert answer.status_code == 200

    @pytest.mark.parametrize("path", ["/keys", "/.well-known/openid-configuration", "/healthz", "/readyz"])
    def test_what_is_public_is_served_to_anybody(self, path: str, proxied: World) -> None:
        assert proxied.call("GET", path).status_code == 200


def test_more_requests_than_can_be_worked_on_are_sent_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.web.door.REQUESTS_MAX", 2)
    go_on = asyncio.Event()
    authenticate = world.registry.authenticate_admin

    async def wait(*given: Any, **named: Any) -> object:
        await go_on.wait()
        return await authenticate(*given, **named)

    monkeypatch.setattr(world.registry, "authenticate_admin", wait)

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(world.application)
        async with httpx.AsyncClient(
            transport=transport,
            base_url="https://idp.example.com",
            headers={"authorization": f"Bearer {world.root}"},
        ) as client:
            under_way = [asyncio.create_task(client.get("/idp/v1/organizations")) for _ in range(2)]
            await asyncio.sleep(0.05)
            refused = await client.get("/idp/v1/organizations")
            public = await client.get("/idp/keys")
            go_on.set()
            done = [await each for each in under_way]
            return [refused, public, *done, await client.get("/idp/v1/organizations")]

    refused, public, *done = asyncio.run(ask())
    assert code(refused) == "overloaded"
    assert refused.headers["retry-after"] == "1"
    assert [answer.status_code for answer in (public, *done)] == [200, 200, 200, 200]
