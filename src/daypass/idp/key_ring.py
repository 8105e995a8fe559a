"""The signing keys: which one signs, which ones are published, when they leave.

A key is next (published, not signing), active (one per algorithm), retiring (published, its tokens still live) and
retired (gone from the key set). The key set is made when keys change and served from memory.
"""

from __future__ import annotations

import hashlib
from asyncio import Lock, to_thread
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from daypass.errors import AlgorithmNotOffered, KeyUnavailable, NotFound, RequestInvalid, RequestRefused
from daypass.idp.caller import Caller, Scope
from daypass.idp.changes import recorded, uninterrupted
from daypass.idp.model import KeyState
from daypass.tokens.algorithms import BY_NAME
from daypass.tokens.jwk import PublicKey
from daypass.tokens.key_set import KeySet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from daypass.idp.model import SigningKey
    from daypass.idp.ports import AuditLog, Clock, KeyStore, Signer

KEY_SET_MAX_AGE_SECONDS: Final = 300
"""How long a cache may keep the key set: the `max-age` it is served with."""
MAX_TOKEN_LIFETIME_SECONDS: Final = 3600
"""The longest that any token lives."""
RETIRING: Final = timedelta(seconds=MAX_TOKEN_LIFETIME_SECONDS + KEY_SET_MAX_AGE_SECONDS) + timedelta(hours=6)
"""How long a key stays published after its last signature: longest token, cache age, and a margin for relying parties
that keep key sets longer than they are told (how long AWS STS does is not documented)."""

PUBLISHED_FIRST: Final = timedelta(seconds=KEY_SET_MAX_AGE_SECONDS + 60)
"""How long a key is published before it signs: until no cache holds the key set of before, and a minute for clocks."""

MAX_PUBLISHED: Final = 100
"""Keys in the key set: as many of one type as AWS reads (IAM, OIDC providers), and far below what others download."""

_PUBLISHED: Final = (KeyState.NEXT, KeyState.ACTIVE, KeyState.RETIRING)


def may_retire(key: SigningKey, now: datetime) -> bool:
    """Whether no token of that retiring key can be alive anywhere."""
    return key.state is KeyState.RETIRING and key.retiring_at is not None and now >= key.retiring_at + RETIRING


def may_sign(key: SigningKey, now: datetime) -> bool:
    """Whether every cache that follows the key set's `max-age` has that key by now."""
    return now >= key.created_at + PUBLISHED_FIRST


