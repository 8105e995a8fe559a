"""The keys of upstream issuers: handed over, or fetched through the guarded way out and kept."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from daypass.errors import IssuerUnreachable
from daypass.fetching import FetchedKeys, Fetcher, KeySetCache
from daypass.idp.exchange.terms import Discovered, KeySetUrl, Pasted
from daypass.names import IssuerUrl

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from daypass.idp.exchange.connection import Connection
    from daypass.idp.ports import Clock
    from daypass.tokens.key_set import KeySet

_CAPACITY: Final = 1000


class FetchedUpstreamKeys:
    """`UpstreamKeys`: what is asked, how often, and what serves meanwhile is `KeySetCache`'s to decide.

    Connections that read from the same place on the same terms share what was fetched; nobody else's authorities or
    private addresses ever come into it.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        connect_to: Mapping[tuple[str, int], tuple[str, int]] | None = None,
        capacity: int = _CAPACITY,
    ) -> None:
        """Ask the network; `connect_to` as for `Fetcher`. The least recently used of `capacity` sources is let go."""
        self._clock = clock
        self._connect_to = connect_to or {}
        self._capacity = capacity
        self._caches: OrderedDict[Discovered | KeySetUrl, KeySetCache] = OrderedDict()

    async def keys(self, connection: Connection, kid: str | None) -> KeySet:
        """The issuer's keys, with `kid` among them if the issuer publishes it and may be asked now.

        Raises:
            IssuerUnreachable, AddressForbidden: when there are none that may serve.
        """
        source = connection.terms.keys
        if isinstance(source, Pasted):
            return source.keys
        if source not in self._caches:
            self._caches[source] = self._cache(source)
        self._caches.move_to_end(source)
        while len(self._caches) > self._capacity:
            self._caches.popitem(last=False)
        return await self._caches[source].keys(_named(source), kid)

    def _cache(self, source: Discovered | KeySetUrl) -> KeySetCache:
        host = urlsplit(source.url.text if isinstance(source, Discovered) else source.url).netloc.rpartition("@")[2]
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        fetcher = Fetcher(
            authorities=source.authorities,
            allow_private=frozenset({name}) if source.private else frozenset(),
            connect_to=self._connect_to,
        )
        return KeySetCache(fetcher if isinstance(source, Discovered) else _At(fetcher, source.url), self._clock)


class _At:
    """A key set at a fixed place: no discovery document says where it is."""

    def __init__(self, fetcher: Fetcher, url: str) -> None:
        self._fetcher = fetcher
        self._url = url

    async def key_set(self, issuer: IssuerUrl, _: Collection[str] = (), /) -> FetchedKeys:
        """See `daypass.fetching.cache.Source`."""
        return FetchedKeys(issuer.text, b"", b"", await self._fetcher.key_set_at(self._url))


def _named(source: Discovered | KeySetUrl) -> IssuerUrl:
    """What the one entry of a source's cache is called."""
    if isinstance(source, Discovered):
        return source.url
    host = urlsplit(source.url).hostname
    if host is None:
        raise IssuerUnreachable(f"`{source.url}` names no host", url=source.url, phase="url", reason="no host")
    return IssuerUrl.parse(f"https://{'[' + host + ']' if ':' in host else host}")
