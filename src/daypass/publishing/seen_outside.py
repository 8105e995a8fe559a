"""The key ring's view of what strangers get: no key signs before they have it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from daypass.errors import AddressForbidden, IssuerUnreachable
from daypass.idp.model import Sighting
from daypass.tokens.jwk import PublicKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.fetching import Fetcher
    from daypass.idp.model import SigningKey
    from daypass.names import IssuerUrl

LASTING_SECONDS: Final = 300
"""How long a look counts. The key ring looks every minute while a key waits."""


@dataclass(slots=True)
class _Seen:
    """Of one issuer: since when each key (its `kid` and thumbprint) is seen, the last good look, what went wrong."""

    since: dict[tuple[str, str], float] = field(default_factory=dict)
    looked_at: float | None = None
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
        except (IssuerUnreachable, AddressForbidden) as fault:
            seen.fault = fault.message
            return
        now = self._monotonic()
        seen.since = {
            (key.kid, key.thumbprint): seen.since.get((key.kid, key.thumbprint), now) for key in found.keys.keys
        }
        seen.looked_at, seen.fault = now, None

    def sighting(self, issuer: IssuerUrl, key: SigningKey) -> Sighting:
        """See `SeenOutside`."""
        seen = self._issuers.get(issuer.text, _Seen())
        if seen.fault is not None:
            return Sighting(None, seen.fault)
        now = self._monotonic()
        if seen.looked_at is None or now - seen.looked_at > LASTING_SECONDS:
            return Sighting(None, "nobody has looked there lately")
        since = seen.since.get((key.kid, PublicKey.from_jwk(key.public_jwk).thumbprint))
        if since is None:
            return Sighting(None, "the key set that is served there lacks it")
        return Sighting(now - since)
