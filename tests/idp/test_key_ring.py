"""Which key signs, which are published, and when they leave."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from daypass.errors import (
    AlgorithmNotOffered,
    AuditUnavailable,
    KeysChanged,
    KeyUnavailable,
    NotFound,
    RequestInvalid,
    RequestRefused,
    ScopeMissing,
    StoreUnavailable,
)
from daypass.idp.caller import Caller
from daypass.idp.key_ring import KeyRing
from daypass.idp.key_times import (
    DECISION_SECONDS,
    KEY_SET_MAX_AGE_SECONDS,
    MAX_TOKEN_LIFETIME_SECONDS,
    STALE_SECONDS,
    KeyTimes,
)
from daypass.idp.memory import MemoryAuditLog, MemoryKeyStore, MemorySigner
from daypass.idp.model import KeyState
from daypass.tokens.key_set import KeySet
from support.registry import OPERATOR, StoppedClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.idp.model import AuditEntry, SigningKey

TIMES = KeyTimes()


class Ring:
    """A key ring on memory, and its parts. `uptime` is the clock that does not jump."""

    def __init__(self, *algorithms: str, times: KeyTimes = TIMES) -> None:
        self.clock = StoppedClock()
        self.uptime = 0.0
        self.times = times
        self.algorithms = algorithms or ("ES256",)
        self.store = MemoryKeyStore()
        self.signer = MemorySigner(self.clock)
        self.audit = MemoryAuditLog()
        self.ring = self.restarted()

    def restarted(self) -> KeyRing:
        return KeyRing(
            self.store,
            self.signer,
            self.clock,
            self.audit,
            algorithms=self.algorithms,
            times=self.times,
            monotonic=lambda: self.uptime,
        )

    async def pass_time(self, span: timedelta | float) -> None:
        """Time goes by, and the keys are read as often as they are."""
        seconds = span.total_seconds() if isinstance(span, timedelta) else span
        self.clock.advance(seconds)
        self.uptime += seconds
        await self.ring.refresh()

    def published(self) -> set[str]:
        return {key.kid for key in KeySet.parse(self.ring.published).keys}

    def states(self) -> list[KeyState]:
        return [key.state for key in self.store.keys().keys]

    def events(self) -> list[str]:
        return [each.entry.event for each in self.audit.records]


def test_the_first_keys_sign_at_once_and_a_restart_keeps_them() -> None:
    async def story() -> None:
        parts = Ring("ES256", "RS256")
        assert parts.published() == set()
        await parts.ring.advance()
        assert parts.ring.algorithms == ("RS256", "ES256")
        assert parts.published() == {parts.ring.active("RS256").kid, parts.ring.active("ES256").kid}
        etag = parts.ring.published_etag
        again = parts.restarted()
        await again.load()
        assert await again.advance() == []
        assert (again.published, again.published_etag) == (parts.ring.published, etag)
        assert etag.startswith('"')
        assert etag.endswith('"')
        with pytest.raises(AlgorithmNotOffered) as refusal:
            again.active("none")
        assert refusal.value.facts["offered"] == ["RS256", "ES256"]

    asyncio.run(story())


def test_an_algorithm_that_joins_others_waits_until_its_key_is_known() -> None:
    """Relying parties that keep the key set for its `max-age` would refuse its tokens."""

    async def story() -> None:
        parts = Ring("RS256")
        await parts.ring.advance()
        parts.algorithms = ("ES256", "RS256")
        parts.ring = parts.restarted()
        await parts.ring.load()
        await parts.ring.advance()
        assert list(parts.ring.algorithms) == ["RS256"]
        assert len(parts.published()) == 2
        await parts.pass_time(TIMES.least_publish - timedelta(milliseconds=1))
        assert await parts.ring.advance() == []
        await parts.pass_time(0.001)
        await parts.ring.advance()
        assert list(parts.ring.algorithms) == ["RS256", "ES256"]
        assert len(parts.published()) == 2

    asyncio.run(story())


def test_what_is_signed_verifies_with_what_is_published() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        key = parts.ring.active("ES256")
        signature = await parts.ring.sign(key, b"content")
        public = KeySet.parse(parts.ring.published).select({"kid": key.kid})
        assert public.verifies(b"content", signature, algorithm="ES256")

    asyncio.run(story())


def test_threats_27_rotation_by_hand_never_orphans_a_live_token() -> None:
    """Publish, sign, and keep the old key until its longest token has died in the slowest cache."""

    async def story() -> None:
        parts = Ring(times=KeyTimes(rotation=None))
        ring = parts.ring
        await ring.advance()
        old = ring.active("ES256")
        etag = ring.published_etag
        await parts.pass_time(1)
        new = await ring.create(OPERATOR, "ES256")
        assert (new.state, parts.published()) == (KeyState.NEXT, {old.kid, new.kid})
        assert ring.published_etag != etag
        await parts.pass_time(TIMES.least_publish - timedelta(milliseconds=1))
        assert timedelta(seconds=KEY_SET_MAX_AGE_SECONDS + STALE_SECONDS) < TIMES.least_publish
        with pytest.raises(RequestRefused):
            await ring.activate(OPERATOR, new.kid)
        assert await ring.advance() == [], "nobody has said that it is to sign"
        assert ring.active("ES256") == old
        await parts.pass_time(0.001)
        activated = await ring.activate(OPERATOR, new.kid)
        assert activated == ring.active("ES256")
        assert parts.states() == [KeyState.RETIRING, KeyState.ACTIVE]
        last_token_dies = MAX_TOKEN_LIFETIME_SECONDS + KEY_SET_MAX_AGE_SECONDS
        assert timedelta(seconds=last_token_dies) < TIMES.least_keep < TIMES.keep_after
        await parts.pass_time(TIMES.keep_after - timedelta(milliseconds=1))
        assert await ring.advance() == []
        assert old.kid in parts.published()
        await parts.pass_time(0.001)
        assert [key.kid for key in await ring.advance()] == [old.kid]
        assert parts.published() == {new.kid}
        assert parts.states() == [KeyState.RETIRED, KeyState.ACTIVE]
        assert parts.events() == [
            *("key.created", "key.activated"),
            *("key.created", "key.published", "key.activated", "key.retiring", "key.retired"),
        ]

    asyncio.run(story())


def test_the_schedule_publishes_waits_signs_and_keeps() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        assert TIMES.rotation is not None
        first = parts.ring.active("ES256")
        await parts.pass_time(TIMES.rotation - TIMES.publish_before - timedelta(seconds=1))
        assert await parts.ring.advance() == []
        await parts.pass_time(1)
        await parts.ring.advance()
        assert parts.states() == [KeyState.ACTIVE, KeyState.NEXT]
        await parts.pass_time(TIMES.publish_before - timedelta(seconds=1))
        assert await parts.ring.advance() == []
        await parts.pass_time(1)
        await parts.ring.advance()
        assert parts.states() == [KeyState.RETIRING, KeyState.ACTIVE]
        second = parts.ring.active("ES256")
        assert second.kid != first.kid
        await parts.pass_time(TIMES.keep_after)
        await parts.ring.advance()
        assert parts.states() == [KeyState.RETIRED, KeyState.ACTIVE]
        assert second.activated_at is not None
        parts.clock.now = second.activated_at + TIMES.rotation
        await parts.ring.advance()
        assert parts.states() == [KeyState.RETIRED, KeyState.ACTIVE, KeyState.NEXT]

    asyncio.run(story())


def test_a_key_made_by_hand_takes_the_turn_that_comes() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        made = await parts.ring.create(OPERATOR, "ES256")
        assert TIMES.rotation is not None
        await parts.pass_time(TIMES.rotation)
        await parts.ring.advance()
        assert parts.ring.active("ES256").kid == made.kid
        assert len(parts.store.keys().keys) == 2

    asyncio.run(story())


def test_a_rotation_by_command_ends_by_itself_and_a_second_command_begins_no_second() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        slow = await parts.ring.rotate(OPERATOR, "ES256")
        assert slow.activate_at == parts.clock() + TIMES.publish_before
        assert await parts.ring.rotate(OPERATOR, "ES256") == slow
        soon = await parts.ring.rotate(OPERATOR, "ES256", soon=True)
        assert (soon.kid, soon.activate_at) == (slow.kid, parts.clock() + TIMES.least_publish)
        assert await parts.ring.rotate(OPERATOR, "ES256") == soon
        await parts.pass_time(TIMES.least_publish)
        await parts.ring.advance()
        assert parts.ring.active("ES256").kid == soon.kid
        assert len(parts.store.keys().keys) == 2

    asyncio.run(story())


def test_threats_28_a_leaked_key_leaves_at_once_and_another_signs_at_once() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        leaked = parts.ring.active("ES256")
        await parts.pass_time(10)
        revoked, follower = await parts.ring.revoke(OPERATOR, leaked.kid, reason="found in a log")
        assert follower is not None
        assert (revoked.state, revoked.revoked_at) == (KeyState.RETIRED, parts.clock())
        assert parts.ring.active("ES256") == follower
        assert parts.published() == {follower.kid}
        await parts.ring.sign(parts.ring.active("ES256"), b"the first token")
        with pytest.raises(KeyUnavailable):  # its private half is gone too, also for a process that has not heard
            await parts.ring.sign(leaked, b"one more token")
        rows = [each.entry for each in parts.audit.records][2:]
        assert [row.event for row in rows] == ["key.revoked", "key.activated"]
        assert rows[0].detail["reason"] == "found in a log"
        version = parts.store.keys().version
        assert await parts.ring.revoke(OPERATOR, leaked.kid, reason="again") == (revoked, None)
        assert parts.store.keys().version == version
        with pytest.raises(NotFound):
            await parts.ring.revoke(OPERATOR, "unknown", reason="x")

    asyncio.run(story())


def test_a_key_that_is_known_already_takes_the_place_of_a_revoked_one() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        known = await parts.ring.create(OPERATOR, "ES256")
        await parts.pass_time(1)
        spare = await parts.ring.create(OPERATOR, "ES256")
        _, follower = await parts.ring.revoke(OPERATOR, spare.kid, reason="x")
        assert follower is None, "it did not sign"
        _, follower = await parts.ring.revoke(OPERATOR, parts.ring.active("ES256").kid, reason="x")
        assert follower is not None
        assert follower.kid == known.kid
        assert parts.published() == {known.kid}

    asyncio.run(story())


def test_the_key_set_stays_one_that_relying_parties_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        monkeypatch.setattr("daypass.idp.key_ring.MAX_PUBLISHED", 3)
        parts = Ring()
        await parts.ring.advance()
        for _ in range(2):
            await parts.ring.create(OPERATOR, "ES256")
        with pytest.raises(RequestRefused):
            await parts.ring.create(OPERATOR, "ES256")
        assert len(parts.published()) == 3

    asyncio.run(story())


def test_only_a_next_key_is_activated() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        with pytest.raises(RequestRefused):
            await parts.ring.activate(OPERATOR, parts.ring.active("ES256").kid)
        with pytest.raises(NotFound):
            await parts.ring.activate(OPERATOR, "unknown")
        with pytest.raises(RequestInvalid) as refusal:
            await parts.ring.create(OPERATOR, "HS256")
        assert "RS256" in str(refusal.value.facts["allowed"])

    asyncio.run(story())


def test_keys_are_for_those_who_hold_the_scope_everywhere() -> None:
    async def story() -> None:
        parts = Ring()
        for who in (
            Caller("adm_x", frozenset({"keys:read"}), None, None, "r"),
            Caller("adm_x", frozenset({"*"}), "org_x", None, "r"),
        ):
            for use in (
                parts.ring.create(who, "ES256"),
                parts.ring.rotate(who, "ES256"),
                parts.ring.activate(who, "k"),
                parts.ring.revoke(who, "k", reason="x"),
                parts.ring.advance(who),
            ):
                with pytest.raises(ScopeMissing):
                    await use
        assert parts.store.keys().keys == ()

    asyncio.run(story())


def test_a_key_that_is_not_recorded_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        before = parts.ring.published

        async def refuse(entry: AuditEntry) -> None:
            raise AuditUnavailable("disk full")

        monkeypatch.setattr(parts.audit, "append", refuse)
        with pytest.raises(AuditUnavailable):
            await parts.ring.create(OPERATOR, "ES256")
        assert parts.ring.published == before
        assert len(parts.store.keys().keys) == 1

    asyncio.run(story())


def test_a_decision_that_took_too_long_to_record_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped for a day must not go on with the times of yesterday."""

    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        await parts.pass_time(1)
        new = await parts.ring.create(OPERATOR, "ES256")
        real = parts.audit.append

        async def slow(entry: AuditEntry) -> None:
            parts.uptime += DECISION_SECONDS + 1
            await real(entry)

        monkeypatch.setattr(parts.audit, "append", slow)
        with pytest.raises(StoreUnavailable):
            await parts.ring.activate(OPERATOR, new.kid, at_once=True)
        assert parts.states() == [KeyState.ACTIVE, KeyState.NEXT]

    asyncio.run(story())


