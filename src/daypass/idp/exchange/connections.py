"""Connections: create, list, change, delete, try out, and read whom they turned away."""

from __future__ import annotations

from asyncio import Lock, to_thread
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daypass.errors import AlreadyExists, NotFound, RequestInvalid, RequestRefused
from daypass.idp import ids, rules
from daypass.idp.caller import Scope
from daypass.idp.changes import recorded, uninterrupted
from daypass.idp.exchange.connection import Connection
from daypass.idp.exchange.tenancy import demand_owner
from daypass.idp.exchange.terms import Pasted
from daypass.idp.exchange.terms_document import read_terms, terms_document
from daypass.tokens import strict_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from daypass.idp.caller import Caller
    from daypass.idp.exchange.directory import Directory
    from daypass.idp.exchange.exchange import Exchange
    from daypass.idp.exchange.judge import Verdict
    from daypass.idp.exchange.terms import Terms
    from daypass.idp.model import AuditRecord, Organization
    from daypass.idp.ports import AuditLog, Clock, ConnectionStore, RegistryStore
    from daypass.secret import Secret
    from daypass.tokens.strict_json import JsonValue

MAX_CONNECTIONS: Final = 200
"""Connections of one organization: the keys of all organizations' issuers share one memory (`FetchedUpstreamKeys`)."""
_PAGE: Final = 1000


