"""Bring documents to a place: key set before discovery, and never over what another has written meanwhile."""

from __future__ import annotations

from asyncio import to_thread
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.errors import ChangedMeanwhile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.publishing.publication import Publication
    from daypass.publishing.sources import Source
    from daypass.publishing.targets import Target

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Published:
    """What is at the target now: the publications, and the paths that had to be written for it, in that order."""

    publications: tuple[Publication, ...]
    written: tuple[str, ...]


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
    wanted = tuple(await source.read())
    written: list[str] = []
    lost: ChangedMeanwhile | None = None
    for _ in range(_ATTEMPTS):
        before = {path: await to_thread(target.read, path) for path in _paths(wanted)}
        if all(_holds(before, each) for each in wanted):
            return Published(wanted, tuple(written))
        wanted = tuple(await source.read())
        if not before.keys() >= set(_paths(wanted)):
            continue
        try:
            for each in wanted:
                for found in each.objects:
                    was = before[found.path]
                    if was is None or not was.holds(found):
                        await to_thread(target.write, found, was=was)
                        written.append(found.path)
        except ChangedMeanwhile as error:
            lost = error
            wanted = tuple(await source.read())
            continue
        return Published(wanted, tuple(written))
    raise lost or ChangedMeanwhile(f"the issuers of `{target}` change all the time", advice="Try again in a moment.")


def _paths(publications: Sequence[Publication]) -> list[str]:
    return [found.path for each in publications for found in each.objects]


def _holds(before: dict[str, object], publication: Publication) -> bool:
    from daypass.publishing.targets import Stored

    found = ((before[each.path], each) for each in publication.objects)
    return all(isinstance(stored, Stored) and stored.holds(wanted) for stored, wanted in found)
