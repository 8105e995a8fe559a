"""Keep what is published as it should be: publish what has changed, look from outside, say what is wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from daypass.errors import DaypassError
from daypass.publishing.findings import Code, Gravity
from daypass.publishing.outside import look
from daypass.publishing.publish import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daypass.fetching import Fetcher
    from daypass.publishing.findings import Finding
    from daypass.publishing.publication import Publication
    from daypass.publishing.publish import Published
    from daypass.publishing.sources import Source
    from daypass.publishing.targets import Target

JITTER: Final = 0.1
"""Each wait is up to this part longer or shorter, so that many publishers do not ask at once."""
STOP_SECONDS: Final = 10.0
"""How long a check under way may go on when the watch is to end."""
SLOW_SECONDS: Final = 120.0
"""A check that takes so long is an alarm, each time: something does not answer, and nobody watches meanwhile."""
LOOKS_AT_ONCE: Final = 8
CACHED: Final = frozenset({Code.KEY_MISSING, Code.DISCOVERY_DIFFERS, Code.NOT_SERVED})
"""What a cache may still show of a moment before our last write; an unknown key only when it once was ours."""


class Report(Protocol):
    """Takes an event: its name, whether somebody has to act, and what it is about."""

    def __call__(self, event: str, *, alarm: bool, **facts: object) -> None:
        """Take one."""
        ...


class Watch:
    """Checks again and again, until it is stopped. No failure ends it."""

    def __init__(
        self,
        source: Source,
        target: Target | None,
        fetcher: Fetcher | None,
        report: Report,
        *,
        interval_seconds: float,
        monotonic: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        """Nothing is done yet.

        Args:
            source: what is to be published.
            target: where; None only looks.
            fetcher: looks from outside; None does not look.
            report: takes what happens.
            interval_seconds: between the ends and beginnings of checks.
            monotonic: seconds on a clock that does not jump.
            random: a number from 0 to 1.
        """
        self._source = source
        self._target = target
        self._fetcher = fetcher
        self._report = report
        self._interval = interval_seconds
        self._monotonic = monotonic
        self._random = random
        self._written_at: float | None = None
        self._well: bool | None = None
        self._bodies: dict[str, bytes] = {}
        # Issuers and thumbprints: a thief may take the `kid` of a key that has left.
        self._once_ours: set[tuple[str, str | None]] = set()

    async def run(self, stopped: asyncio.Event) -> None:
        """Check until `stopped`; a check under way has some seconds to end, so that no publication is left half-way."""
        stopping = asyncio.create_task(stopped.wait())
        while not stopping.done():
            checking = asyncio.create_task(self.check())
            while not (checking.done() or stopping.done()):
                done, _ = await asyncio.wait(
                    {checking, stopping}, timeout=SLOW_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    self._report("slow", alarm=True, seconds=SLOW_SECONDS)
            if not checking.done():
                await asyncio.wait({checking}, timeout=STOP_SECONDS)
                checking.cancel()
            await asyncio.wait({checking})
            if not checking.cancelled() and (fault := checking.exception()) is not None:
                # It may pass, and a watch that has ended finds no thief. A fault's message may hold a secret.
                self._well = False
                self._report("fault", alarm=True, reason=type(fault).__name__)
            pause = self._interval * (1 + JITTER * (2 * self._random() - 1))
            await asyncio.wait({stopping}, timeout=pause)

    async def check(self) -> bool:
        """Publish what has changed, and look; whether all is well."""
        well = True
        publications: Sequence[Publication] = ()
        try:
            if self._target is None:
                publications = await self._source.read()
            else:
                done = await publish(self._source, self._target)
                publications = done.publications
                well = self._keep(done) and not done.refused
                for refusal in done.refused.values():
                    self._not_published(refusal)
        except DaypassError as error:
            well = False
            self._not_published(error)
            # What was published before is looked at all the same, when the source still answers.
            try:
                publications = await self._source.read()
            except DaypassError:
                publications = ()
        self._once_ours |= {(each.issuer.text, key.thumbprint) for each in publications for key in each.keys.keys}
        for found in await self._look(publications):
            well = self._tell(found, publications) and well
        if well and not self._well:
            self._report("well", alarm=False, issuers=[each.issuer.text for each in publications])
        self._well = well
        return well

    def _not_published(self, error: DaypassError) -> None:
        self._report("not_published", alarm=True, code=error.code, reason=error.message, advice=error.advice)

    async def _look(self, publications: Sequence[Publication]) -> list[Finding]:
        if self._fetcher is None:
            return []
        fetcher, looking = self._fetcher, asyncio.Semaphore(LOOKS_AT_ONCE)

        async def one(wanted: Publication) -> list[Finding]:
            async with looking:
                return await look(fetcher, wanted)

        return [found for each in await asyncio.gather(*map(one, publications)) for found in each]

    def _keep(self, done: Published) -> bool:
        """Tell of what was written, and of what another had put in its place; whether that was nobody."""
        left = {
            found.path: found.body
            for each in done.publications
            for found in each.objects
            if each.folder not in done.refused or found.path in done.written
        }
        foreign = [
            path
            for path in done.written
            if path in self._bodies and ((was := done.found[path]) is None or was.body != self._bodies[path])
        ]
        if foreign:
            # Without this, whoever writes there for a minute at a time would never be heard of.
            self._report("changed_by_another", alarm=True, target=str(self._target), paths=foreign)
        if done.written:
            self._written_at = self._monotonic()
            kids = [key.kid for each in done.publications for key in each.keys.keys]
            self._report(
                "published",
                alarm=False,
                target=str(self._target),
                written=list(done.written),
                kids=kids,
                taken_out=done.taken_out,
            )
        self._bodies |= left
        return not foreign

    def _tell(self, found: Finding, publications: Sequence[Publication]) -> bool:
        """Tell of a finding; whether all is well in spite of it."""
        max_age = max(each.max_age_seconds for each in publications)
        fresh = self._written_at is not None and self._monotonic() - self._written_at <= max_age
        cached = found.code in CACHED or (found.issuer, found.thumbprint) in self._once_ours
        if found.gravity is Gravity.DRIFT and cached and fresh and found.code is not Code.KEY_DIFFERS:
            self._report("not_seen_yet", alarm=False, **found.to_json())
            return False
        self._report(found.gravity.value, alarm=found.gravity is not Gravity.WARNING, **found.to_json())
        return found.gravity is Gravity.WARNING
