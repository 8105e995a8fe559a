"""Who was turned away, in the audit log: at a bounded price, because anybody can be turned away at will."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypedDict

from daypass.errors import AuditUnavailable
from daypass.idp.caller import Caller
from daypass.idp.model import AdminToken, AuditEntry, Workload

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from daypass.errors import CallerRefused
    from daypass.idp.ports import AuditLog, Clock

WINDOW: Final = timedelta(minutes=1)
ROWS_PER_WINDOW: Final = 20


@dataclass(slots=True)
class _Tally:
    """How often one actor was turned away in this window, and the last time of which there is no row."""

    times: int = 0
    unwritten: AuditEntry | None = None


class Refusals:
    """Records refused callers: for each actor 20 rows a minute, then one that counts the rest.

    All whose credential is nobody's are one actor, so memory and log grow with the identities there are and not with
    the attempts. A refusal that cannot be recorded stays a refusal: nothing is given out.
    """

    def __init__(self, audit: AuditLog, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._tallies: dict[str | None, _Tally] = {}
        self._begun: datetime | None = None

    async def record(
        self,
        refusal: CallerRefused,
        event: str,
        who: Workload | AdminToken | Caller | None,
        *,
        request_id: str,
        source_ip: str | None,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Write the row of a refusal, or count it. `who` is None when nobody has the credential."""
        entry = AuditEntry(
            at=self._clock(),
            event=event,
            outcome="refused",
            request_id=request_id,
            source_ip=source_ip,
            reason=refusal.code,
            detail=detail or {},
            **_identity(who),
        )
        if self._begun is None or not self._begun <= entry.at < self._begun + WINDOW:
            await self.write_counted()
        tally = self._tallies.setdefault(entry.actor, _Tally())
        tally.times += 1
        if tally.times <= ROWS_PER_WINDOW:
            await self._append(entry)
        else:
            tally.unwritten = entry

    async def write_counted(self) -> None:
        """Begin a new window, and write what was only counted in the old one: the last refusal, with how many."""
        tallies, self._tallies, self._begun = self._tallies, {}, self._clock()
        for tally in tallies.values():
            if tally.unwritten is not None:
                counted = {"times": str(tally.times - ROWS_PER_WINDOW)}
                await self._append(replace(tally.unwritten, detail={**tally.unwritten.detail, **counted}))

    async def _append(self, entry: AuditEntry) -> None:
        with suppress(AuditUnavailable):
            await self._audit.append(entry)


class _Identity(TypedDict, total=False):
    """The members of an audit entry that tell who was turned away."""

    actor: str
    organization_id: str | None
    project_id: str
    workload_id: str


def _identity(who: Workload | AdminToken | Caller | None) -> _Identity:
    match who:
        case None:
            return {}
        case Workload():
            return {
                "actor": who.id,
                "organization_id": who.organization_id,
                "project_id": who.project_id,
                "workload_id": who.id,
            }
        case AdminToken():
            return {"actor": who.id, "organization_id": who.organization_id}
        case Caller():
            return {"actor": who.actor, "organization_id": who.organization_id}
