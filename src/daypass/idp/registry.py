"""Organizations, projects, workloads and admin tokens: create, list, change, revoke, authenticate.

A change is checked, audited, made and answered, in that order and one at a time. The audit row comes first: a row
without its change is possible after a crash, a change without its row is not.
"""

from __future__ import annotations

from asyncio import Lock, to_thread
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from daypass.errors import (
    AlreadyExists,
    CallerRefused,
    CredentialExpired,
    CredentialUnknown,
    NotFound,
    RequestInvalid,
    RequestRefused,
    ScopeMissing,
)
from daypass.idp import aws_claims, credentials, forms, ids, rules
from daypass.idp.caller import Scope
from daypass.idp.changes import recorded, uninterrupted
from daypass.idp.index import MAX_ENTRIES, SecretIndex
from daypass.idp.model import DEFAULT_AUDIENCE, AdminToken, Organization, Project, Workload
from daypass.idp.refusals import Refusals
from daypass.subjects.registry import format_named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import datetime

    from daypass.idp.caller import Caller
    from daypass.idp.index import Changed
    from daypass.idp.limits import Limits
    from daypass.idp.model import Holder, PreviousForm
    from daypass.idp.ports import AuditLog, Clock, RegistryStore
    from daypass.secret import Secret

DEFAULT_FORMAT: Final = "daypass"


@dataclass(frozen=True, slots=True)
class NewWorkload:
    """A workload with its secret, which is shown this once."""

    workload: Workload
    secret: Secret


@dataclass(frozen=True, slots=True)
class FormPreview:
    """An organization as it is, as it would be, and some of those whose tokens would change."""

    old: Organization
    new: Organization
    workloads: tuple[tuple[Workload, Project], ...]


@dataclass(frozen=True, slots=True)
class NewAdminToken:
    """An admin token with its secret, which is shown this once."""

    token: AdminToken
    secret: Secret


