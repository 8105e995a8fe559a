"""The key ring's view of what strangers get: no key signs before they have it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from daypass.errors import DaypassError
from daypass.idp.key_times import LOOK_SECONDS
from daypass.idp.model import Sighting
from daypass.publishing.findings import cache_seconds, cached_for
from daypass.tokens.jwk import PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.fetching import Fetcher
    from daypass.idp.model import SigningKey
    from daypass.names import IssuerUrl

_MOST_SECONDS: Final = 31_536_000
_Name = tuple[str, str, str]
"""A key's `kid`, its thumbprint, and an algorithm that it may verify."""


@dataclass(slots=True)
class _Seen:
    """Of one issuer: since when each key is seen, the last good look and what caches may do by it, what went wrong."""

    since: dict[_Name, float] = field(default_factory=dict)
    looked_at: float | None = None
    cached_seconds: int = 0
    fault: str | None = None


class KeysSeenOutside:
    """`SeenOutside`, through the guarded way out."""

    def __init__(self, fetcher: Fetcher, monotonic: Callable[[], float]) -> None:
        """Nothing is looked at yet.

        Args:
            fetcher: with no more rights than strangers have.
            monotonic: seconds on a clock that does not jump.
        """
        self._fetcher = fetcher
        self._monotonic = monotonic
        self._issuers: dict[str, _Seen] = {}

    async def look(self, issuer: IssuerUrl) -> None:
        """See `SeenOutside`."""
        seen = self._issuers.setdefault(issuer.text, _Seen())
        try:
            found = await self._fetcher.key_set(issuer)
        except DaypassError as fault:
            seen.fault = fault.message
            return
        except Exception as fault:  # noqa: BLE001 (the steps of all other issuers' keys would stop with it)
            seen.fault = f"a fault in Daypass itself: {type(fault).__name__}"
            return
        now = self._monotonic()
        # What was served while nobody looked for so long, nobody knows, and caches may have it.
        since = seen.since if seen.looked_at is not None and now - seen.looked_at <= LOOK_SECONDS else {}
        names = [(key.kid, key.thumbprint, name) for key in found.keys.keys for name in key.algorithms]
        seen.since = {name: since.get(name, now) for name in names}
        seen.cached_seconds = min(max(cache_seconds(found.headers) or 0, cached_for(found.headers)), _MOST_SECONDS)
        seen.looked_at, seen.fault = now, None

    def sighting(self, issuer: IssuerUrl, key: SigningKey) -> Sighting:
        """See `SeenOutside`."""
        seen = self._issuers.get(issuer.text, _Seen())
        if seen.fault is not None:
            return Sighting(None, seen.fault)
        now = self._monotonic()
        if seen.looked_at is None or now - seen.looked_at > LOOK_SECONDS:
            return Sighting(None, "nobody has looked there lately")
        since = seen.since.get((key.kid, PublicKey.from_jwk(key.public_jwk).thumbprint, key.algorithm))
        if since is None:
            return Sighting(None, "the key set that is served there lacks it")
        return Sighting(now - since, cached_seconds=seen.cached_seconds)
