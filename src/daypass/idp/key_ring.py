"""The signing keys of one issuer: which one signs, which are published, what happens next.

Several processes share one ring. The store counts its changes; whoever changes it says which count they have seen, and
the slower of two reads again (`KeyStore.change_keys`). What is served comes from memory, which `refresh` keeps young; a
process that has not read for `STALE_SECONDS` does not sign, so no key that others have taken out of use goes on here.
"""

from __future__ import annotations

import hashlib
import time
from asyncio import Lock, to_thread
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from daypass.errors import (
    AlgorithmNotOffered,
    KeysChanged,
    KeyUnavailable,
    NotFound,
    RequestInvalid,
    RequestRefused,
    StoreUnavailable,
)
from daypass.idp import key_life
from daypass.idp.caller import Caller, Scope
from daypass.idp.changes import recorded, uninterrupted
from daypass.idp.key_life import PUBLISHED, Change, Wanted
from daypass.idp.key_times import DECISION_SECONDS, STALE_SECONDS, KeyTimes, least_publish_seconds
from daypass.idp.model import KeysAt, KeyState
from daypass.tokens.algorithms import BY_NAME
from daypass.tokens.jwk import PublicKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from daypass.idp.model import SigningKey
    from daypass.idp.ports import AuditLog, Clock, KeyStore, SeenOutside, Signer
    from daypass.names import IssuerUrl

T = TypeVar("T")

MAX_PUBLISHED: Final = 100
"""Keys in the key set: as many of one type as AWS reads (IAM, OIDC providers), and far below what others download."""
_ATTEMPTS: Final = 20
_NEVER: Final = float("-inf")
_FOREVER: Final = datetime.max.replace(tzinfo=UTC)