def test_threats_29_the_slower_of_two_processes_reads_again() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        other = parts.restarted()
        await parts.pass_time(1)
        await other.load()
        both = await asyncio.gather(
            parts.ring.rotate(OPERATOR, "ES256", soon=True), other.rotate(OPERATOR, "ES256", soon=True)
        )
        assert both[0].kid == both[1].kid
        assert len(parts.store.keys().keys) == 2
        assert set(parts.signer.kids()) == {key.kid for key in parts.store.keys().keys}, "the loser's key is destroyed"
        await parts.pass_time(TIMES.least_publish)
        await asyncio.gather(parts.ring.advance(), other.advance())
        assert parts.states() == [KeyState.RETIRING, KeyState.ACTIVE]
        assert parts.events().count("key.activated") - parts.events().count("key.retiring") <= 2

    asyncio.run(story())


def test_whoever_always_loses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()

        def lose(organization_id: str | None, keys: Sequence[SigningKey], *, version: int) -> bool:
            return False

        monkeypatch.setattr(parts.store, "change_keys", lose)
        with pytest.raises(KeysChanged):
            await parts.ring.create(OPERATOR, "ES256")
        assert parts.audit.records[-1].entry.outcome == "failed"
        assert len(parts.signer.kids()) == 1

    asyncio.run(story())