class Registry:
    """The use cases of the administration, and the two authentications. `refusals` tells of those turned away.

    Every use case raises, beside what its own docstring names: `ScopeMissing` when the caller may not, `NotFound` for
    what is not there or not the caller's to see, `RequestInvalid` for a value against `daypass.idp.rules`,
    `StoreUnavailable`, and for changes `AuditUnavailable`; then nothing was changed.
    """

    def __init__(
        self,
        store: RegistryStore,
        audit: AuditLog,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        *,
        shared: bool = False,
        changed: Callable[[], None] = lambda: None,
        limits: Limits | None = None,
    ) -> None:
        """Nothing is read yet.

        `shared`: other processes write to the store, too, so memory answers for nothing. `changed` is told of every
        change of an organization or a project, for whoever else remembers them.
        """
        self._store = store
        self._audit = audit
        self._clock = clock
        self._random_bytes = random_bytes
        self._changing = Lock()
        self._changed = changed
        self._index = SecretIndex(0 if shared else MAX_ENTRIES)
        self.refusals = Refusals(audit, clock)
        self._limits = limits

    # ------------------------------------------------------------------------------------------ organizations

    @uninterrupted
    async def create_organization(
        self,
        caller: Caller,
        *,
        slug: str,
        name: str | None = None,
        token_format: str = DEFAULT_FORMAT,
        subject_claims: Sequence[str] = (),
        allow_subject_claims: Sequence[str] = (),
        audiences: Sequence[str] = (DEFAULT_AUDIENCE,),
        own_issuer: bool = False,
    ) -> Organization:
        """A new organization; its name is the slug unless given. `KeyRings.open` makes the keys of its own issuer.

        Raises:
            AlreadyExists: when the slug is taken.
            SubjectUnsafe: a subject claim is not among `allow_subject_claims` and should be; the format's subjects
                could be another organization's.
        """
        caller.require_everywhere(Scope.ORGANIZATIONS_WRITE)
        organization = Organization(
            id=ids.new_id(ids.ORGANIZATION, self._random_bytes),
            slug=rules.slug(slug),
            name=rules.name(slug if name is None else name),
            token_format=token_format,
            subject_claims=rules.subject_claims(token_format, subject_claims, allow_subject_claims),
            audiences=rules.audiences(audiences),
            created_at=self._clock(),
            own_issuer=own_issuer,
        )
        rules.nobody_elses_subjects(organization)
        async with self._changing:
            if await to_thread(self._store.organization, slug) is not None:
                raise AlreadyExists(f"there is an organization `{slug}` already", slug=slug)
            async with self._recorded(caller, "organization.created", organization.id, detail=_settings(organization)):
                await to_thread(self._store.add_organization, organization)
        return organization

    async def organizations(
        self, caller: Caller, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Organization]:
        """A page of the organizations the caller sees, in id order, those behind the id `after`."""
        caller.require(Scope.ORGANIZATIONS_READ)
        if caller.organization_id is not None:
            own = await self._organization(caller, caller.organization_id)
            return (own,) if after is None or own.id > after else ()
        return await to_thread(self._store.organizations, after=after, limit=rules.page_limit(limit))

    async def organization(self, caller: Caller, id_or_slug: str) -> Organization:
        """One organization."""
        caller.require(Scope.ORGANIZATIONS_READ)
        return await self._organization(caller, id_or_slug)

    @uninterrupted
    async def update_organization(
        self,
        caller: Caller,
        id_or_slug: str,
        *,
        name: str | None = None,
        token_format: str | None = None,
        subject_claims: Sequence[str] | None = None,
        allow_subject_claims: Sequence[str] = (),
        audiences: Sequence[str] | None = None,
        own_issuer: bool | None = None,
        either_until: datetime | None = None,
        switched: bool | None = None,
    ) -> Organization:
        """Change what is given. Another token format without subject claims falls back to that format's default.

        Until `either_until` both the form before and the new one can be asked for; who asks for none gets the one
        before, until it is `switched`.

        Raises:
            ChangedMeanwhile: when another process changed it at the same moment.
            RequestRefused: when its own issuer is to be taken away: trust in other people's accounts names it.
            ScopeMissing: also when a caller bound to one organization chooses subjects that do not begin with its id.
            SubjectUnsafe: as for a new one.
        """
        caller.require(Scope.ORGANIZATIONS_WRITE)
        async with self._changing:
            old = await self._organization(caller, id_or_slug)
            if old.own_issuer and own_issuer is False:
                raise RequestRefused(
                    f"the issuer of `{old.slug}` cannot be taken away again",
                    advice="Roles in AWS trust it by its URL. Make another organization, and move workloads there.",
                )
            if own_issuer and not old.own_issuer:
                caller.require_everywhere(Scope.ORGANIZATIONS_WRITE)
            new = replace(
                old,
                name=old.name if name is None else rules.name(name),
                audiences=old.audiences if audiences is None else rules.audiences(audiences),
                own_issuer=old.own_issuer or bool(own_issuer),
            )
            new = _reformed(caller, new, token_format, subject_claims, allow_subject_claims)
            previous = forms.after_change(old, new, self._clock(), either_until=either_until, switched=switched)
            new = replace(new, previous=previous)
            async with self._recorded(caller, "organization.updated", new.id, detail=_settings(new), forget=new):
                await to_thread(self._store.update_organization, new, was=old)
        return new

    async def preview_form(
        self,
        caller: Caller,
        id_or_slug: str,
        *,
        token_format: str | None = None,
        subject_claims: Sequence[str] | None = None,
        allow_subject_claims: Sequence[str] = (),
        limit: int = 20,
    ) -> FormPreview:
        """What `update_organization` would make of that change of form, and for whom. Nothing is changed.

        Args:
            caller: who asks.
            id_or_slug: the organization.
            token_format: as for the change.
            subject_claims: as for the change.
            allow_subject_claims: as for the change.
            limit: of how many workloads, the last made ones, 1 to 1000.

        Raises:
            ScopeMissing, SubjectUnsafe: as for the change.
        """
        caller.require(Scope.WORKLOADS_READ)
        old = await self._organization(caller, id_or_slug)
        new = _reformed(caller, old, token_format, subject_claims, allow_subject_claims)
        workloads = await to_thread(self._store.recent_workloads, old.id, limit=rules.page_limit(limit))
        projects = {
            project_id: await self._project(old, project_id) for project_id in {each.project_id for each in workloads}
        }
        return FormPreview(old, new, tuple((each, projects[each.project_id]) for each in workloads))

    @uninterrupted
    async def offer_aws_claims(
        self,
        caller: Caller,
        id_or_slug: str,
        *,
        tags: Mapping[str, str],
        transitive: Sequence[str] = (),
        source_identity: str | None = None,
    ) -> Organization:
        """Set what the organization's workloads may ask to be told to AWS, all of it anew: a fact for each tag key.

        Raises:
            ChangedMeanwhile: when another process changed it at the same moment.
        """
        caller.require(Scope.ORGANIZATIONS_WRITE)
        offered = aws_claims.checked(tags, transitive, source_identity)
        async with self._changing:
            old = await self._organization(caller, id_or_slug)
            new = replace(old, aws_claims=offered)
            detail = {
                "tags": " ".join(f"{key}={fact}" for key, fact in offered.tags),
                "transitive": " ".join(offered.transitive),
                "source_identity": offered.source_identity or "",
            }
            async with self._recorded(caller, "organization.aws-claims", new.id, detail=detail, forget=new):
                await to_thread(self._store.update_organization, new, was=old)
        return new

    # ----------------------------------------------------------------------------------------------- projects

    @uninterrupted
    async def create_project(self, caller: Caller, organization: str, *, slug: str, name: str | None = None) -> Project:
        """A new project of an organization (id or slug).

        Raises:
            AlreadyExists: when the slug is taken in that organization.
        """
        caller.require(Scope.PROJECTS_WRITE)
        async with self._changing:
            owner = await self._organization(caller, organization)
            project = Project(
                id=ids.new_id(ids.PROJECT, self._random_bytes),
                organization_id=owner.id,
                slug=rules.slug(slug),
                name=rules.name(slug if name is None else name),
                created_at=self._clock(),
            )
            if await to_thread(self._store.project, owner.id, slug) is not None:
                raise AlreadyExists(f"there is a project `{slug}` in `{owner.slug}` already", slug=slug)
            async with self._recorded(caller, "project.created", owner.id, project.id, detail={"slug": slug}):
                await to_thread(self._store.add_project, project)
        return project

    async def projects(
        self, caller: Caller, organization: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Project]:
        """A page of an organization's projects, in id order, those behind the id `after`."""
        caller.require(Scope.PROJECTS_READ)
        owner = await self._organization(caller, organization)
        return await to_thread(self._store.projects, owner.id, after=after, limit=rules.page_limit(limit))

    async def project(self, caller: Caller, organization: str, id_or_slug: str) -> Project:
        """One project."""
        caller.require(Scope.PROJECTS_READ)
        return await self._project(await self._organization(caller, organization), id_or_slug)

    @uninterrupted
    async def update_project(self, caller: Caller, organization: str, id_or_slug: str, *, name: str) -> Project:
        """Change a project's name."""
        caller.require(Scope.PROJECTS_WRITE)
        async with self._changing:
            old = await self._project(await self._organization(caller, organization), id_or_slug)
            new = replace(old, name=rules.name(name))
            event = self._recorded(
                caller, "project.updated", new.organization_id, new.id, detail={"name": new.name}, forget=new
            )
            async with event:
                await to_thread(self._store.update_project, new)
        return new

    # ---------------------------------------------------------------------------------------------- workloads

    @uninterrupted
    async def create_workload(
        self,
        caller: Caller,
        organization: str,
        project: str,
        *,
        kind: str,
        name: str | None = None,
        attributes: Mapping[str, str] | None = None,
        expires_in_seconds: int | None = None,
    ) -> NewWorkload:
        """A new workload of a project, with the secret it proves itself with; its name is its id unless given."""
        caller.require(Scope.WORKLOADS_WRITE)
        now = self._clock()
        known_kind = rules.kind(kind)
        workload_id = ids.new_id(ids.WORKLOAD[known_kind], self._random_bytes)
        secret = credentials.new_secret(credentials.WORKLOAD, self._random_bytes)
        async with self._changing:
            owner = await self._organization(caller, organization)
            parent = await self._project(owner, project)
            workload = Workload(
                id=workload_id,
                organization_id=owner.id,
                project_id=parent.id,
                kind=known_kind,
                name=rules.name(workload_id if name is None else name),
                attributes=rules.attributes(attributes or {}),
                secret_hash=credentials.secret_hash(secret),
                created_at=now,
                expires_at=_later(now, rules.expires_in(expires_in_seconds)),
            )
            detail = {
                "kind": known_kind.value,
                "name": workload.name,
                "attributes": " ".join(workload.attributes),
            }
            async with self._recorded(caller, "workload.created", owner.id, parent.id, workload.id, detail=detail):
                await to_thread(self._store.add_workload, workload)
        return NewWorkload(workload, secret)

    async def workloads(
        self, caller: Caller, organization: str, project: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Workload]:
        """A page of a project's workloads, in id order, those behind the id `after`."""
        caller.require(Scope.WORKLOADS_READ)
        parent = await self._project(await self._organization(caller, organization), project)
        return await to_thread(self._store.workloads, parent.id, after=after, limit=rules.page_limit(limit))

    async def workload(self, caller: Caller, workload_id: str) -> Workload:
        """One workload."""
        caller.require(Scope.WORKLOADS_READ)
        return await self._workload(caller, workload_id)

    @uninterrupted
    async def revoke_workload(self, caller: Caller, workload_id: str) -> Workload:
        """End a workload's secret at once. Tokens it has live until they expire. Doing it twice changes nothing."""
        caller.require(Scope.WORKLOADS_WRITE)
        async with self._changing:
            old = await self._workload(caller, workload_id)
            if old.revoked_at is not None:
                return old
            new = replace(old, revoked_at=self._clock())
            event = self._recorded(caller, "workload.revoked", new.organization_id, new.project_id, new.id, forget=new)
            async with event:
                await to_thread(self._store.update_workload, new)
        return new

    # ------------------------------------------------------------------------------------------- admin tokens

    @uninterrupted
    async def create_admin_token(
        self,
        caller: Caller,
        *,
        name: str,
        scopes: Sequence[str],
        organization: str | None = None,
        expires_in_seconds: int | None = None,
    ) -> NewAdminToken:
        """A new admin token. Nobody hands out more than they hold: not in scopes, not in reach, not in time.

        Raises:
            ScopeMissing: when it would be more.
        """
        caller.require(Scope.ADMIN_TOKENS_WRITE)
        now = self._clock()
        asked = frozenset(scopes)
        unknown = sorted(asked - {scope.value for scope in Scope})
        if unknown or not asked:
            allowed = [scope.value for scope in Scope]
            raise RequestInvalid(
                f"`{unknown[0]}` is not a scope" if unknown else "an admin token has at least one scope",
                advice=f"Choose from {', '.join(allowed)}.",
                allowed=allowed,
            )
        if exceeding := caller.exceeding(asked):
            raise ScopeMissing(f"you do not hold `{exceeding[0]}`, so you cannot hand it out", exceeding=exceeding)
        if organization is None and caller.organization_id is not None:
            raise ScopeMissing(
                "your admin token is bound to one organization, and so must be those you make",
                advice=f"Name the organization `{caller.organization_id}`.",
            )
        expires_at = _later(now, rules.expires_in(expires_in_seconds))
        if caller.expires_at is not None:
            expires_at = min(expires_at or caller.expires_at, caller.expires_at)
        secret = credentials.new_secret(credentials.ADMIN, self._random_bytes)
        async with self._changing:
            bound = None if organization is None else (await self._organization(caller, organization)).id
            token = AdminToken(
                id=ids.new_id(ids.ADMIN, self._random_bytes),
                name=rules.name(name),
                scopes=asked,
                organization_id=bound,
                secret_hash=credentials.secret_hash(secret),
                created_at=now,
                expires_at=expires_at,
            )
            detail = {"token": token.id, "name": token.name, "scopes": " ".join(sorted(asked))}
            async with self._recorded(caller, "admin-token.created", bound, detail=detail):
                await to_thread(self._store.add_admin_token, token)
        return NewAdminToken(token, secret)

    async def admin_tokens(self, caller: Caller, *, after: str | None = None, limit: int = 100) -> Sequence[AdminToken]:
        """A page of the admin tokens; for a caller bound to an organization, those bound to it."""
        caller.require(Scope.ADMIN_TOKENS_WRITE)
        return await to_thread(
            self._store.admin_tokens,
            organization_id=caller.organization_id,
            after=after,
            limit=rules.page_limit(limit),
        )

    @uninterrupted
    async def revoke_admin_token(self, caller: Caller, token_id: str) -> AdminToken:
        """End an admin token at once. Doing it twice changes nothing."""
        caller.require(Scope.ADMIN_TOKENS_WRITE)
        async with self._changing:
            old = await to_thread(self._store.admin_token, token_id)
            if old is None or caller.organization_id not in (None, old.organization_id):
                raise _missing("admin token", token_id)
            if old.revoked_at is not None:
                return old
            new = replace(old, revoked_at=self._clock())
            async with self._recorded(caller, "admin-token.revoked", new.organization_id, detail={"token": new.id}):
                await to_thread(self._store.update_admin_token, new)
        return new

    # ----------------------------------------------------------------------------------------- authentication

    async def authenticate_workload(
        self, secret: Secret, *, request_id: str, source_ip: str | None = None
    ) -> tuple[Workload, Project, Organization]:
        """Who has that secret. Whoever is turned away is audited (`Refusals`).

        From memory, but for the first time; where the store is shared, each time from there.

        Raises:
            CredentialUnknown: when nobody has it, or it was revoked; the audit row of a revoked one names its workload.
            CredentialExpired: when it was bound to a time that has passed.
            RateLimited: instead of either, when there were too many from that address.
            StoreUnavailable: when it is not in memory and the store cannot be asked.
        """
        workload = None
        try:
            presented = _presented(secret, credentials.WORKLOAD)
            holder = self._index.get(presented) or await self._find(presented)
            workload = holder.workload
            _demand_usable(workload, presented, self._clock())
        except CallerRefused as refusal:
            self._failed(source_ip)
            await self.refusals.record(
                refusal, "workload.authenticate", workload, request_id=request_id, source_ip=source_ip
            )
            raise
        return holder.workload, holder.project, holder.organization

    async def authenticate_admin(self, secret: Secret, *, request_id: str, source_ip: str | None = None) -> AdminToken:
        """The admin token with that secret. Whoever is turned away is audited (`Refusals`).

        Raises:
            CredentialUnknown: when there is none, or it was revoked; the audit row of a revoked one names it.
            CredentialExpired: when it was bound to a time that has passed.
            RateLimited: instead of either, when there were too many from that address.
        """
        token = None
        try:
            presented = _presented(secret, credentials.ADMIN)
            token = await to_thread(self._store.admin_token_by_secret, presented)
            if token is None:
                raise _unknown()
            _demand_usable(token, presented, self._clock())
        except CallerRefused as refusal:
            self._failed(source_ip)
            await self.refusals.record(refusal, "admin.authenticate", token, request_id=request_id, source_ip=source_ip)
            raise
        return token

    def _failed(self, source_ip: str | None) -> None:
        if self._limits is not None:
            self._limits.failure(source_ip)

    async def _find(self, presented: str) -> Holder:
        generation = self._index.generation
        holder = await to_thread(self._store.holder_by_secret, presented)
        if holder is None:
            raise _unknown()
        if holder.workload.revoked_at is None:
            self._index.put(holder, generation=generation)
        return holder

    # ------------------------------------------------------------------------------------------------- shared

    @asynccontextmanager
    async def _recorded(
        self,
        caller: Caller,
        event: str,
        organization_id: str | None,
        project_id: str | None = None,
        workload_id: str | None = None,
        *,
        detail: Mapping[str, str] | None = None,
        forget: Changed | None = None,
    ) -> AsyncIterator[None]:
        """Record a change, let it happen, and forget what memory knows of `forget`."""
        try:
            async with recorded(
                self._audit,
                self._clock,
                caller,
                event,
                organization_id=organization_id,
                project_id=project_id,
                workload_id=workload_id,
                detail=detail,
            ):
                yield
        finally:
            if forget is not None:
                self._index.forget(forget)
                if not isinstance(forget, Workload):
                    self._changed()

    async def _organization(self, caller: Caller, id_or_slug: str) -> Organization:
        found = await to_thread(self._store.organization, id_or_slug)
        if found is None or not caller.sees(found.id):
            raise _missing("organization", id_or_slug)
        return found

    async def _project(self, organization: Organization, id_or_slug: str) -> Project:
        found = await to_thread(self._store.project, organization.id, id_or_slug)
        if found is None:
            raise _missing("project", id_or_slug)
        return found

    async def _workload(self, caller: Caller, workload_id: str) -> Workload:
        found = await to_thread(self._store.workload, workload_id)
        if found is None or not caller.sees(found.organization_id):
            raise _missing("workload", workload_id)
        return found


