"""A key that strangers do not get yet: readiness and the list of keys say why it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daypass.idp.memory import MemorySeenOutside
from daypass.tokens.jwk import PublicKey
from support.identity_provider import FakeClock, World

if TYPE_CHECKING:
    from daypass.config import Settings


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def eye(clock: FakeClock) -> MemorySeenOutside:
    return MemorySeenOutside(clock.monotonic)


@pytest.fixture
def world(settings: Settings, clock: FakeClock, eye: MemorySeenOutside) -> World:
    return World(settings, clock, outside=eye)


def pass_time(world: World, eye: MemorySeenOutside, clock: FakeClock, seconds: int) -> None:
    """As the server's housekeeping does; the keys are watched by the machine's own clock, which stands still here."""
    world.key_ring._monotonic = clock.monotonic
    for _ in range(seconds // 60):
        clock.advance(60)
        world.run(world.key_rings.advance())


def test_it_says_why_and_the_server_is_ready_all_the_same(
    world: World, eye: MemorySeenOutside, clock: FakeClock
) -> None:
    eye.served = [PublicKey.from_jwk(key.public_jwk) for key in world.key_ring.keys]
    (rotated,) = world.call("POST", "/v1/keys/rotate", world.root, json={"soon": True}).json()["items"]
    ready = world.call("GET", "/readyz")
    assert "keys_waiting" not in ready.json(), "its turn has not come"
    pass_time(world, eye, clock, 1200)
    ready = world.call("GET", "/readyz")
    assert ready.status_code == 200
    (waiting,) = ready.json()["keys_waiting"]
    assert waiting["kid"] == rotated["kid"]
    assert waiting["issuer"] == "https://idp.example.com/idp"
    assert "lacks it" in waiting["reason"]
    listed = {key["kid"]: key for key in world.call("GET", "/v1/keys", world.root).json()["items"]}
    assert listed[rotated["kid"]]["state"] == "next"
    assert listed[rotated["kid"]]["waits_for"] == waiting["reason"]
    assert [key["waits_for"] for key in listed.values() if key["state"] == "active"] == [None]
    refused = world.call("POST", f"/v1/keys/{rotated['kid']}/activate", world.root)
    assert refused.status_code == 400
    assert "daypass publish" in refused.json()["advice"]

    eye.served = [PublicKey.from_jwk(key.public_jwk) for key in world.key_ring.keys]
    pass_time(world, eye, clock, 600)
    listed = {key["kid"]: key for key in world.call("GET", "/v1/keys", world.root).json()["items"]}
    assert listed[rotated["kid"]]["state"] == "active"
    assert listed[rotated["kid"]]["waits_for"] is None
    assert "keys_waiting" not in world.call("GET", "/readyz").json()
