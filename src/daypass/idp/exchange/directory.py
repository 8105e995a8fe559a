"""Which connections take an issuer's tokens, and what they belong to: from memory, where that is exact."""

from __future__ import annotations

from asyncio import to_thread
from typing import TYPE_CHECKING, Final

from daypass.errors import ConnectionUnknown, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.idp.exchange.connection import Connection
    from daypass.idp.model import Organization, Project
    from daypass.idp.ports import ConnectionStore, RegistryStore

MAX_ENTRIES: Final = 10_000


class Directory:
    """Look-ups of the exchange.

    What was found is remembered until `forget`, which every change of a connection, a project or an organization
    calls: one process owns the data. Where several do (`shared`), each look-up asks the store. What was not found is
    never remembered, so that strangers cannot fill the memory; and a look-up that began before a change and ends after
    it is kept out by the generation.
    """

    def __init__(self, registry: RegistryStore, connections: ConnectionStore, *, shared: bool = False) -> None:
        self._registry = registry
        self._store = connections
        self._shared = shared
        self._generation = 0
        self._connections: dict[tuple[str, str | None], Sequence[Connection]] = {}
        self._homes: dict[tuple[str, str], tuple[Organization, Project]] = {}

    def forget(self) -> None:
        """Something has changed."""
        self._generation += 1
        self._connections.clear()
        self._homes.clear()

    async def connections(self, issuer: str, organization: str | None) -> Sequence[Connection]:
        """The connections to that issuer, of one organization (id or slug) or of all.

        Raises:
            ConnectionUnknown: when there is no such organization.
        """
        found = self._connections.get((issuer, organization))
        if found is None:
            generation = self._generation
            found = await to_thread(self._find, issuer, organization)
            if found and generation == self._generation and self._has_room(len(self._connections)):
                self._connections[issuer, organization] = found
        return found

    async def home(self, connection: Connection) -> tuple[Organization, Project]:
        """What a connection belongs to.

        Raises:
            NotFound: when it is not there any more.
        """
        key = (connection.organization_id, connection.project_id)
        found = self._homes.get(key)
        if found is None:
            generation = self._generation
            found = await to_thread(self._home, *key)
            if generation == self._generation and self._has_room(len(self._homes)):
                self._homes[key] = found
        return found

    def _has_room(self, entries: int) -> bool:
        return not self._shared and entries < MAX_ENTRIES

    def _find(self, issuer: str, organization: str | None) -> Sequence[Connection]:
        organization_id = None
        if organization is not None:
            named = self._registry.organization(organization)
            if named is None:
                raise ConnectionUnknown("there is no such organization")
            organization_id = named.id
        return self._store.connections_of_issuer(issuer, organization_id=organization_id)

    def _home(self, organization_id: str, project_id: str) -> tuple[Organization, Project]:
        organization = self._registry.organization(organization_id)
        project = self._registry.project(organization_id, project_id)
        if organization is None or project is None:
            raise NotFound("the connection's project is not there any more")
        return organization, project