class Connections:
    """The use cases. Each raises, beside what its own docstring names, what those of `Registry` raise."""

    def __init__(
        self,
        *,
        registry: RegistryStore,
        connections: ConnectionStore,
        exchange: Exchange,
        directory: Directory,
        audit: AuditLog,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        private_hosts: AbstractSet[str] = frozenset(),
    ) -> None:
        """`private_hosts` as for `FetchedUpstreamKeys`."""
        self._registry = registry
        self._connections = connections
        self._exchange = exchange
        self._directory = directory
        self._audit = audit
        self._clock = clock
        self._random_bytes = random_bytes
        self._private_hosts = private_hosts
        self._changing = Lock()

    @uninterrupted
    async def create(
        self, caller: Caller, organization: str, *, name: str, project: str, terms: Mapping[str, JsonValue]
    ) -> Connection:
        """A new connection of an organization for one of its projects.

        Raises:
            RequestInvalid: for terms that say too little, or name an audience the organization does not offer.
            AlreadyExists: when the name is taken.
            RequestRefused: when the organization has as many as it may.
        """
        caller.require(Scope.CONNECTIONS_WRITE)
        async with self._changing:
            owner = await self._organization(caller, organization)
            home = await to_thread(self._registry.project, owner.id, project)
            if home is None:
                raise NotFound(f"there is no project `{project}`")
            connection = Connection(
                id=ids.new_id(ids.CONNECTION, self._random_bytes),
                organization_id=owner.id,
                project_id=home.id,
                name=rules.slug(name),
                terms=self._checked(terms, owner),
                created_at=self._clock(),
            )
            if await to_thread(self._connections.connection, owner.id, name) is not None:
                raise AlreadyExists(f"there is a connection `{name}` in `{owner.slug}` already", name=name)
            there = await to_thread(self._connections.connections, owner.id, limit=MAX_CONNECTIONS)
            if len(there) >= MAX_CONNECTIONS:
                raise RequestRefused(
                    f"`{owner.slug}` has {MAX_CONNECTIONS} connections, as many as an organization may",
                    advice="Delete those that nobody uses.",
                )
            async with self._recorded(caller, "connection.created", connection):
                await to_thread(self._connections.add_connection, connection)
        return connection

    async def connections(
        self, caller: Caller, organization: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Connection]:
        """A page of an organization's connections, in id order, those behind the id `after`."""
        caller.require(Scope.CONNECTIONS_READ)
        owner = await self._organization(caller, organization)
        return await to_thread(self._connections.connections, owner.id, after=after, limit=rules.page_limit(limit))

    async def connection(self, caller: Caller, organization: str, id_or_name: str) -> Connection:
        """One connection."""
        caller.require(Scope.CONNECTIONS_READ)
        return await self._connection(await self._organization(caller, organization), id_or_name)

    @uninterrupted
    async def update(
        self,
        caller: Caller,
        organization: str,
        id_or_name: str,
        *,
        terms: Mapping[str, JsonValue] | None = None,
        enabled: bool | None = None,
    ) -> Connection:
        """Change terms, all of them, or switch the connection off or on. It holds at once.

        `issuer` and `identity` stay: they say what a workload's id, and so its subject, is made of.

        Raises:
            RequestInvalid: as for `create`.
        """
        caller.require(Scope.CONNECTIONS_WRITE)
        async with self._changing:
            owner = await self._organization(caller, organization)
            old = await self._connection(owner, id_or_name)
            disabled_at = old.disabled_at
            if enabled is not None:
                disabled_at = None if enabled else old.disabled_at or self._clock()
            new = replace(
                old, terms=old.terms if terms is None else self._checked(terms, owner), disabled_at=disabled_at
            )
            _demand_same_workloads(old, new)
            async with self._recorded(caller, "connection.updated", new):
                await to_thread(self._connections.update_connection, new, was=old)
        return new

    @uninterrupted
    async def delete(self, caller: Caller, organization: str, id_or_name: str) -> None:
        """Take a connection away. Its id, and so its workloads' subjects, are never given to another."""
        caller.require(Scope.CONNECTIONS_WRITE)
        async with self._changing:
            old = await self._connection(await self._organization(caller, organization), id_or_name)
            async with self._recorded(caller, "connection.deleted", old):
                await to_thread(self._connections.remove_connection, old.id)

    async def try_out(self, caller: Caller, organization: str, id_or_name: str, token: Secret) -> Verdict:
        """What a connection makes of a token, told in full. Nothing is given out, and no use of it is counted.

        Raises:
            TokenMalformed, TokenTooLarge: when it is no JWT.
            Unavailable: when the issuer's keys cannot be had.
        """
        caller.require(Scope.CONNECTIONS_WRITE)
        connection = await self._connection(await self._organization(caller, organization), id_or_name)
        return await self._exchange.try_out(connection, token)

    async def refusals(
        self, caller: Caller, organization: str, id_or_name: str, *, limit: int = 100
    ) -> Sequence[AuditRecord]:
        """Whom a connection turned away, newest first, with rule, claim, expected and received."""
        caller.require(Scope.CONNECTIONS_READ)
        connection = await self._connection(await self._organization(caller, organization), id_or_name)
        return await to_thread(self._refusals, connection, rules.page_limit(limit))

    def _refusals(self, connection: Connection, limit: int) -> Sequence[AuditRecord]:
        found: list[AuditRecord] = []
        after = 0
        while page := self._audit.entries(after=after, limit=_PAGE, organization_id=connection.organization_id):
            found += [
                record
                for record in page
                if record.entry.outcome in {"refused", "failed"} and connection.id in _concerned(record)
            ]
            found = found[-limit:]
            after = page[-1].sequence
        return found[::-1]

    @asynccontextmanager
    async def _recorded(self, caller: Caller, event: str, connection: Connection) -> AsyncIterator[None]:
        """Record a change, let it happen, and let nobody remember how it was before."""
        detail = {
            "connection_id": connection.id,
            "connection": connection.name,
            "enabled": str(connection.disabled_at is None).lower(),
            "terms": strict_json.dump(terms_document(connection.terms)).decode(),
        }
        try:
            async with recorded(
                self._audit,
                self._clock,
                caller,
                event,
                organization_id=connection.organization_id,
                project_id=connection.project_id,
                detail=detail,
            ):
                yield
        finally:
            self._directory.forget()

    async def _organization(self, caller: Caller, id_or_slug: str) -> Organization:
        found = await to_thread(self._registry.organization, id_or_slug)
        if found is None or not caller.sees(found.id):
            raise NotFound(f"there is no organization `{id_or_slug}`")
        return found

    def _checked(self, document: Mapping[str, JsonValue], organization: Organization) -> Terms:
        terms = read_terms(document)
        foreign = [audience for audience in terms.audiences if audience not in organization.audiences]
        if foreign or not terms.audiences:
            raise RequestInvalid(
                f"the organization does not offer the audience `{foreign[0]}`" if foreign else "`audiences` names none",
                advice=f"Offered: {', '.join(organization.audiences) or 'none'}.",
                members=["audiences"],
                offered=list(organization.audiences),
            )
        demand_owner(terms)
        keys = terms.keys
        if not isinstance(keys, Pasted) and keys.private and keys.host not in self._private_hosts:
            raise RequestInvalid(
                f"the operator does not let connections lead to a private address of `{keys.host}`",
                advice="Hand the keys over instead, or ask the operator to add the host to `exchange_private_hosts`.",
                members=["keys"],
            )
        return terms

    async def _connection(self, organization: Organization, id_or_name: str) -> Connection:
        found = await to_thread(self._connections.connection, organization.id, id_or_name)
        if found is None:
            raise NotFound(f"there is no connection `{id_or_name}`")
        return found


def _concerned(record: AuditRecord) -> Sequence[str]:
    """The ids of the connections that a row tells of: one, or all that were tried."""
    detail = record.entry.detail
    return [detail.get("connection_id", ""), *detail.get("connections", "").split(" ")]


def _demand_same_workloads(old: Connection, new: Connection) -> None:
    """Refuse a change by which project 7 of one issuer would get the subject of project 7 of another."""
    for term in ("issuer", "identity"):
        if getattr(new.terms, term) != getattr(old.terms, term):
            raise RequestInvalid(
                f"the `{term}` of a connection stays as it is: other workloads would get the subjects of its own",
                advice="Make a new connection, and delete this one.",
                members=[term],
            )