def _reformed(
    caller: Caller,
    old: Organization,
    token_format: str | None,
    subject_claims: Sequence[str] | None,
    switched_on: Sequence[str],
) -> Organization:
    """The organization with another form of tokens, once it is seen that it may have it."""
    chosen = old.token_format if token_format is None else token_format
    if subject_claims is None:
        subject_claims = old.subject_claims if chosen == old.token_format else ()
    if (chosen, tuple(subject_claims)) == (old.token_format, old.subject_claims):
        switched_on = old.subject_claims  # they were switched on when they were chosen
    checked = rules.subject_claims(chosen, subject_claims, switched_on)
    new = replace(old, token_format=chosen, subject_claims=checked)
    if forms.current(new) != forms.current(old):
        rules.nobody_elses_subjects(new)
        _demand_own_subjects(caller, new)
    return new


def _demand_own_subjects(caller: Caller, organization: Organization) -> None:
    """Let only the whole issuer's administrators choose subjects that another organization's workload could have."""
    named = format_named(organization.token_format).subject.names_organization(organization.subject_claims)
    if caller.organization_id is not None and not (named or organization.own_issuer):
        raise ScopeMissing(
            "these subjects do not begin with the organization's id, so they could be another organization's",
            advice="Begin with the claim that holds it, or ask an administrator of the whole issuer.",
            token_format=organization.token_format,
        )


