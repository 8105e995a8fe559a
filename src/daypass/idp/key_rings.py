"""The issuers of this installation and their keys: the root issuer, and one per organization that has its own.

An organization's issuer is `<root issuer>/o/<slug>`. Its workloads keep asking at the root's address: whose token it is
decides the organization, never the path.
"""

from __future__ import annotations

import time
from asyncio import Lock, Semaphore, gather, to_thread
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from daypass.errors import IssuerUrlInvalid, KeyUnavailable, NotFound, RequestInvalid
from daypass.idp.caller import Caller, Scope
from daypass.idp.key_life import PUBLISHED
from daypass.idp.key_ring import KeyRing
from daypass.idp.key_times import KeyTimes
from daypass.names import IssuerUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from daypass.idp.model import AuditRecord, Organization, SigningKey
    from daypass.idp.ports import AuditLog, Clock, KeyStore, RegistryStore, SeenOutside, Signer

ORGANIZATIONS: Final = "o"
"""The path segment below the root issuer that organizations' issuers are in."""
ORPHAN_SECONDS: Final = 600
"""A private key that no key of the store belongs to is destroyed when it was seen so for this long. Its maker would
have told the store within `DECISION_SECONDS`."""
LOOKS_AT_ONCE: Final = 8
"""Issuers that are looked at from outside at the same time."""
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Issuing:
    """An issuer: its URL, which is `iss`, and its keys. `slug` is None for the root issuer."""

    url: IssuerUrl
    key_ring: KeyRing
    slug: str | None = None


def organization_issuer(root: IssuerUrl, slug: str) -> IssuerUrl:
    """The URL of an organization's own issuer.

    Raises:
        IssuerUrlInvalid: when that is none, because it is too long.
    """
    return IssuerUrl.parse(f"{root.text.removesuffix('/')}/{ORGANIZATIONS}/{slug}")