class KeyRing:
    """The keys of one issuer.

    Attributes:
        published: the key set as served: all keys that are next, active or retiring.
        published_etag: its entity tag, quoted (RFC 9110 section 8.8.3).
    """

    published: bytes
    published_etag: str

    def __init__(self, store: KeyStore, signer: Signer, clock: Clock, audit: AuditLog) -> None:
        self._store = store
        self._signer = signer
        self._clock = clock
        self._audit = audit
        self._changing = Lock()
        self._keys: dict[str, SigningKey] = {}
        self._active: dict[str, SigningKey] = {}
        self._publish({})

    async def load(self) -> None:
        """Read the keys, check that the signer can use every active one, and retire those whose time has come.

        Raises:
            StoreUnavailable: when they cannot be read.
            KeyUnavailable: when the signer cannot use one.
        """
        keys = {key.kid: key for key in await to_thread(self._store.keys)}
        for key in keys.values():
            if key.state is KeyState.ACTIVE:
                await self._probe(key)
        self._publish(keys)
        await self.retire_due(Caller.operator(request_id="start"))

    async def ensure(self, algorithms: Sequence[str]) -> None:
        """Create the first key of each algorithm that has no active one, and activate it.

        A new issuer's keys sign at once. An algorithm that joins others waits until its key has been published for
        long enough: call again then.
        """
        operator = Caller.operator(request_id="ensure")
        new_issuer = not self._active
        for algorithm in algorithms:
            if algorithm not in self._active:
                waiting = [key for key in self.keys if (key.algorithm, key.state) == (algorithm, KeyState.NEXT)]
                key = waiting[0] if waiting else await self.create(operator, algorithm)
                if new_issuer or may_sign(key, self._clock()):
                    await self.activate(operator, key.kid, at_once=new_issuer)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms with an active key, in the order RS256 first."""
        return tuple(algorithm for algorithm in BY_NAME if algorithm in self._active)

    @property
    def keys(self) -> Sequence[SigningKey]:
        """All keys, also retired ones, oldest first."""
        return sorted(self._keys.values(), key=lambda key: (key.created_at, key.kid))

    def active(self, algorithm: str) -> SigningKey:
        """The key that signs with `algorithm`.

        Raises:
            AlgorithmNotOffered: when there is none; `offered` among the facts.
        """
        key = self._active.get(algorithm)
        if key is None:
            raise AlgorithmNotOffered(
                f"no key of this issuer signs with `{algorithm}`",
                advice=f"Offered: {', '.join(self.algorithms) or 'none'}.",
                offered=list(self.algorithms),
            )
        return key

    @uninterrupted
    async def create(self, caller: Caller, algorithm: str) -> SigningKey:
        """A new key in state NEXT, published at once.

        Raises:
            ScopeMissing: when the caller may not.
            RequestInvalid: for an algorithm there is not.
            RequestRefused: when the key set is full.
            KeyUnavailable: when the signer did not make it.
        """
        caller.require_everywhere(Scope.KEYS_WRITE)
        if algorithm not in BY_NAME:
            allowed = list(BY_NAME)
            raise RequestInvalid(
                f"`{algorithm}` is not an algorithm", advice=f"Choose from {', '.join(allowed)}.", allowed=allowed
            )
        async with self._changing:
            if sum(key.state in _PUBLISHED for key in self._keys.values()) >= MAX_PUBLISHED:
                raise RequestRefused(
                    f"the key set has {MAX_PUBLISHED} keys, as many as relying parties read",
                    advice="Activate one that is next, or wait until retiring ones have left.",
                )
            # The private half is kept before anything tells of the key: a crash here leaves a file that nobody uses.
            key = await to_thread(self._signer.create_key, algorithm)
            await self._change(caller, "key.created", key, new=True)
        return key

    @uninterrupted
    async def activate(self, caller: Caller, kid: str, *, at_once: bool = False) -> SigningKey:
        """Sign with `kid` from now on; the key that did so before is retiring and stays published.

        Args:
            caller: who asks.
            kid: the key.
            at_once: do not wait until it has been published for long enough. Relying parties that keep the key set as
                long as they may refuse its first tokens: better than going on with a key that has leaked.

        Raises:
            ScopeMissing: when the caller may not.
            NotFound: when there is no such key.
            RequestRefused: when it is not in state NEXT, or was published too short a time ago.
            KeyUnavailable: when the signer cannot use it.
        """
        caller.require_everywhere(Scope.KEYS_WRITE)
        async with self._changing:
            key = self._keys.get(kid)
            if key is None:
                raise NotFound(f"there is no key `{kid}`")
            if key.state is not KeyState.NEXT:
                raise RequestRefused(
                    f"the key `{kid}` is {key.state.value}; only one that is next can be activated",
                    advice="Create a new key and activate that one.",
                    state=key.state.value,
                )
            now = self._clock()
            if not at_once and not may_sign(key, now):
                ready_at = key.created_at + PUBLISHED_FIRST
                raise RequestRefused(
                    f"the key `{kid}` is published for less than {PUBLISHED_FIRST.total_seconds():.0f} seconds",
                    advice=f"Activate it after {ready_at:%Y-%m-%dT%H:%M:%SZ}. If the active key has leaked, activate it"
                    " at once: tokens may be refused until relying parties fetch the key set again.",
                    ready_at=ready_at.isoformat(),
                )
            await self._probe(key)
            previous = self._active.get(key.algorithm)
            # In this order a crash in between leaves two active keys, both published; `_publish` takes the younger.
            activated = replace(key, state=KeyState.ACTIVE, activated_at=now)
            await self._change(caller, "key.activated", activated)
            if previous is not None:
                await self._change(caller, "key.retiring", replace(previous, state=KeyState.RETIRING, retiring_at=now))
        return activated

    @uninterrupted
    async def retire_due(self, caller: Caller) -> Sequence[SigningKey]:
        """Take those retiring keys out of the key set whose last token has died everywhere (`may_retire`)."""
        caller.require_everywhere(Scope.KEYS_WRITE)
        retired = []
        async with self._changing:
            now = self._clock()
            for key in self.keys:
                if key.state is KeyState.ACTIVE and key is not self._active[key.algorithm]:
                    superseded = replace(key, state=KeyState.RETIRING, retiring_at=now)
                    await self._change(caller, "key.retiring", superseded)
                elif may_retire(key, now):
                    gone = replace(key, state=KeyState.RETIRED, retired_at=now)
                    await self._change(caller, "key.retired", gone)
                    retired.append(gone)
        return retired

    async def sign(self, key: SigningKey, signing_input: bytes) -> bytes:
        """The JWS signature. The caller names the key, because the signing input already holds its `kid`.

        Raises:
            KeyUnavailable: when the signer cannot use it.
        """
        signature = self._signer.sign(key.kid, signing_input)
        return signature if isinstance(signature, bytes) else await signature

    async def _change(self, caller: Caller, event: str, key: SigningKey, *, new: bool = False) -> None:
        write = self._store.add_key if new else self._store.update_key
        detail = {"algorithm": key.algorithm, "state": key.state.value}
        async with recorded(self._audit, self._clock, caller, event, kid=key.kid, detail=detail):
            await to_thread(write, key)
        self._publish(self._keys | {key.kid: key})

    async def _probe(self, key: SigningKey) -> None:
        """Let the signer sign something that is no token, and verify it with the key that is published."""
        content = b"daypass: can this key sign?"
        signature = await self.sign(key, content)
        if not PublicKey.from_jwk(key.public_jwk).verifies(content, signature, algorithm=key.algorithm):
            raise KeyUnavailable(f"the signer's key `{key.kid}` is not the one that is published", kid=key.kid)

    def _publish(self, keys: dict[str, SigningKey]) -> None:
        ordered = sorted(keys.values(), key=lambda key: (key.created_at, key.kid))
        public = KeySet(PublicKey.from_jwk(key.public_jwk) for key in ordered if key.state in _PUBLISHED)
        active = [key for key in ordered if key.state is KeyState.ACTIVE]
        self._keys = keys
        self._active = {
            key.algorithm: key for key in sorted(active, key=lambda key: key.activated_at or key.created_at)
        }
        self.published = public.document()
        self.published_etag = f'"{hashlib.sha256(self.published).hexdigest()[:32]}"'