def test_a_process_that_cannot_read_the_keys_does_not_sign_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()

        def broken(organization_id: str | None = None) -> None:
            raise StoreUnavailable("the disk is gone")

        with monkeypatch.context() as patched:
            patched.setattr(parts.store, "keys", broken)
            parts.uptime += STALE_SECONDS
            with pytest.raises(StoreUnavailable):
                await parts.ring.refresh()
            parts.ring.active("ES256")
            parts.uptime += 1
            with pytest.raises(KeyUnavailable):
                parts.ring.active("ES256")
            assert parts.published(), "what is published stays"
        await parts.ring.refresh()
        parts.ring.active("ES256")

    asyncio.run(story())


def test_another_process_finds_what_was_changed() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        other = parts.restarted()
        await other.load()
        new = await parts.ring.create(OPERATOR, "ES256")
        await parts.ring.activate(OPERATOR, new.kid, at_once=True)
        assert not other.unchanged(parts.store.versions()[None], parts.uptime)
        await other.refresh()
        assert other.active("ES256").kid == new.kid
        assert other.published == parts.ring.published
        assert other.unchanged(parts.store.versions()[None], parts.uptime)

    asyncio.run(story())


def test_threats_79_no_token_is_older_than_its_key() -> None:
    """Where the clock is behind, the key before goes on; where there was none, nothing is signed."""

    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        old = parts.ring.active("ES256")
        await parts.pass_time(100.7)
        new = await parts.ring.create(OPERATOR, "ES256")
        activated = await parts.ring.activate(OPERATOR, new.kid, at_once=True)
        assert activated.activated_at is not None
        assert int(parts.clock().timestamp()) >= activated.activated_at.timestamp()
        assert parts.ring.active("ES256", activated.activated_at - timedelta(microseconds=1)).kid == old.kid
        assert parts.ring.active("ES256", activated.activated_at).kid == new.kid
        for wrong in (timedelta(hours=1), timedelta(days=56 * 365)):
            with pytest.raises(KeyUnavailable):
                parts.ring.active("ES256", parts.clock() - wrong)

    asyncio.run(story())


