"""What is asked too often is answered with 429, and with when to ask again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from support.identity_provider import World, code

if TYPE_CHECKING:
    import httpx

    from daypass.config import Settings

STRANGER = "dpw_" + "A" * 43
PUBLIC = ["/.well-known/openid-configuration", "/keys", "/healthz", "/readyz"]


def limited(settings: Settings, **limits: int) -> World:
    """An identity provider with these limits, and no others."""
    off = dict.fromkeys(("workload_tokens", "organization_tokens", "source_requests", "source_failures"), 0)
    changed: dict[str, Any] = {f"limit_{name}_per_minute": number for name, number in (off | limits).items()}
    return World(replace(settings, **changed))


def ask(world: World, secret: str, **headers: str) -> httpx.Response:
    return world.call("GET", "/v1/id-tokens/actions", secret, headers=headers)


def told(answer: httpx.Response) -> tuple[object, int]:
    """Which limit, and the seconds to wait, once the answer is seen to be whole."""
    assert answer.status_code == 429
    assert code(answer) == "rate_limited"
    problem = answer.json()
    assert answer.headers["retry-after"] == str(problem["facts"]["retry_after_seconds"])
    assert answer.headers["cache-control"] == "no-store"
    assert f"in {answer.headers['retry-after']} second" in problem["advice"]
    return problem["facts"]["limit"], int(answer.headers["retry-after"])


@pytest.mark.parametrize("limit", ["workload", "organization"])
def test_threats_80_who_asks_too_often_is_told_when_to_ask_again_and_others_are_served(
    limit: str, settings: Settings
) -> None:
    world = limited(settings, **{f"{limit}_tokens": 4})
    noisy, other = world.workload("acme"), world.workload("quiet")
    neighbour = world.workload("acme")
    for _ in range(4):
        assert ask(world, noisy["secret"]).status_code == 200
    rows = len(world.audit.records)
    for _ in range(40):
        assert told(ask(world, noisy["secret"])) == (limit, 15)
    assert len(world.audit.records) == rows, "what is too much is no row"
    assert ask(world, other["secret"]).status_code == 200
    assert ask(world, neighbour["secret"]).status_code == (200 if limit == "workload" else 429)
    world.clock.advance(14)
    told(ask(world, noisy["secret"]))
    world.clock.advance(1)
    assert ask(world, noisy["secret"]).status_code == 200
    told(ask(world, noisy["secret"]))


def test_threats_80_a_source_is_limited_and_the_public_documents_never_are(settings: Settings) -> None:
    world = limited(settings, source_requests=30)
    for _ in range(30):
        world.call("GET", "/v1/openapi.json")
    assert told(world.call("GET", "/v1/openapi.json")) == ("source", 2)
    assert told(ask(world, world.root))[0] == "source"
    for path in PUBLIC:
        for _ in range(50):
            assert world.call("GET", path).status_code == 200
    world.clock.advance(2)
    assert world.call("GET", "/v1/openapi.json").status_code == 200


def test_discovery_and_keys_of_an_organization_are_never_limited(settings: Settings) -> None:
    world = limited(settings, source_requests=2)
    answer = world.call("POST", "/v1/organizations", world.root, json={"slug": "acme", "own_issuer": True})
    assert answer.status_code == 201
    world.call("GET", "/v1/openapi.json")
    told(world.call("GET", "/o/acme/v1/id-tokens/actions"))
    for path in PUBLIC[:2]:
        for _ in range(50):
            assert world.call("GET", "/o/acme" + path).status_code == 200


class TestFailures:
    """Credentials that are nobody's."""

    @pytest.mark.parametrize("path", ["/v1/id-tokens/actions", "/v1/organizations"])
    def test_they_are_limited_harder_than_successes(self, path: str, world: World) -> None:
        """With the settings as they are when nobody chooses."""
        made = world.workload()
        stranger = STRANGER if "tokens" in path else STRANGER.replace("dpw", "dpa")
        for _ in range(20):
            assert world.call("GET", path, stranger).status_code == 401
        rows = len(world.audit.records)
        for _ in range(50):
            assert told(world.call("GET", path, stranger)) == ("failures", 1)
        assert len(world.audit.records) == rows
        for _ in range(90):
            assert ask(world, made["secret"]).status_code == 200

    def test_a_stranger_behind_the_same_gateway_locks_nobody_out(self, settings: Settings) -> None:
        world = limited(settings, source_failures=1)
        secret = world.workload()["secret"]
        for _ in range(100):
            ask(world, STRANGER)
        assert told(ask(world, STRANGER))[0] == "failures"
        assert ask(world, secret).status_code == 200
        assert world.call("GET", "/v1/organizations", world.root).status_code == 200

    def test_another_address_is_another_count(self, settings: Settings) -> None:
        world = limited(replace(settings, proxy_hops=1), source_failures=1)
        addresses = {"one": "203.0.113.9", "same": "203.0.113.9", "other": "203.0.113.10"}
        statuses = {name: ask(world, STRANGER, **{"x-forwarded-for": ip}).status_code for name, ip in addresses.items()}
        assert statuses == {"one": 401, "same": 429, "other": 401}


@pytest.mark.parametrize("hops", [0, 1])
def test_nobody_leaves_their_limit_by_a_header_of_their_own(hops: int, settings: Settings) -> None:
    """`X-Forwarded-For` is the client's word, but for what our own proxies appended."""
    world = limited(replace(settings, proxy_hops=hops), source_requests=3)
    appended = ", 203.0.113.9" if hops else ""
    statuses = [
        world.call(
            "GET",
            "/v1/openapi.json",
            headers={"x-forwarded-for": f"198.51.100.{number}{appended}", "forwarded": f"for=198.51.100.{number}"},
        ).status_code
        for number in range(6)
    ]
    assert statuses == [200, 200, 200, 429, 429, 429]


def test_behind_a_proxy_that_does_not_tell_the_source_only_who_is_known_is_limited(settings: Settings) -> None:
    world = limited(replace(settings, behind_proxy=True), source_requests=2, source_failures=2, workload_tokens=1)
    headers = {"x-forwarded-proto": "https"}
    for _ in range(10):
        assert world.call("GET", "/v1/openapi.json", headers=headers).status_code == 200
        assert ask(world, STRANGER, **headers).status_code == 401
