"""No key signs before strangers get it. One contract for whoever looks, and the key ring that asks."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from daypass.errors import RequestRefused
from daypass.idp.caller import Caller
from daypass.idp.key_ring import KeyRing
from daypass.idp.key_times import LOOK_SECONDS, KeyTimes
from daypass.idp.memory import MemoryAuditLog, MemoryKeyStore, MemorySeenOutside, MemorySigner
from daypass.idp.model import KeyState
from daypass.names import IssuerUrl
from daypass.publishing.seen_outside import KeysSeenOutside
from daypass.tokens.jwk import PublicKey
from support.identity_provider import FakeClock
from support.publications import made
from support.tokens import private_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.fetching import Fetcher
    from daypass.idp.model import SigningKey
    from daypass.idp.ports import SeenOutside
    from support.shown import Served

ISSUER = IssuerUrl.parse("https://idp.example.com")
CALLER = Caller.operator(request_id="test")
TIMES = KeyTimes()
LEAST = TIMES.least_publish.total_seconds()


def signing_key(clock: FakeClock, name: str) -> SigningKey:
    from daypass.idp.model import SigningKey

    key = private_key(name=name)
    return SigningKey(key.kid, "ES256", KeyState.NEXT, key.public.to_jwk(), clock())


class SeenOutsideContract:
    """Every `SeenOutside` keeps these promises."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    def test_what_nobody_has_looked_at_is_not_seen(
        self, eye: SeenOutside, issuer: IssuerUrl, clock: FakeClock, show: Callable[..., None]
    ) -> None:
        show("one")
        found = eye.sighting(issuer, signing_key(clock, "one"))
        assert found.seconds is None
        assert found.why_not

    def test_a_key_is_seen_from_the_first_look_on(
        self, eye: SeenOutside, issuer: IssuerUrl, clock: FakeClock, show: Callable[..., None]
    ) -> None:
        show("one")
        asyncio.run(eye.look(issuer))
        assert eye.sighting(issuer, signing_key(clock, "one")).seconds == 0
        clock.advance(60)
        asyncio.run(eye.look(issuer))
        assert eye.sighting(issuer, signing_key(clock, "one")).seconds == 60

    def test_a_key_that_is_not_there_is_not_seen(
        self, eye: SeenOutside, issuer: IssuerUrl, clock: FakeClock, show: Callable[..., None]
    ) -> None:
        show("one")
        asyncio.run(eye.look(issuer))
        found = eye.sighting(issuer, signing_key(clock, "two"))
        assert found.seconds is None
        assert found.why_not

    def test_a_key_that_went_away_begins_anew(
        self, eye: SeenOutside, issuer: IssuerUrl, clock: FakeClock, show: Callable[..., None]
    ) -> None:
        for names in (("one", "two"), ("two",), ("one", "two")):
            show(*names)
            asyncio.run(eye.look(issuer))
            clock.advance(10)
        assert eye.sighting(issuer, signing_key(clock, "one")).seconds == 10
        assert eye.sighting(issuer, signing_key(clock, "two")).seconds == 30

    def test_while_nobody_can_look_nothing_is_seen_and_nothing_begins_anew(
        self, eye: SeenOutside, issuer: IssuerUrl, clock: FakeClock, show: Callable[..., None]
    ) -> None:
        show("one")
        asyncio.run(eye.look(issuer))
        clock.advance(10)
        show()
        asyncio.run(eye.look(issuer))
        assert eye.sighting(issuer, signing_key(clock, "one")).seconds is None
        clock.advance(10)
        show("one")
        asyncio.run(eye.look(issuer))
        assert eye.sighting(issuer, signing_key(clock, "one")).seconds == 20

    def test_after_a_while_without_a_look_nothing_is_seen_and_all_begins_anew(
        self, eye: SeenOutside, issuer: IssuerUrl, clock: FakeClock, show: Callable[..., None]
    ) -> None:
        """What was served meanwhile nobody knows, and caches may have it."""
        show("one")
        asyncio.run(eye.look(issuer))
        clock.advance(LOOK_SECONDS + 1)
        assert eye.sighting(issuer, signing_key(clock, "one")).seconds is None
        asyncio.run(eye.look(issuer))
        assert eye.sighting(issuer, signing_key(clock, "one")).seconds == 0

    def test_other_material_under_the_same_name_is_not_the_key(
        self, eye: SeenOutside, issuer: IssuerUrl, clock: FakeClock, show: Callable[..., None]
    ) -> None:
        from dataclasses import replace

        show("one")
        asyncio.run(eye.look(issuer))
        other = private_key(name="other").public.to_jwk() | {"kid": private_key(name="one").kid}
        assert eye.sighting(issuer, replace(signing_key(clock, "one"), public_jwk=other)).seconds is None

    def test_issuers_are_looked_at_one_by_one(
        self, eye: SeenOutside, issuer: IssuerUrl, clock: FakeClock, show: Callable[..., None]
    ) -> None:
        show("one")
        asyncio.run(eye.look(issuer))
        another = IssuerUrl.parse(f"{issuer}/o/acme")
        assert eye.sighting(another, signing_key(clock, "one")).seconds is None


