"""Which key signs, which are published, and when they leave."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from daypass.errors import (
    AlgorithmNotOffered,
    AuditUnavailable,
    KeyUnavailable,
    NotFound,
    RequestInvalid,
    RequestRefused,
    ScopeMissing,
    StoreUnavailable,
)
from daypass.idp.caller import Caller
from daypass.idp.key_ring import (
    KEY_SET_MAX_AGE_SECONDS,
    MAX_TOKEN_LIFETIME_SECONDS,
    PUBLISHED_FIRST,
    RETIRING,
    KeyRing,
    may_retire,
)
from daypass.idp.memory import MemoryAuditLog, MemoryKeyStore, MemorySigner
from daypass.idp.model import KeyState, SigningKey
from daypass.tokens.key_set import KeySet
from support.registry import OPERATOR, StoppedClock

if TYPE_CHECKING:
    from daypass.idp.model import AuditEntry


class Ring:
    """A key ring on memory, and its parts."""

    def __init__(self) -> None:
        self.clock = StoppedClock()
        self.store = MemoryKeyStore()
        self.signer = MemorySigner(self.clock)
        self.audit = MemoryAuditLog()
        self.ring = self.restarted()

    def restarted(self) -> KeyRing:
        return KeyRing(self.store, self.signer, self.clock, self.audit)

    def published(self) -> set[str]:
        return {key.kid for key in KeySet.parse(self.ring.published).keys}


def test_the_first_keys_sign_at_once_and_a_restart_keeps_them() -> None:
    async def story() -> None:
        parts = Ring()
        assert parts.published() == set()
        await parts.ring.ensure(["ES256", "RS256"])
        assert parts.ring.algorithms == ("RS256", "ES256")
        kids = parts.published()
        assert kids == {parts.ring.active("RS256").kid, parts.ring.active("ES256").kid}
        etag = parts.ring.published_etag
        again = parts.restarted()
        await again.load()
        await again.ensure(["RS256", "ES256"])
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
        parts = Ring()
        await parts.ring.ensure(["RS256"])
        parts.ring = parts.restarted()
        await parts.ring.load()
        await parts.ring.ensure(["ES256", "RS256"])
        assert list(parts.ring.algorithms) == ["RS256"]
        assert len(parts.published()) == 2
        parts.clock.advance(PUBLISHED_FIRST.total_seconds() - 0.001)
        await parts.ring.ensure(["ES256", "RS256"])
        assert list(parts.ring.algorithms) == ["RS256"]
        parts.clock.advance(0.001)
        await parts.ring.ensure(["ES256", "RS256"])
        assert list(parts.ring.algorithms) == ["RS256", "ES256"]
        assert len(parts.published()) == 2

    asyncio.run(story())


def test_what_is_signed_verifies_with_what_is_published() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.ensure(["ES256"])
        key = parts.ring.active("ES256")
        signature = await parts.ring.sign(key, b"content")
        public = KeySet.parse(parts.ring.published).select({"kid": key.kid})
        assert public.verifies(b"content", signature, algorithm="ES256")

    asyncio.run(story())


def test_rotation_never_orphans_a_live_token() -> None:
    """Publish, sign, and keep the old key until its longest token has died in the slowest cache."""

    async def story() -> None:
        parts = Ring()
        ring = parts.ring
        await ring.ensure(["ES256"])
        old = ring.active("ES256")
        etag = ring.published_etag
        parts.clock.advance(1)
        new = await ring.create(OPERATOR, "ES256")
        assert (new.state, parts.published()) == (KeyState.NEXT, {old.kid, new.kid})
        assert ring.published_etag != etag
        assert ring.active("ES256") == old
        parts.clock.advance(PUBLISHED_FIRST.total_seconds() - 0.001)
        assert timedelta(seconds=KEY_SET_MAX_AGE_SECONDS) < PUBLISHED_FIRST
        with pytest.raises(RequestRefused):
            await ring.activate(OPERATOR, new.kid)
        assert ring.active("ES256") == old
        parts.clock.advance(0.001)
        activated = await ring.activate(OPERATOR, new.kid)
        assert activated == ring.active("ES256")
        assert [key.state for key in ring.keys] == [KeyState.RETIRING, KeyState.ACTIVE]
        last_token_dies = MAX_TOKEN_LIFETIME_SECONDS + KEY_SET_MAX_AGE_SECONDS
        assert timedelta(seconds=last_token_dies) < RETIRING
        parts.clock.advance(last_token_dies)
        assert await ring.retire_due(OPERATOR) == []
        assert old.kid in parts.published()
        parts.clock.advance(RETIRING.total_seconds() - last_token_dies - 0.001)
        await ring.retire_due(OPERATOR)
        assert old.kid in parts.published()
        parts.clock.advance(0.001)
        assert [key.kid for key in await ring.retire_due(OPERATOR)] == [old.kid]
        assert parts.published() == {new.kid}
        stored = parts.store.keys()
        assert [key.state for key in stored] == [KeyState.RETIRED, KeyState.ACTIVE]
        events = [each.entry.event for each in parts.audit.records]
        assert events == ["key.created", "key.activated", "key.created", "key.activated", "key.retiring", "key.retired"]

    asyncio.run(story())


def test_a_start_retires_what_is_due() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.ensure(["ES256"])
        new = await parts.ring.create(OPERATOR, "ES256")
        await parts.ring.activate(OPERATOR, new.kid, at_once=True)
        parts.clock.advance(RETIRING.total_seconds())
        parts.ring = parts.restarted()
        await parts.ring.load()
        assert parts.published() == {new.kid}

    asyncio.run(story())


def test_the_key_set_stays_one_that_relying_parties_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        monkeypatch.setattr("daypass.idp.key_ring.MAX_PUBLISHED", 3)
        parts = Ring()
        await parts.ring.ensure(["ES256"])
        for _ in range(2):
            await parts.ring.create(OPERATOR, "ES256")
        with pytest.raises(RequestRefused):
            await parts.ring.create(OPERATOR, "ES256")
        assert len(parts.published()) == 3

    asyncio.run(story())


def test_only_a_next_key_is_activated() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.ensure(["ES256"])
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
            with pytest.raises(ScopeMissing):
                await parts.ring.create(who, "ES256")
            with pytest.raises(ScopeMissing):
                await parts.ring.activate(who, "k")
            with pytest.raises(ScopeMissing):
                await parts.ring.retire_due(who)
        assert parts.store.keys() == []

    asyncio.run(story())


def test_a_key_that_is_not_recorded_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.ensure(["ES256"])
        before = parts.ring.published

        async def refuse(entry: AuditEntry) -> None:
            raise AuditUnavailable("disk full")

        monkeypatch.setattr(parts.audit, "append", refuse)
        with pytest.raises(AuditUnavailable):
            await parts.ring.create(OPERATOR, "ES256")
        assert parts.ring.published == before
        assert len(parts.store.keys()) == 1

    asyncio.run(story())


def test_a_crash_between_the_two_writes_of_an_activation_is_healed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.ensure(["ES256"])
        old = parts.ring.active("ES256")
        new = await parts.ring.create(OPERATOR, "ES256")
        parts.clock.advance(1)
        real = parts.store.update_key

        def once(key: SigningKey) -> None:
            monkeypatch.setattr(parts.store, "update_key", crash)
            real(key)

        def crash(key: SigningKey) -> None:
            raise StoreUnavailable("killed")

        monkeypatch.setattr(parts.store, "update_key", once)
        with pytest.raises(StoreUnavailable):
            await parts.ring.activate(OPERATOR, new.kid, at_once=True)
        monkeypatch.setattr(parts.store, "update_key", real)
        parts.ring = parts.restarted()
        await parts.ring.load()
        assert parts.ring.active("ES256").kid == new.kid
        assert parts.published() == {old.kid, new.kid}
        stored = parts.store.keys()
        assert {key.kid: key.state for key in stored} == {
            old.kid: KeyState.RETIRING,
            new.kid: KeyState.ACTIVE,
        }

    asyncio.run(story())


def test_a_start_fails_when_the_signer_has_not_the_published_key() -> None:
    async def story() -> None:
        parts = Ring()
        await parts.ring.ensure(["ES256"])
        parts.signer = MemorySigner(parts.clock)
        with pytest.raises(KeyUnavailable):
            await parts.restarted().load()

    asyncio.run(story())


def test_a_key_without_a_time_never_retires() -> None:
    clock = StoppedClock()
    key = SigningKey("k", "ES256", KeyState.RETIRING, {}, clock())
    assert not may_retire(key, clock() + timedelta(days=365))
