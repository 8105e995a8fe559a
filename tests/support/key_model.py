"""Several processes that share an issuer's keys, verifiers with caches of every age, and time that goes by as told.

The one promise that is checked after each event: every live token's key is in every key set that a verifier may hold.
"""

from __future__ import annotations

import asyncio
import atexit
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from daypass.errors import DaypassError
from daypass.idp.key_ring import KeyRing
from daypass.idp.key_times import MAX_TOKEN_LIFETIME_SECONDS, REFRESH_SECONDS, STALE_SECONDS, KeyTimes
from daypass.idp.memory import MemoryAuditLog, MemoryKeyStore, MemorySigner
from daypass.tokens.key_set import KeySet
from support.registry import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from daypass.idp.model import KeysAt, SigningKey

BEGIN: Final = datetime(2026, 9, 21, 12, tzinfo=UTC)
LEEWAY_SECONDS: Final = 30
SKEWS: Final = (0.0, 25.0, -25.0)


@cache
def loop() -> asyncio.AbstractEventLoop:
    """One for all of them, because a failing example leaves its world behind."""
    made = asyncio.new_event_loop()
    atexit.register(made.close)
    return made


class Killed(BaseException):
    """The process is gone at this point."""


@dataclass
class Death:
    """At which of the writes that follow the process dies; each write has a moment before and one after."""

    moments_left: int | None = None

    def pass_by(self) -> None:
        if self.moments_left is not None:
            self.moments_left -= 1
            if self.moments_left < 0:
                self.moments_left = None
                raise Killed


class MortalStore:
    """A key store whose user dies before or after a write."""

    def __init__(self, store: MemoryKeyStore, death: Death) -> None:
        self._store = store
        self._death = death
        self.versions = store.versions

    def keys(self, organization_id: str | None = None) -> KeysAt:
        return self._store.keys(organization_id)

    def change_keys(self, organization_id: str | None, keys: Sequence[SigningKey], *, version: int) -> bool:
        self._death.pass_by()
        written = self._store.change_keys(organization_id, keys, version=version)
        self._death.pass_by()
        return written


class MortalSigner:
    """A signer whose user dies before or after a key is made."""

    def __init__(self, signer: MemorySigner, death: Death) -> None:
        self._signer = signer
        self._death = death
        self.sign = signer.sign
        self.kids = signer.kids
        self.discard_key = signer.discard_key

    def create_key(self, algorithm: str) -> SigningKey:
        self._death.pass_by()
        key = self._signer.create_key(algorithm)
        self._death.pass_by()
        return key


class Process:
    """One replica: a key ring, a clock that is wrong by `skew` seconds, and whether it reaches the store."""

    def __init__(self, world: KeyWorld, skew: float) -> None:
        self._world = world
        self.skew = timedelta(seconds=skew)
        self.death = Death()
        self.connected = True
        self.ring = self._started()

    def now(self) -> datetime:
        return self._world.now + self.skew

    def _started(self) -> KeyRing:
        self.read_at = self._world.uptime
        return KeyRing(
            MortalStore(self._world.store, self.death),
            MortalSigner(self._world.signer, self.death),
            self.now,
            self._world.audit,
            algorithms=["ES256"],
            times=self._world.times,
            monotonic=lambda: self._world.uptime,
        )

    def restart(self) -> None:
        self.death.moments_left = None
        self.connected = True
        self.ring = self._started()
        self._world.run(self.ring.load())

    def refresh(self) -> None:
        self._world.run(self.ring.refresh())
        self.read_at = self._world.uptime


@dataclass(frozen=True)
class Token:
    kid: str
    exp: int


class KeyWorld:
    """All of it."""

    def __init__(self, times: KeyTimes | None = None) -> None:
        self.times = times or KeyTimes()
        self.uptime = 0.0
        self.store = MemoryKeyStore()
        self.signer = MemorySigner(lambda: self.now)
        self.audit = MemoryAuditLog()
        self.tokens: list[Token] = []
        self.served: list[tuple[datetime, frozenset[str]]] = []
        self.processes = [Process(self, skew) for skew in SKEWS]
        self.run(self.processes[0].ring.advance())
        for process in self.processes:
            process.refresh()
        self.pass_time(60)  # until every clock is past the first activation

    @property
    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.uptime)

    def run(self, work: Coroutine[object, object, object]) -> None:
        loop().run_until_complete(work)

    # ------------------------------------------------------------------------------------------------- events

    def pass_time(self, seconds: float) -> None:
        """Each process reads again as late as it may; verifiers look at all of them all the time."""
        for part in (REFRESH_SECONDS - 0.1, STALE_SECONDS - REFRESH_SECONDS + 0.1, seconds):
            step = min(part, seconds)
            seconds -= step
            if step > 0:
                self.uptime += step
                self.look()
                for process in self.processes:
                    if process.connected:
                        process.refresh()
                self.look()

    def do(
        self, number: int, work: Callable[[KeyRing], Coroutine[object, object, object]], dies_at: int | None
    ) -> None:
        """Let a process do something that changes keys; it may die meanwhile, and is started again then."""
        process = self.processes[number]
        if not process.connected:
            return
        process.death.moments_left = dies_at
        try:
            self.run(work(process.ring))
        except DaypassError:
            pass
        except Killed:
            process.restart()
        process.death.moments_left = None
        self.look()

    def issue(self, number: int) -> None:
        process = self.processes[number]
        issued_at = process.now()
        try:
            key = process.ring.active("ES256", issued_at)
        except DaypassError:
            assert process.ring.stale or not process.ring.keys, "a process that has read the keys can sign"
            return
        assert key.activated_at is not None
        iat = int(issued_at.timestamp())
        assert iat >= int(key.activated_at.timestamp()), "a token is older than its key's activation"
        self.tokens.append(Token(key.kid, iat + MAX_TOKEN_LIFETIME_SECONDS))
        self.look()

    # ---------------------------------------------------------------------------------------------- the promise

    def look(self) -> None:
        """Note what verifiers can fetch now, and check all that they may hold."""
        for process in self.processes:
            if not process.ring.stale and process.ring.keys:
                kids = frozenset(key.kid for key in KeySet.parse(process.ring.published).keys)
                self.served.append((self.now, kids))
        oldest = self.now - timedelta(seconds=self.times.key_set_max_age_seconds)
        self.served = list(dict.fromkeys(each for each in self.served if each[0] >= oldest))
        at = self.now.timestamp()
        self.tokens = list(dict.fromkeys(token for token in self.tokens if at < token.exp + LEEWAY_SECONDS))
        live = {token.kid for token in self.tokens}
        for fetched_at, kids in self.served:
            missing = live - kids
            assert not missing, f"a key set fetched at {fetched_at} lacks {missing} at {self.now}"


def rotate_soon(ring: KeyRing) -> Coroutine[object, object, object]:
    return ring.rotate(OPERATOR, "ES256", soon=True)


def rotate(ring: KeyRing) -> Coroutine[object, object, object]:
    return ring.rotate(OPERATOR, "ES256")


def create(ring: KeyRing) -> Coroutine[object, object, object]:
    return ring.create(OPERATOR, "ES256")


def advance(ring: KeyRing) -> Coroutine[object, object, object]:
    return ring.advance()


def activate(ring: KeyRing) -> Coroutine[object, object, object]:
    waiting = [key.kid for key in ring.keys if key.state == "next"]
    return ring.activate(OPERATOR, waiting[-1] if waiting else "none")