def test_threats_79_a_clock_that_is_wrong_at_the_start_takes_no_key_away() -> None:
    """The times in the store and the clock disagree; what this process has watched itself decides."""

    async def story() -> None:
        parts = Ring(times=KeyTimes(rotation=None))
        await parts.ring.advance()
        new = await parts.ring.create(OPERATOR, "ES256")
        await parts.ring.activate(OPERATOR, new.kid, at_once=True)
        following = await parts.ring.rotate(OPERATOR, "ES256", soon=True)
        parts.clock.advance(timedelta(days=1).total_seconds())
        parts.ring = parts.restarted()
        await parts.ring.load()
        assert await parts.ring.advance() == []
        assert len(parts.published()) == 3
        await parts.pass_time(TIMES.least_publish)
        assert [key.kid for key in await parts.ring.advance()] == [following.kid, new.kid]
        assert len(parts.published()) == 3
        await parts.pass_time(TIMES.least_keep - TIMES.least_publish)
        await parts.ring.advance()
        assert len(parts.published()) == 2

    asyncio.run(story())


def test_a_start_fails_when_the_signer_has_not_the_published_key() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.advance()
        parts.signer = MemorySigner(parts.clock)
        with pytest.raises(KeyUnavailable):
            await parts.restarted().load()

    asyncio.run(story())


@pytest.mark.parametrize(
    "broken",
    [
        {"publish_before": TIMES.least_publish - timedelta(seconds=1)},
        {"keep_after": TIMES.least_keep - timedelta(seconds=1)},
        {"rotation": timedelta(hours=1)},
        {"key_set_max_age_seconds": 86_400},
    ],
)
def test_times_that_break_a_token_or_a_cache_are_not_times(broken: dict[str, timedelta]) -> None:
    with pytest.raises(ValueError, match="at least"):
        KeyTimes(**broken)  # type: ignore[arg-type]  # one of the fields, with its own type