class KeyRing:
    """The keys of one issuer.

    Attributes:
        organization_id: whose issuer it is; None for the root issuer.
        times: how long each part of a key's life takes.
        published: the key set as served: all keys that are next, active or retiring.
        published_etag: its entity tag, quoted (RFC 9110 section 8.8.3).
    """

    published: bytes
    published_etag: str

    def __init__(
        self,
        store: KeyStore,
        signer: Signer,
        clock: Clock,
        audit: AuditLog,
        *,
        organization_id: str | None = None,
        algorithms: Sequence[str] = (),
        times: KeyTimes | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        outside: tuple[IssuerUrl, SeenOutside] | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            store: the public halves and the lives of keys.
            signer: the private halves.
            clock: now.
            audit: where each change is recorded first.
            organization_id: whose issuer it is; None for the root issuer.
            algorithms: those that the issuer is to offer; `advance` makes their keys.
            times: how long each part of a key's life takes.
            monotonic: seconds on a clock that does not jump.
            outside: the issuer's URL and who looks at it, where strangers are served by somebody else: no key takes its
                turn before it was seen there for as long as caches may keep the key set of before.
        """
        self.organization_id = organization_id
        self.times = times or KeyTimes()
        self._store = store
        self._signer = signer
        self._clock = clock
        self._audit = audit
        self._offered = tuple(algorithms)
        self._monotonic = monotonic
        self._outside = outside
        self._changing = Lock()
        self._version = -1
        self._read_at = _NEVER
        self._keys: dict[str, SigningKey] = {}
        self._signing: dict[str, list[SigningKey]] = {}
        self._seen: dict[tuple[str, KeyState, bool], float] = {}
        self._publish(())

    # ------------------------------------------------------------------------------------------------ reading

    async def load(self) -> None:
        """Read the keys, and check that the signer can use every active one.

        Raises:
            StoreUnavailable: when they cannot be read.
            KeyUnavailable: when the signer cannot use one.
        """
        await self.refresh()
        for key in self.keys:
            if key.state is KeyState.ACTIVE:
                await self._probe(key)

    async def refresh(self) -> None:
        """Read the keys again, because another process may have changed them.

        Raises:
            StoreUnavailable: when they cannot be read; what was read before stays.
        """
        began = self._monotonic()
        self._adopt(await to_thread(self._store.keys, self.organization_id), began)

    def unchanged(self, version: int, read_at: float) -> bool:
        """Whether memory has that version, which the store had at `read_at` (of the clock that does not jump)."""
        if version != self._version:
            return False
        self._read_at = max(self._read_at, read_at)
        return True

    @property
    def stale(self) -> bool:
        """Whether the keys were read too long ago to sign with."""
        return self._monotonic() - self._read_at > STALE_SECONDS

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms with an active key, in the order RS256 first."""
        return tuple(algorithm for algorithm in BY_NAME if algorithm in self._signing)

    @property
    def keys(self) -> Sequence[SigningKey]:
        """All keys, also retired ones, oldest first."""
        return list(self._keys.values())

    def key(self, kid: str) -> SigningKey | None:
        """The key of that id, in any state."""
        return self._keys.get(kid)

    def active(self, algorithm: str, now: datetime | None = None) -> SigningKey:
        """The key that signs with `algorithm` at `now`.

        Where the clock of this process is behind that of the one which activated a key, the key before it goes on for
        that while: no token says that it was issued before its key was activated.

        Raises:
            AlgorithmNotOffered: when there is none; `offered` among the facts.
            KeyUnavailable: when the keys were read too long ago, or the clock is before all of them.
        """
        keys = self._signing.get(algorithm)
        if keys is None:
            raise AlgorithmNotOffered(
                f"no key of this issuer signs with `{algorithm}`",
                advice=f"Offered: {', '.join(self.algorithms) or 'none'}.",
                offered=list(self.algorithms),
            )
        if self.stale:
            raise KeyUnavailable(
                f"the keys could not be read for more than {STALE_SECONDS} seconds, and may not be in use any more",
                advice="Look at the database.",
            )
        at = self._clock() if now is None else now
        for key in keys:
            if key.activated_at is not None and key.activated_at <= at < (key.retiring_at or _FOREVER):
                return key
        raise KeyUnavailable(
            f"the clock says {at:%Y-%m-%dT%H:%M:%SZ}, which is before any key of this issuer was activated",
            advice="Set this machine's clock.",
        )

    def waits_for(self, key: SigningKey) -> str | None:
        """Why a key that is next may not take its turn yet, as the last look outside had it; None when it may.

        Only where strangers are served by somebody else; how long it is published here is another matter.
        """
        if self._outside is None or key.state is not KeyState.NEXT:
            return None
        issuer, outside = self._outside
        sighting = outside.sighting(issuer, key)
        if sighting.seconds is None:
            return f"it is not seen at `{issuer}`: {sighting.why_not}"
        # A CDN may have a mind of its own about how long it keeps the key set of before.
        least = least_publish_seconds(max(self.times.key_set_max_age_seconds, sighting.cached_seconds))
        if sighting.seconds < least:
            return f"it is seen at `{issuer}` for {sighting.seconds:.0f} of the {least:.0f} seconds that caches need"
        return None

    async def look_outside(self) -> None:
        """Look at what strangers are served, when a key waits for that; at most some seconds.

        Apart from `advance`, which holds the keys for a change: a revocation must not wait for the network.
        """
        if self._outside is not None and any(key.state is KeyState.NEXT for key in self.keys):
            issuer, outside = self._outside
            await outside.look(issuer)

    async def sign(self, key: SigningKey, signing_input: bytes) -> bytes:
        """The JWS signature. The caller names the key, because the signing input already holds its `kid`.

        Raises:
            KeyUnavailable: when the signer cannot use it.
        """
        signature = self._signer.sign(key.kid, signing_input)
        return signature if isinstance(signature, bytes) else await signature

    # ----------------------------------------------------------------------------------------------- changing

    @uninterrupted
    async def advance(self, caller: Caller | None = None) -> Sequence[SigningKey]:
        """Make all steps that are due; what changed. Doing it twice, or in many processes at once, changes nothing.

        No key takes its turn here that `look_outside` has not seen.

        Raises:
            StoreUnavailable, AuditUnavailable, KeyUnavailable: a step could not be made; those before it were.
        """
        operator = caller or Caller.operator(request_id="key-schedule")
        operator.require_everywhere(Scope.KEYS_WRITE)

        async def step() -> Sequence[SigningKey]:
            began, now = self._monotonic(), self._clock()
            needed = key_life.wanted(self.keys, self._offered, self.times, now)
            if needed:
                return await self._make(operator, needed, began)
            waiting = [key.kid for key in self.keys if self.waits_for(key) is not None]
            changes = key_life.due(self.keys, self.times, now, self._watched, waiting)
            for change in changes:
                if change.event == "key.activated":
                    await self._probe(change.key)
            await self._change(operator, changes, began)
            return [change.key for change in changes]

        changed: list[SigningKey] = []
        async with self._changing:
            while made := await self._settled(step):
                changed += made
        return changed

    @uninterrupted
    async def create(self, caller: Caller, algorithm: str, *, activate_at: datetime | None = None) -> SigningKey:
        """A new key in state NEXT, published at once. It signs from `activate_at` on, or when it is activated.

        Raises:
            ScopeMissing: when the caller may not.
            RequestInvalid: for an algorithm there is not.
            RequestRefused: when the key set is full.
            KeyUnavailable: when the signer did not make it.
        """
        caller.require_everywhere(Scope.KEYS_WRITE)
        _demand_algorithm(algorithm)

        async def make() -> SigningKey:
            (made,) = await self._make(caller, [Wanted(algorithm, activate_at)], self._monotonic())
            return made

        async with self._changing:
            made = await self._settled(make)
            await self._settled(lambda: self._confirm(caller))
            return self._keys.get(made.kid, made)

    @uninterrupted
    async def rotate(self, caller: Caller, algorithm: str, *, soon: bool = False) -> SigningKey:
        """Begin a rotation: the key that takes the active one's place, published now, and signing later by itself.

        Asking again while one is under way makes no second; with `soon` it may bring the first one forward.

        Args:
            caller: who asks.
            algorithm: of the keys.
            soon: as soon as caches that keep the key set no longer than they are told can have it, instead of after
                the time that the schedule takes.

        Raises:
            ScopeMissing, RequestInvalid, RequestRefused, KeyUnavailable: see `create`.
        """
        caller.require_everywhere(Scope.KEYS_WRITE)
        _demand_algorithm(algorithm)

        async def begin() -> SigningKey:
            began, now = self._monotonic(), self._clock()
            at = now + (self.times.least_publish if soon else self.times.publish_before)
            waiting = next((key for key in self.keys if (key.algorithm, key.state) == (algorithm, KeyState.NEXT)), None)
            if waiting is None:
                (made,) = await self._make(caller, [Wanted(algorithm, at)], began)
                return made
            if waiting.activate_at is not None and waiting.activate_at <= at:
                return waiting
            sooner = replace(waiting, activate_at=at)
            await self._change(caller, [Change("key.planned", sooner)], began)
            return sooner

        async with self._changing:
            following = await self._settled(begin)
            await self._settled(lambda: self._confirm(caller))
            return self._keys.get(following.kid, following)

    @uninterrupted
    async def activate(self, caller: Caller, kid: str, *, at_once: bool = False) -> SigningKey:
        """Sign with `kid` from now on; the key that did so before is retiring and stays published.

        Args:
            caller: who asks.
            kid: the key.
            at_once: do not wait until it has been published for long enough. Relying parties that keep the key set as
                long as they may refuse its first tokens.

        Raises:
            ScopeMissing: when the caller may not.
            NotFound: when there is no such key.
            RequestRefused: when it is not in state NEXT, or was published too short a time ago.
            KeyUnavailable: when the signer cannot use it.
        """
        caller.require_everywhere(Scope.KEYS_WRITE)

        async def turn() -> SigningKey:
            began = self._monotonic()
            key = self._named(kid)
            if key.state is not KeyState.NEXT:
                raise RequestRefused(
                    f"the key `{kid}` is {key.state.value}; only one that is next can be activated",
                    advice="Create a new key and activate that one.",
                    state=key.state.value,
                )
            now = self._clock()
            ready_at = key_life.may_sign_at(key, self.times) or now + self.times.least_publish
            if not at_once and now < ready_at:
                least = self.times.least_publish.total_seconds()
                raise RequestRefused(
                    f"the key `{kid}` is published for less than {least:.0f} seconds",
                    advice=f"Activate it after {ready_at:%Y-%m-%dT%H:%M:%SZ}, or at once: tokens may be refused until"
                    " relying parties fetch the key set again. If the active key has leaked, revoke that one.",
                    ready_at=ready_at.isoformat(),
                )
            if not at_once and (reason := self.waits_for(key)):
                raise RequestRefused(
                    f"the key `{kid}` waits: {reason}",
                    advice="Publish the key set with `daypass publish`, and see what is served with --verify-only; or"
                    " activate it at once: relying parties that do not get the key refuse its tokens.",
                )
            await self._probe(key)
            changes = key_life.activation(self.keys, key, now)
            await self._change(caller, changes, began)
            return changes[0].key

        if not at_once:
            await self.look_outside()
        async with self._changing:
            return await self._settled(turn)

    @uninterrupted
    async def revoke(self, caller: Caller, kid: str, *, reason: str) -> tuple[SigningKey, SigningKey | None]:
        """Take a key out of the key set at once, for good; when it was active, another signs in its place at once.

        A key that is next already takes the place, one that is seen outside before others, then the one known longest;
        else a new one. Both changes are one: at no moment do both keys sign, or none. Then its private half is
        destroyed: whoever reached the signer cannot go on with it, nor a process that has not heard yet. Doing it twice
        changes nothing.

        Args:
            caller: who asks.
            kid: the key.
            reason: for the audit log.

        Returns:
            The revoked key, and the one that signs in its place.

        Raises:
            ScopeMissing, NotFound, KeyUnavailable: as `activate`.
        """
        caller.require_everywhere(Scope.KEYS_WRITE)

        async def end() -> tuple[SigningKey, SigningKey | None]:
            began, now = self._monotonic(), self._clock()
            key = self._named(kid)
            if key.revoked_at is not None:
                await self._destroy(kid)
                return key, None
            follower = None
            made = False
            if key.state is KeyState.ACTIVE:
                waiting = [each for each in self.keys if (each.algorithm, each.state) == (key.algorithm, KeyState.NEXT)]
                follower = min(
                    waiting,
                    key=lambda each: (self.waits_for(each) is not None, each.published_at or now),
                    default=None,
                )
                if follower is None:
                    # A full key set does not stop this: one leaves it.
                    follower, made = await self._new(key.algorithm), True
                await self._probe(follower)
            changes = key_life.revocation(self.keys, key, follower, now)
            try:
                await self._change(caller, changes, began, reason=reason)
            except KeysChanged:
                if made and follower is not None:
                    await to_thread(self._signer.discard_key, follower.kid)
                raise
            await self._destroy(kid)
            return changes[0].key, changes[1].key if follower is not None else None

        async with self._changing:
            return await self._settled(end)

    # -------------------------------------------------------------------------------------------------- parts

    async def _settled(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Read, decide and write, again and again until nobody else has written in between."""
        for _ in range(_ATTEMPTS):
            await self.refresh()
            try:
                return await attempt()
            except KeysChanged:
                continue
        raise KeysChanged("other processes change the keys all the time", advice="Try again in a moment.")

    async def _destroy(self, kid: str) -> None:
        """Where the signer does not answer, the key is revoked all the same; `KeyRings.clean` tries again."""
        with suppress(KeyUnavailable):
            await to_thread(self._signer.discard_key, kid)

    async def _confirm(self, caller: Caller) -> None:
        began = self._monotonic()
        changes = key_life.due(self.keys, self.times, self._clock(), lambda _: 0)
        await self._change(caller, [change for change in changes if change.event == "key.published"], began)

    async def _make(self, caller: Caller, asked: Sequence[Wanted], began: float) -> Sequence[SigningKey]:
        """New keys, as they are wanted."""
        if sum(key.state in PUBLISHED for key in self.keys) + len(asked) > MAX_PUBLISHED:
            raise RequestRefused(
                f"the key set would have more than {MAX_PUBLISHED} keys, as many as relying parties read",
                advice="Activate one that is next, or wait until retiring ones have left.",
            )
        # The private half is kept before anything tells of the key: a crash here leaves one that nobody uses, and
        # `KeyRings.clean` destroys it.
        changes: list[Change] = []
        for each in asked:
            key = replace(await self._new(each.algorithm), activate_at=each.activate_at)
            changes.append(Change("key.created", key))
            if each.at_once:
                changes += key_life.activation((), key, self._clock())
        try:
            await self._change(caller, changes, began)
        except KeysChanged:
            for kid in {change.key.kid for change in changes}:
                await to_thread(self._signer.discard_key, kid)
            raise
        return list({change.key.kid: change.key for change in changes}.values())

    async def _new(self, algorithm: str) -> SigningKey:
        return replace(await to_thread(self._signer.create_key, algorithm), organization_id=self.organization_id)

    async def _change(self, caller: Caller, changes: Sequence[Change], began: float, *, reason: str = "") -> None:
        """Record the changes and write them, all or none, if the store still has the version they were decided on."""
        if not changes:
            return
        keys = list({change.key.kid: change.key for change in changes}.values())
        async with AsyncExitStack() as recording:
            for change in changes:
                detail = {"algorithm": change.key.algorithm, "state": change.key.state.value}
                event = recorded(
                    self._audit,
                    self._clock,
                    caller,
                    change.event,
                    organization_id=self.organization_id,
                    kid=change.key.kid,
                    detail=detail | ({"reason": reason} if change.event == "key.revoked" else {}),
                )
                await recording.enter_async_context(event)
            if self._monotonic() - began > DECISION_SECONDS:
                # Its times would be those of a moment that is long gone.
                raise StoreUnavailable("the change of keys took too long to be recorded, and was not made")
            before = self._version
            if not await to_thread(self._store.change_keys, self.organization_id, keys, version=before):
                raise KeysChanged("another process changed the keys at the same moment")
        merged = self._keys | {key.kid: key for key in keys}
        self._adopt(KeysAt(before + 1, tuple(merged.values())), began)

    async def _probe(self, key: SigningKey) -> None:
        """Let the signer sign something that is no token, and verify it with the key that is published."""
        content = b"daypass: can this key sign?"
        signature = await self.sign(key, content)
        if not PublicKey.from_jwk(key.public_jwk).verifies(content, signature, algorithm=key.algorithm):
            raise KeyUnavailable(f"the signer's key `{key.kid}` is not the one that is published", kid=key.kid)

    def _named(self, kid: str) -> SigningKey:
        key = self._keys.get(kid)
        if key is None:
            raise NotFound(f"there is no key `{kid}`")
        return key

    def _adopt(self, found: KeysAt, read_at: float) -> None:
        if found.version < self._version:
            return  # a look that began before a change of ours, and ended after it
        if found.version > self._version or not self._keys:
            self._publish(found.keys)
        self._version = found.version
        self._read_at = max(self._read_at, read_at)

    def _watched(self, key: SigningKey) -> float:
        return self._monotonic() - self._seen.get(_sight(key), self._monotonic())

    def _publish(self, keys: Sequence[SigningKey]) -> None:
        ordered = sorted(keys, key=lambda key: (key.created_at, key.kid))
        signing = [key for key in ordered if key.state in (KeyState.ACTIVE, KeyState.RETIRING)]
        signing.sort(key=lambda key: (key.state is KeyState.ACTIVE, key.activated_at or key.created_at), reverse=True)
        self._keys = {key.kid: key for key in ordered}
        self._signing = {
            algorithm: [key for key in signing if key.algorithm == algorithm]
            for algorithm in key_life.signing_algorithms(ordered)
        }
        seen = self._monotonic()
        self._seen = {_sight(key): self._seen.get(_sight(key), seen) for key in ordered}
        self.published = key_life.key_set(ordered).document()
        self.published_etag = f'"{hashlib.sha256(self.published).hexdigest()[:32]}"'


def _sight(key: SigningKey) -> tuple[str, KeyState, bool]:
    """What of a key is watched: that it is in its state, and known to be published."""
    return key.kid, key.state, key.published_at is not None


def _demand_algorithm(algorithm: str) -> None:
    if algorithm not in BY_NAME:
        allowed = list(BY_NAME)
        raise RequestInvalid(
            f"`{algorithm}` is not an algorithm", advice=f"Choose from {', '.join(allowed)}.", allowed=allowed
        )
