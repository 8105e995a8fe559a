"""Tombstones: a `sub` once issued is never given to another thing, also when its first owner is long gone.

Asked for every token, before it is signed. The store is asked when a subject is new here, or was last looked up some
minutes ago; what it says is committed before the token leaves, and of several replicas the first wins.
"""

from __future__ import annotations

from asyncio import to_thread
from collections import OrderedDict
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from daypass.errors import NotFound, RequestRefused, SubjectTaken
from daypass.idp.caller import Scope
from daypass.idp.changes import recorded, uninterrupted
from daypass.idp.key_times import MAX_TOKEN_LIFETIME_SECONDS
from daypass.idp.model import IssuedSubject
from daypass.idp.rules import page_limit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from daypass.idp.caller import Caller
    from daypass.idp.ports import AuditLog, Clock, RegistryStore, SubjectStore

MAX_ENTRIES: Final = 100_000
KNOWN_SECONDS: Final = 300
"""How long a replica goes by what it has read. Another may have released the subject meanwhile."""
RELEASE_SECONDS: Final = MAX_TOKEN_LIFETIME_SECONDS + KNOWN_SECONDS
"""From a release until somebody else can have the subject: by then no token of its old owner lives."""


class SubjectLedger:
    """Whose every issued subject is."""

    def __init__(
        self,
        subjects: SubjectStore,
        registry: RegistryStore,
        audit: AuditLog,
        clock: Clock,
        *,
        max_entries: int = MAX_ENTRIES,
    ) -> None:
        self._subjects = subjects
        self._registry = registry
        self._audit = audit
        self._clock = clock
        self._max_entries = max_entries
        self._known: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    def knows(self, issuer: str, subject: str, owner: str, now: float) -> bool:
        """Whether it is known here, without asking the store, that the subject is that owner's. `now` in seconds."""
        known = self._known.get((issuer, subject))
        return known is not None and known[0] == owner and now < known[1]

    async def demand(self, issuer: str, subject: str, owner: str, *, organization_id: str, now: datetime) -> None:
        """Make sure that the subject is `owner`'s, from now on if nobody had it.

        Args:
            issuer: whose tokens it is in.
            subject: the `sub`.
            owner: from `daypass.subjects.identity.owner_of`.
            organization_id: who may release it.
            now: the time of issuing.

        Raises:
            SubjectTaken: when it was given to something else, or was released and is not free yet.
            StoreUnavailable: when that is not known.
        """
        seconds = now.timestamp()
        if self.knows(issuer, subject, owner, seconds):
            return
        wanted = IssuedSubject(issuer, subject, owner, organization_id, now)
        kept = await to_thread(self._subjects.claim, wanted)
        if kept.released_at is not None:
            free_at = kept.released_at + timedelta(seconds=RELEASE_SECONDS)
            if now < free_at:
                raise SubjectTaken(
                    f"the subject `{subject}` was released, and is free from {free_at:%Y-%m-%dT%H:%M:%SZ} on",
                    advice="Ask again then: no token of its former owner will be alive.",
                    subject=subject,
                    free_at=free_at.isoformat(),
                )
            if not await to_thread(self._subjects.change_subject, wanted, was=kept):
                kept = await to_thread(self._subjects.claim, wanted)
            else:
                kept = wanted
        if kept.owner != owner or kept.released_at is not None:
            self._known.pop((issuer, subject), None)
            raise SubjectTaken(
                f"the subject `{subject}` was given to something else before",
                advice="What trusts it would trust this too. Use a name that was never used, or a token format whose"
                " subject holds ids; or, when nothing trusts it any more, let an administrator give it free:"
                " daypass subject release ORG SUBJECT",
                subject=subject,
            )
        if len(self._known) >= self._max_entries:
            self._known.popitem(last=False)
        self._known[issuer, subject] = (owner, seconds + KNOWN_SECONDS)

    async def issued(
        self, caller: Caller, organization: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[IssuedSubject]:
        """A page of the subjects that an organization's workloads were given, by their text, behind `after`."""
        caller.require(Scope.ORGANIZATIONS_READ)
        organization_id = await self._organization(caller, organization)
        return await to_thread(self._subjects.issued_subjects, organization_id, after=after, limit=page_limit(limit))

    @uninterrupted
    async def release(
        self, caller: Caller, organization: str, *, issuer: str, subject: str, reason: str
    ) -> IssuedSubject:
        """Let a subject be somebody else's, after `RELEASE_SECONDS`. Nobody is given it meanwhile.

        Args:
            caller: who says so, with the scope `organizations:write`.
            organization: whose it is, id or slug.
            issuer: in whose tokens.
            subject: the `sub`.
            reason: for the audit log.

        Raises:
            NotFound: when it is none of that organization's.
            RequestRefused: when somebody else changed it at the same moment.
        """
        caller.require(Scope.ORGANIZATIONS_WRITE)
        organization_id = await self._organization(caller, organization)
        kept = await to_thread(self._subjects.issued_subject, issuer, subject)
        if kept is None or kept.organization_id != organization_id:
            raise NotFound(f"no workload of the organization was ever given the subject `{subject[:255]}`")
        if kept.released_at is not None:
            return kept
        released = replace(kept, released_at=self._clock())
        detail = {"issuer": issuer, "subject": subject, "owner": kept.owner, "reason": reason[:1000]}
        async with recorded(
            self._audit, self._clock, caller, "subject.released", organization_id=organization_id, detail=detail
        ):
            if not await to_thread(self._subjects.change_subject, released, was=kept):
                raise RequestRefused("somebody else changed it at the same moment", advice="Look at it again.")
            self._known.pop((issuer, subject), None)
        return released

    async def _organization(self, caller: Caller, id_or_slug: str) -> str:
        """Its id; of one that is not there any more only by that id, and only for whoever may see all."""
        found = await to_thread(self._registry.organization, id_or_slug)
        if found is None and caller.organization_id is None:
            return id_or_slug
        if found is None or not caller.sees(found.id):
            raise NotFound(f"there is no organization `{id_or_slug}`")
        return found.id