def _settings(organization: Organization) -> dict[str, str]:
    """What of an organization decides about tokens, for the audit row."""
    return {
        "slug": organization.slug,
        "name": organization.name,
        "token_format": organization.token_format,
        "subject_claims": " ".join(organization.subject_claims),
        "audiences": " ".join(organization.audiences),
        "own_issuer": str(organization.own_issuer).lower(),
        **({} if organization.previous is None else _period(organization.previous)),
    }


def _period(previous: PreviousForm) -> dict[str, str]:
    return {
        "previous_format": previous.token_format,
        "previous_subject_claims": " ".join(previous.subject_claims),
        "either_until": previous.until.isoformat(),
        "usual_form": "previous" if previous.usual else "current",
    }


def _later(now: datetime, seconds: int | None) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=seconds)


def _missing(what: str, name: str) -> NotFound:
    return NotFound(f"there is no {what} `{name}`")


def _unknown() -> CredentialUnknown:
    return CredentialUnknown("the credential is not known", advice="It may have been revoked; ask for a new one.")


def _presented(secret: Secret, prefix: str) -> str:
    presented = credentials.presented_hash(secret, prefix)
    if presented is None:
        raise _unknown()
    return presented


def _demand_usable(owner: Workload | AdminToken, presented: str, now: datetime) -> None:
    if owner.revoked_at is not None or not credentials.same_hash(owner.secret_hash, presented):
        raise _unknown()
    if owner.expires_at is not None and now >= owner.expires_at:
        raise CredentialExpired(
            f"the credential of `{owner.id}` expired at {owner.expires_at:%Y-%m-%dT%H:%M:%SZ}",
            advice="Ask for a new one.",
            expires_at=owner.expires_at.isoformat(),
        )
