"""Bring documents to a place: key set before discovery, and never over what another has written meanwhile."""

from __future__ import annotations

from asyncio import to_thread
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from daypass.errors import ChangedMeanwhile, DaypassError, PublishingRefused
from daypass.tokens.key_set import KeySet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daypass.publishing.publication import Publication
    from daypass.publishing.sources import Source
    from daypass.publishing.targets import Stored, Target

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Published:
    """What is at the target now: the publications, and the paths that had to be written for it, in that order.

    `found` is what was there before, by path. `refused` are the place's refusals by the issuer's folder: nothing more
    was written of that one.
    """

    publications: tuple[Publication, ...]
    written: tuple[str, ...]
    found: Mapping[str, Stored | None]
    refused: Mapping[str, PublishingRefused] = field(default_factory=dict)

    @property
    def taken_out(self) -> list[str]:
        """The `kid`s of keys that were there and are none of the source's now: retired or revoked, or a thief's.

        Also one of ours, when other material had its name.
        """
        gone: list[str] = []
        for each in self.publications:
            stored = self.found.get(each.objects[0].path)
            kept = {(key.kid, key.thumbprint) for key in each.keys.keys}
            try:
                # As AWS reads it: a name that is there twice hides no key.
                before = KeySet.parse(stored.body, duplicates="last").keys if stored is not None else ()
            except DaypassError:
                continue  # it was no key set
            gone += [key.kid for key in before if (key.kid, key.thumbprint) not in kept]
        return gone


async def publish(source: Source, target: Target) -> Published:
    """Make the target hold what the source says; nothing is written where nothing would change.

    A write is conditional on what was at the target before the source was read for it, so whoever read an older key
    set loses against whoever wrote a newer one. Killed between two writes, it leaves a discovery document whose key
    set is there; the next run goes on. Where the target says no to one issuer's documents, the others' are published
    all the same: who may make an organization must not be able to stop a revocation at the root issuer.

    Raises:
        DocumentsRefused: when the documents must not be published; nothing was written.
        ChangedMeanwhile: when others write all the time.
        PublishingRefused: when the target says no to all of it.
        Unavailable: when source or target did not answer.
    """
    written: list[str] = []
    first: dict[str, Stored | None] = {}
    for _ in range(_ATTEMPTS):
        before: dict[str, Stored | None] = {}
        refused: dict[str, PublishingRefused] = {}
        asked = set()
        for each in await source.read():
            asked |= {found.path for found in each.objects}
            with _one_by_one(each, refused):
                before |= {found.path: await to_thread(target.read, found.path) for found in each.objects}
        first = before | first
        wanted = tuple(await source.read())
        if not asked >= {found.path for each in wanted for found in each.objects}:
            continue
        try:
            for each in wanted:
                if each.folder in refused:
                    continue
                with _one_by_one(each, refused):
                    for found in each.objects:
                        was = before[found.path]
                        if was is None or not was.holds(found):
                            await to_thread(target.write, found, was=was)
                            written.append(found.path)
        except ChangedMeanwhile:
            continue
        if refused and refused.keys() >= {each.folder for each in wanted} and not written:
            raise next(iter(refused.values()))
        return Published(wanted, tuple(written), first, refused)
    raise ChangedMeanwhile(
        f"`{target}` was changed by others again and again", advice="Find out who else publishes there, and try again."
    )


@contextmanager
def _one_by_one(publication: Publication, refused: dict[str, PublishingRefused]) -> Iterator[None]:
    """Keep the target's refusal of one issuer's documents apart from the others'."""
    try:
        yield
    except PublishingRefused as refusal:
        refused[publication.folder] = refusal