class KeyRings:
    """All issuers.

    Attributes:
        root: the issuer of the settings.
        times: how long each part of a key's life takes, for all of them.
    """

    def __init__(  # noqa: PLR0917 (the ports, in the order of `KeyRing`)
        self,
        url: IssuerUrl,
        store: KeyStore,
        registry: RegistryStore,
        signer: Signer,
        clock: Clock,
        audit: AuditLog,
        *,
        algorithms: Sequence[str],
        times: KeyTimes | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        outside: SeenOutside | None = None,
    ) -> None:
        """Nothing is read yet; `load` does. Arguments as for `KeyRing`, which is made with them."""
        self.times = times or KeyTimes()
        self._store = store
        self._registry = registry
        self._signer = signer
        self._audit = audit
        self._monotonic = monotonic
        self._outside = outside
        self._make_ring = partial(
            KeyRing, store, signer, clock, audit, algorithms=algorithms, times=self.times, monotonic=monotonic
        )
        self.root = Issuing(url, self._new_ring(url))
        self._by_id: dict[str, Issuing] = {}
        self._by_slug: dict[str, Issuing] = {}
        self._opening = Lock()
        self._orphans: dict[str, float] = {}

    def __iter__(self) -> Iterator[Issuing]:
        yield self.root
        yield from list(self._by_id.values())

    # ------------------------------------------------------------------------------------------------ reading

    async def load(self) -> None:
        """Read all keys, and make the first ones of issuers that have none.

        Raises:
            StoreUnavailable, AuditUnavailable, KeyUnavailable: when that cannot be done.
        """
        await self.root.key_ring.load()
        await self.root.key_ring.advance()
        await self.refresh()
        after: str | None = None
        while page := await to_thread(self._registry.organizations, after=after, limit=_PAGE):
            for organization in page:
                if organization.own_issuer:  # a crash between the organization and its keys
                    await self.open(organization)
            after = page[-1].id

    async def refresh(self) -> None:
        """Read again what has changed since; one small query when nothing has.

        Raises:
            StoreUnavailable: when the store does not answer; what was read before stays, and grows stale.
        """
        began = self._monotonic()
        versions = await to_thread(self._store.versions)
        for organization_id, version in versions.items():
            if organization_id is None:
                ring = self.root.key_ring
            elif organization_id in self._by_id:
                ring = self._by_id[organization_id].key_ring
            else:
                organization = await to_thread(self._registry.organization, organization_id)
                if organization is None:
                    continue
                ring = self._add(organization).key_ring
            if not ring.unchanged(version, began):
                await ring.refresh()

    def of(self, organization: Organization) -> Issuing:
        """The issuer of an organization's tokens.

        Raises:
            KeyUnavailable: when it has its own and its keys are not known here (`open` finds or makes them).
        """
        if not organization.own_issuer:
            return self.root
        issuing = self._by_id.get(organization.id)
        if issuing is None:
            raise KeyUnavailable(
                f"the keys of the issuer of `{organization.slug}` are not known here yet",
                advice="Try again in a few seconds.",
            )
        return issuing

    def at(self, slug: str) -> Issuing:
        """The issuer at `/o/<slug>`, from memory: strangers ask for it.

        Raises:
            NotFound: when there is none.
        """
        issuing = self._by_slug.get(slug)
        if issuing is None:
            raise NotFound(f"there is no issuer at `/{ORGANIZATIONS}/{slug}`")
        return issuing

    def url_of(self, slug: str) -> IssuerUrl:
        """What the issuer of the organization `slug` is, or would be.

        Raises:
            RequestInvalid: when that is no issuer URL, because it is too long.
        """
        try:
            return organization_issuer(self.root.url, slug)
        except IssuerUrlInvalid as error:
            raise RequestInvalid(f"`{slug}` cannot have its own issuer: {error.facts['reason']}") from None

    async def demand_url(self, id_or_slug: str) -> None:
        """See that an organization, if it is there, can have an issuer of its own.

        Raises:
            RequestInvalid: when its URL would be too long.
        """
        organization = await to_thread(self._registry.organization, id_or_slug)
        if organization is not None:
            self.url_of(organization.slug)

    async def named(self, id_or_slug: str | None) -> Issuing:
        """The issuer that an administrator of all keys names: an organization's own, or (None) the root issuer.

        Raises:
            NotFound: when there is no such organization.
            RequestInvalid: when it has no issuer of its own.
        """
        if id_or_slug is None:
            return self.root
        organization = await to_thread(self._registry.organization, id_or_slug)
        if organization is None:
            raise NotFound(f"there is no organization `{id_or_slug}`")
        if not organization.own_issuer:
            raise RequestInvalid(
                f"the organization `{organization.slug}` has no issuer of its own",
                advice="Its tokens are signed with the root issuer's keys.",
            )
        return await self.open(organization)

    def holding(self, kid: str) -> Issuing:
        """The issuer that the key `kid` belongs to.

        Raises:
            NotFound: when there is no such key.
        """
        for issuing in self:
            if issuing.key_ring.key(kid) is not None:
                return issuing
        raise NotFound(f"there is no key `{kid}`")

    async def find(self, kid: str) -> Issuing:
        """As `holding`, and looks into the store for a key that memory does not know: another process may have made it.

        Raises:
            NotFound: when there is no such key.
        """
        try:
            return self.holding(kid)
        except NotFound:
            await self.refresh()
            return self.holding(kid)

    # ----------------------------------------------------------------------------------------------- changing

    async def open(self, organization: Organization) -> Issuing:
        """The issuer of an organization that has its own; its first keys are made when it has none. At most 1 s each.

        Raises:
            StoreUnavailable, AuditUnavailable, KeyUnavailable: when that cannot be done.
        """
        issuing = self._by_id.get(organization.id)
        if issuing is not None and issuing.key_ring.algorithms:
            return issuing
        async with self._opening:
            issuing = self._by_id.get(organization.id)
            if issuing is None or not issuing.key_ring.algorithms:
                ring = self._new_ring(self.url_of(organization.slug), organization.id)
                await ring.advance()  # served only when it can sign
                issuing = self._add(organization, ring)
            return issuing

    async def advance(self) -> Sequence[SigningKey]:
        """Make all steps of all issuers that are due; what changed. The failure of one issuer's does not stop the rest.

        Raises:
            StoreUnavailable, AuditUnavailable, KeyUnavailable: the first failure, when the rest is done.
        """
        await self._look_outside()
        changed: list[SigningKey] = []
        failure: Exception | None = None
        for issuing in self:
            try:
                changed += await issuing.key_ring.advance()
            except Exception as error:  # noqa: BLE001 (raised again below)
                failure = failure or error
        if failure is not None:
            raise failure
        return changed

    async def _look_outside(self) -> None:
        """Some at a time: an outage costs seconds for each issuer."""
        looking = Semaphore(LOOKS_AT_ONCE)

        async def look(ring: KeyRing) -> None:
            async with looking:
                await ring.look_outside()

        await gather(*(look(issuing.key_ring) for issuing in self))

    async def clean(self) -> Sequence[str]:
        """Destroy private keys that nothing needs: of retired keys, and of those that a crash left untold. Their ids.

        Raises:
            StoreUnavailable, KeyUnavailable: when the store or the signer does not answer.
        """
        here = await to_thread(self._signer.kids)
        await self.refresh()
        needed = {key.kid for issuing in self for key in issuing.key_ring.keys if key.state in PUBLISHED}
        now = self._monotonic()
        self._orphans = {kid: self._orphans.get(kid, now) for kid in here if kid not in needed}
        gone = [kid for kid, since in self._orphans.items() if now - since >= ORPHAN_SECONDS]
        for kid in gone:
            await to_thread(self._signer.discard_key, kid)
        return gone

    def signed(
        self, caller: Caller, kid: str, *, since: datetime | None = None, after: int = 0, limit: int = _PAGE
    ) -> Sequence[AuditRecord]:
        """A page of the audit rows of tokens that the key signed, oldest first. Run it in a thread.

        Args:
            caller: who asks.
            kid: the key.
            since: only those issued then or later.
            after: only those behind that sequence number.
            limit: rows of the page.

        Raises:
            ScopeMissing: when the caller may not.
            AuditUnavailable: when the rows cannot be read.
        """
        caller.require_everywhere(Scope.AUDIT_READ)
        found: list[AuditRecord] = []
        while len(found) < limit:
            page = self._audit.entries(after=after, limit=_PAGE, kid=kid)
            found += [
                record
                for record in page
                if record.entry.outcome == "issued" and (since is None or record.entry.at >= since)
            ]
            if len(page) < _PAGE:
                break
            after = page[-1].sequence
        return found[:limit]

    def _new_ring(self, url: IssuerUrl, organization_id: str | None = None) -> KeyRing:
        outside = None if self._outside is None else (url, self._outside)
        return self._make_ring(organization_id=organization_id, outside=outside)

    def _add(self, organization: Organization, ring: KeyRing | None = None) -> Issuing:
        url = self.url_of(organization.slug)
        key_ring = ring or self._new_ring(url, organization.id)
        issuing = Issuing(url, key_ring, organization.slug)
        self._by_id[organization.id] = self._by_slug[organization.slug] = issuing
        return issuing
