"""Key sets that were fetched, kept as long as they are good for anything."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from daypass.errors import DaypassError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from daypass.fetching.fetcher import FetchedKeys
    from daypass.names import IssuerUrl
    from daypass.tokens.key_set import KeySet

_LONG_AGO: Final = timedelta.max


class Source(Protocol):
    """Where key sets come from; `Fetcher` is one."""

    def key_set(self, issuer: IssuerUrl, thumbprints: Collection[str], /) -> Awaitable[FetchedKeys]:
        """Fetch now."""
        ...


@dataclass(slots=True)
class _Entry:
    """What is known of one issuer: its last good set, the last try and its fault, the last hunt for a kid."""

    keys: KeySet | None = None
    fetched_at: datetime | None = None
    tried_at: datetime | None = None
    fault: DaypassError | None = None
    hunted_at: datetime | None = None
    flight: asyncio.Task[None] | None = None


class KeySetCache:
    """Key sets by issuer and thumbprints; at most one fetch of each is under way.

    Thumbprints belong to the key because they decide whether the issuer is believed: keys that one owner's thumbprints
    let in are not another's, and a list that was changed counts at once.

    Args:
        source: fetches.
        clock: now, in UTC.
        max_age: a set older than this is fetched again before it is used.
        stale_age: when that fails, the last good set still serves up to this age.
        kid_interval: an unknown `kid` makes an issuer be asked again at most once in this time, so that forged kids
            cannot be turned into requests (CVE-2026-48524).
        retry_interval: after a failed fetch with nothing to serve, how long the same fault is given without asking.
        capacity: issuers remembered; the least recently used goes first.
    """

    def __init__(
        self,
        source: Source,
        clock: Callable[[], datetime],
        *,
        max_age: timedelta = timedelta(seconds=300),
        stale_age: timedelta = timedelta(hours=1),
        kid_interval: timedelta = timedelta(seconds=30),
        retry_interval: timedelta = timedelta(seconds=1),
        capacity: int = 256,
    ) -> None:
        self._source = source
        self._clock = clock
        self._max_age = max_age
        self._stale_age = stale_age
        self._kid_interval = kid_interval
        self._retry_interval = retry_interval
        self._capacity = capacity
        self._entries: OrderedDict[tuple[str, frozenset[str]], _Entry] = OrderedDict()

    async def keys(self, issuer: IssuerUrl, kid: str | None, thumbprints: Collection[str] = ()) -> KeySet:
        """The issuer's keys, with `kid` among them if the issuer publishes it and may be asked now.

        `thumbprints` are as `Fetcher.key_set` takes them.

        Raises:
            IssuerUnreachable: when there is no set that may still serve.
            AddressForbidden: likewise.
        """
        pins = frozenset(thumbprints)
        entry = self._entry(issuer.text, pins)
        asked = False
        if self._since(entry.fetched_at) >= self._max_age:
            wait = self._kid_interval if entry.keys is not None else self._retry_interval
            if entry.fault is None or self._since(entry.tried_at) >= wait:
                asked = True
                await self._fetch(issuer, pins, entry)
        if _lacks(entry, kid) and self._since(entry.hunted_at) >= self._kid_interval:
            entry.hunted_at = self._clock()
            if not asked:
                await self._fetch(issuer, pins, entry)
        if entry.keys is not None and self._since(entry.fetched_at) < self._stale_age:
            return entry.keys
        assert entry.fault is not None
        raise type(entry.fault)(entry.fault.message, advice=entry.fault.advice, **entry.fault.facts)

    def _entry(self, issuer: str, pins: frozenset[str]) -> _Entry:
        entry = self._entries.setdefault((issuer, pins), _Entry())
        self._entries.move_to_end((issuer, pins))
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return entry

    def _since(self, moment: datetime | None) -> timedelta:
        return _LONG_AGO if moment is None else self._clock() - moment

    async def _fetch(self, issuer: IssuerUrl, pins: frozenset[str], entry: _Entry) -> None:
        """Join the flight under way or start one. A caller that goes away does not end it for the others."""
        if entry.flight is None:
            entry.flight = asyncio.create_task(self._fly(issuer, pins, entry))
        await asyncio.shield(entry.flight)

    async def _fly(self, issuer: IssuerUrl, pins: frozenset[str], entry: _Entry) -> None:
        entry.tried_at = self._clock()
        try:
            fetched = await self._source.key_set(issuer, pins)
        except DaypassError as fault:
            entry.fault = fault
        else:
            entry.keys, entry.fetched_at, entry.fault = fetched.keys, self._clock(), None
        finally:
            entry.flight = None


def _lacks(entry: _Entry, kid: str | None) -> bool:
    """Whether a set is there and publishes no key of this kid, usable or not."""
    if kid is None or entry.keys is None:
        return False
    return all(published is None or published.get("kid") != kid for published in entry.keys.entries)
