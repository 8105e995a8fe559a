"""The life of signing keys as decisions: which step is due, what it changes. Values in, values out.

next → active → retiring → retired; a key that is revoked is retired at once. A step is one set of changed keys that is
written in one transaction, so no state between two steps exists anywhere.

Time is told twice. `now` is compared with the times in the store. `watched` says for how many seconds this process
itself has seen a key in its state, on a clock that does not jump: a wall clock that is a day ahead must not take a key
out of use whose tokens live, nor let one sign that no cache has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from daypass.idp.model import KeyState
from daypass.tokens.algorithms import BY_NAME
from daypass.tokens.jwk import PublicKey
from daypass.tokens.key_set import KeySet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import datetime

    from daypass.idp.key_times import KeyTimes
    from daypass.idp.model import SigningKey

PUBLISHED: Final = (KeyState.NEXT, KeyState.ACTIVE, KeyState.RETIRING)
"""The states in which a key is in the key set."""


def key_set(keys: Iterable[SigningKey]) -> KeySet:
    """What of these keys is published, oldest first."""
    ordered = sorted(keys, key=lambda key: (key.created_at, key.kid))
    return KeySet(PublicKey.from_jwk(key.public_jwk) for key in ordered if key.state in PUBLISHED)


def signing_algorithms(keys: Iterable[SigningKey]) -> tuple[str, ...]:
    """The algorithms with an active key, in the order RS256 first."""
    active = {key.algorithm for key in keys if key.state is KeyState.ACTIVE}
    return tuple(algorithm for algorithm in BY_NAME if algorithm in active)


@dataclass(frozen=True, slots=True)
class Change:
    """One key as it is to be from now on, and the event that says so."""

    event: str
    key: SigningKey


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key that has to be made.

    `activate_at` is when it takes its turn, None when somebody will say; `at_once` when it signs as soon as it is made.
    """

    algorithm: str
    activate_at: datetime | None
    at_once: bool = False


def may_sign_at(key: SigningKey, times: KeyTimes) -> datetime | None:
    """When every cache that follows the key set's `max-age` has the key; None while it is not known to be published."""
    return None if key.published_at is None else key.published_at + times.least_publish


def next_step_at(key: SigningKey, times: KeyTimes) -> datetime | None:
    """When something happens to the key without anybody asking; None for never."""
    match key.state:
        case KeyState.NEXT:
            ready_at = may_sign_at(key, times)
            return None if key.activate_at is None or ready_at is None else max(key.activate_at, ready_at)
        case KeyState.ACTIVE:
            return None if times.rotation is None or key.activated_at is None else key.activated_at + times.rotation
        case KeyState.RETIRING:
            return None if key.retiring_at is None else key.retiring_at + times.keep_after
        case KeyState.RETIRED:
            return None


def wanted(keys: Sequence[SigningKey], algorithms: Iterable[str], times: KeyTimes, now: datetime) -> list[Wanted]:
    """The keys that have to be made now.

    An issuer whose keys have never signed needs one of each algorithm at once: nobody has its key set. An algorithm
    that joins others waits until its key is known. An active key whose turn ends soon needs one that follows it.
    """
    if all(key.activated_at is None for key in keys):
        return [Wanted(algorithm, None, at_once=True) for algorithm in algorithms]
    found = []
    for algorithm in algorithms:
        mine = [key for key in keys if key.algorithm == algorithm]
        if any(key.state is KeyState.NEXT for key in mine):
            continue
        active = next((key for key in mine if key.state is KeyState.ACTIVE), None)
        if active is None:
            found.append(Wanted(algorithm, now + times.least_publish))
        elif times.rotation is not None and active.activated_at is not None:
            turn_ends = active.activated_at + times.rotation
            if now >= turn_ends - times.publish_before:
                found.append(Wanted(algorithm, max(turn_ends, now + times.publish_before)))
    return found


def planned(keys: Sequence[SigningKey], times: KeyTimes, now: datetime) -> list[Change]:
    """Keys made by hand that take the turn which would else need another one."""
    if times.rotation is None:
        return []
    changes = []
    for active in (key for key in keys if key.state is KeyState.ACTIVE and key.activated_at is not None):
        waiting = [key for key in keys if key.algorithm == active.algorithm and key.state is KeyState.NEXT]
        assert active.activated_at is not None
        turn_ends = active.activated_at + times.rotation
        if waiting and now >= turn_ends - times.publish_before and all(key.activate_at is None for key in waiting):
            changes.append(Change("key.planned", replace(waiting[0], activate_at=turn_ends)))
    return changes


def due(
    keys: Sequence[SigningKey],
    times: KeyTimes,
    now: datetime,
    watched: Callable[[SigningKey], float],
    waiting: Collection[str] = (),
) -> list[Change]:
    """The first step that is due, or nothing. The keys `waiting` (their `kid`s) do not take their turn yet."""
    unconfirmed = [key for key in keys if key.state in PUBLISHED and key.published_at is None]
    if unconfirmed:
        # Read back from the store, so it was committed before now; its own `created_at` may be long before its commit.
        return [Change("key.published", replace(key, published_at=now)) for key in unconfirmed]
    if changes := planned(keys, times, now):
        return changes
    for key in keys:
        step_at = next_step_at(key, times)
        if step_at is None or now < step_at:
            continue
        if key.state is KeyState.NEXT and watched(key) >= times.least_publish.total_seconds():
            if key.kid in waiting:
                continue
            return activation(keys, key, now)
        if key.state is KeyState.RETIRING and watched(key) >= times.least_keep.total_seconds():
            return [Change("key.retired", replace(key, state=KeyState.RETIRED, retired_at=now))]
    return []


def activation(keys: Iterable[SigningKey], key: SigningKey, now: datetime) -> list[Change]:
    """`key` signs from now on, and the one that did so before stays published."""
    # A token's `iat` has whole seconds, and must not be before its key's activation.
    at = now.replace(microsecond=0)
    previous = [each for each in keys if each.algorithm == key.algorithm and each.state is KeyState.ACTIVE]
    return [
        Change(
            "key.activated",
            replace(key, state=KeyState.ACTIVE, activated_at=at, published_at=key.published_at or now),
        ),
        *(Change("key.retiring", replace(each, state=KeyState.RETIRING, retiring_at=at)) for each in previous),
    ]


def revocation(keys: Sequence[SigningKey], key: SigningKey, follower: SigningKey | None, now: datetime) -> list[Change]:
    """`key` leaves the key set at once; `follower` signs in its place when it was active."""
    gone = Change("key.revoked", replace(key, state=KeyState.RETIRED, retired_at=now, revoked_at=now))
    if follower is None:
        return [gone]
    others = [each for each in keys if each.kid != key.kid]
    return [gone, *activation(others, follower, now)]
