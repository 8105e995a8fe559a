"""Bring documents to a place: key set before discovery, and never over what another has written meanwhile."""

from __future__ import annotations

from asyncio import to_thread
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import ChangedMeanwhile, DaypassError
from daypass.tokens.key_set import KeySet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.publishing.publication import Publication, PublishedObject
    from daypass.publishing.sources import Source
    from daypass.publishing.targets import Stored, Target

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Published:
    """What is at the target now: the publications, and the paths that had to be written for it, in that order.

    `found` is what was there before, by path.
    """

    publications: tuple[Publication, ...]
    written: tuple[str, ...]
    found: Mapping[str, Stored | None]

    @property
    def taken_out(self) -> list[str]:
        """The `kid`s that were there and are none of the source's now: of keys retired or revoked, or a thief's."""
        gone: list[str] = []
        for each in self.publications:
            stored = self.found.get(each.objects[0].path)
            kept = {key.kid for key in each.keys.keys}
            try:
                before = KeySet.parse(stored.body).keys if stored is not None else ()
            except DaypassError:
                continue  # it was no key set
            gone += [key.kid for key in before if key.kid not in kept]
        return gone


async def publish(source: Source, target: Target) -> Published:
    """Make the target hold what the source says; nothing is written where nothing would change.

    A write is conditional on what was at the target before the source was read for it, so whoever read an older key
    set loses against whoever wrote a newer one. Killed between two writes, it leaves a discovery document whose key
    set is there; the next run goes on.

    Raises:
        DocumentsRefused: when the documents must not be published; nothing was written.
        ChangedMeanwhile: when others write all the time.
        PublishingRefused: when the target says no.
        Unavailable: when source or target did not answer.
    """
    written: list[str] = []
    first: dict[str, Stored | None] = {}
    for _ in range(_ATTEMPTS):
        paths = [found.path for found in _objects(await source.read())]
        before = {path: await to_thread(target.read, path) for path in paths}
        first = before | first
        wanted = tuple(await source.read())
        if not before.keys() >= {found.path for found in _objects(wanted)}:
            continue
        try:
            for found in _objects(wanted):
                was = before[found.path]
                if was is None or not was.holds(found):
                    await to_thread(target.write, found, was=was)
                    written.append(found.path)
        except ChangedMeanwhile:
            continue
        return Published(wanted, tuple(written), first)
    raise ChangedMeanwhile(
        f"`{target}` was changed by others again and again", advice="Find out who else publishes there, and try again."
    )


def _objects(publications: Sequence[Publication]) -> list[PublishedObject]:
    return [found for each in publications for found in each.objects]