class TestMemory(SeenOutsideContract):
    @pytest.fixture
    def issuer(self) -> IssuerUrl:
        return ISSUER

    @pytest.fixture
    def eye(self, clock: FakeClock) -> MemorySeenOutside:
        return MemorySeenOutside(clock.monotonic)

    @pytest.fixture
    def show(self, eye: MemorySeenOutside) -> Callable[..., None]:
        def show(*names: str) -> None:
            eye.served = [private_key(name=name).public for name in names] or None

        return show


class TestThroughTheFetcher(SeenOutsideContract):
    @pytest.fixture
    def issuer(self, outside: Served) -> IssuerUrl:
        return outside.issuer

    @pytest.fixture
    def eye(self, fetcher: Fetcher, clock: FakeClock) -> KeysSeenOutside:
        return KeysSeenOutside(fetcher, clock.monotonic)

    @pytest.fixture
    def show(self, outside: Served) -> Callable[..., None]:
        def show(*names: str) -> None:
            if names:
                outside.show(made(*names, issuer=outside.issuer.text))
            else:
                outside.server.documents.clear()

        return show

    def test_the_same_key_for_another_algorithm_is_not_seen(
        self, eye: KeysSeenOutside, issuer: IssuerUrl, clock: FakeClock, outside: Served
    ) -> None:
        """Relying parties would refuse its tokens."""
        from dataclasses import replace

        key = private_key("RS256", name="one").public
        outside.show(made("one", issuer=issuer.text))
        outside.server.documents["/t/keys"] = json.dumps({"keys": [key.to_jwk() | {"alg": "RS512"}]}).encode()
        asyncio.run(eye.look(issuer))
        mine = replace(signing_key(clock, "one"), kid=key.kid, algorithm="RS256", public_jwk=key.to_jwk())
        assert eye.sighting(issuer, mine).seconds is None

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"cache-control": "public, max-age=300"}, 300),
            ({"cache-control": "max-age=60, s-maxage=86400"}, 86_400),
            ({"cache-control": "max-age=300", "age": "4000"}, 4000),
            ({"cache-control": "max-age=9999999999"}, 31_536_000),
            ({"cache-control": "", "age": "soon"}, 0),
        ],
    )
    def test_what_is_served_says_how_long_caches_keep_it(
        self,
        headers: dict[str, str],
        seconds: int,
        eye: KeysSeenOutside,
        issuer: IssuerUrl,
        clock: FakeClock,
        outside: Served,
    ) -> None:
        outside.show(made("one", issuer=issuer.text))
        outside.server.headers |= headers
        asyncio.run(eye.look(issuer))
        assert eye.sighting(issuer, signing_key(clock, "one")).cached_seconds == seconds

    def test_a_fault_of_ours_is_told_and_not_raised(
        self, eye: KeysSeenOutside, issuer: IssuerUrl, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Raised, it would end the housekeeping of all issuers."""

        async def stumble(*_: object) -> None:
            raise ValueError("whatever was served")

        monkeypatch.setattr(eye._fetcher, "key_set", stumble)
        asyncio.run(eye.look(issuer))
        assert eye.sighting(issuer, signing_key(clock, "one")).why_not == "a fault in Daypass itself: ValueError"


class Ring:
    """A key ring with an outside, a minute a step."""

    def __init__(self, *, watched: bool = True) -> None:
        self.clock = FakeClock()
        self.eye = MemorySeenOutside(self.clock.monotonic)
        self.looks = 0
        self.ring = KeyRing(
            MemoryKeyStore(),
            MemorySigner(self.clock),
            self.clock,
            MemoryAuditLog(),
            algorithms=["ES256"],
            times=TIMES,
            monotonic=self.clock.monotonic,
            outside=(ISSUER, self.eye) if watched else None,
        )
        asyncio.run(self.ring.advance())

    def publish(self) -> None:
        """The bucket has what we publish."""
        self.eye.served = [PublicKey.from_jwk(key.public_jwk) for key in self.ring.keys]

    def minutes(self, number: float) -> None:
        for _ in range(int(number)):
            self.clock.advance(60)
            asyncio.run(self.ring.look_outside())
            asyncio.run(self.ring.advance())

    @property
    def signs(self) -> str:
        return self.ring.active("ES256").kid

    def rotate(self) -> str:
        return asyncio.run(self.ring.rotate(CALLER, "ES256", soon=True)).kid


def test_a_key_is_not_activated_while_the_bucket_is_stale() -> None:
    world = Ring()
    world.publish()
    first, following = world.signs, world.rotate()
    world.minutes(60)
    assert world.signs == first, "an hour after its turn, the old key goes on"
    key = world.ring.key(following)
    assert key is not None
    assert "lacks it" in str(world.ring.waits_for(key))
    world.publish()
    world.minutes(1)
    assert world.signs == first, "caches may still have the key set of before"
    assert "of the 420 seconds" in str(world.ring.waits_for(key))
    world.minutes(LEAST / 60)
    assert world.signs == following
    found = world.ring.key(following)
    assert found is not None
    assert world.ring.waits_for(found) is None


def test_a_key_waits_as_long_as_a_cdn_keeps_the_key_set_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CDN whose own rules say an hour, or a day, where 300 seconds are counted on."""
    from dataclasses import replace

    world = Ring()
    first, following = world.signs, world.rotate()
    world.publish()
    sighting = world.eye.sighting
    monkeypatch.setattr(world.eye, "sighting", lambda *of: replace(sighting(*of), cached_seconds=3600))
    world.minutes(61)
    assert world.signs == first
    key = world.ring.key(following)
    assert key is not None
    assert "of the 3720 seconds" in str(world.ring.waits_for(key))
    world.minutes(3)
    assert world.signs == following


def test_a_revocation_takes_the_key_that_is_seen() -> None:
    """The other one's tokens would be refused until the bucket is written."""
    world = Ring()
    first, unseen = world.signs, world.rotate()
    world.clock.advance(60)
    seen = asyncio.run(world.ring.create(CALLER, "ES256")).kid
    world.eye.served = [PublicKey.from_jwk(key.public_jwk) for key in world.ring.keys if key.kid != unseen]
    for _ in range(9):
        world.clock.advance(60)
        asyncio.run(world.ring.look_outside())
    _, follower = asyncio.run(world.ring.revoke(CALLER, first, reason="leaked"))
    assert follower is not None
    assert follower.kid == seen


def test_a_key_is_not_activated_while_nobody_can_look() -> None:
    world = Ring()
    first, following = world.signs, world.rotate()
    world.minutes(30)
    assert world.signs == first
    key = world.ring.key(following)
    assert key is not None
    assert "cannot be reached" in str(world.ring.waits_for(key))


def test_a_schedule_goes_on_when_it_is_seen() -> None:
    world = Ring()
    world.publish()
    first = world.signs
    world.clock.advance(timedelta(days=29).total_seconds())
    world.minutes(2)
    world.publish()
    world.clock.advance(timedelta(days=1).total_seconds() - 600)
    world.minutes(20)
    assert world.signs != first


def test_by_hand_it_is_refused_too_and_at_once_is_not() -> None:
    world = Ring()
    world.publish()
    following = world.rotate()
    world.minutes(10)
    with pytest.raises(RequestRefused, match="waits: it is not seen"):
        asyncio.run(world.ring.activate(CALLER, following))
    asyncio.run(world.ring.activate(CALLER, following, at_once=True))
    assert world.signs == following


def test_a_revocation_waits_for_nobody() -> None:
    world = Ring()
    first = world.signs

    async def never(issuer: IssuerUrl) -> None:
        raise AssertionError("a revocation must not wait for the network")

    world.eye.look = never  # type: ignore[method-assign]  # it is what must not be called
    revoked, follower = asyncio.run(world.ring.revoke(CALLER, first, reason="leaked"))
    assert revoked.kid == first
    assert follower is not None
    assert world.signs == follower.kid


def test_one_key_that_waits_does_not_hold_up_another_ones_step() -> None:
    world = Ring()
    world.publish()
    first, waiting = world.signs, world.rotate()
    world.minutes(10)
    by_hand = asyncio.run(world.ring.create(CALLER, "ES256")).kid
    asyncio.run(world.ring.activate(CALLER, by_hand, at_once=True))
    world.minutes(TIMES.keep_after.total_seconds() / 60 + 2)
    retired = world.ring.key(first)
    assert retired is not None
    assert retired.state is KeyState.RETIRED
    assert world.signs == by_hand
    key = world.ring.key(waiting)
    assert key is not None
    assert key.state is KeyState.NEXT


def test_without_the_setting_nothing_waits() -> None:
    world = Ring(watched=False)
    first, following = world.signs, world.rotate()
    world.minutes(LEAST / 60 + 2)
    assert (first, world.signs) == (first, following)
    found: Any = world.ring.key(following)
    assert world.ring.waits_for(found) is None
