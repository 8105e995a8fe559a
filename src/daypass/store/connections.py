"""Connections of the exchange, in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update

from daypass.errors import ChangedMeanwhile, NotFound
from daypass.idp.exchange.connection import Connection
from daypass.idp.exchange.terms_document import read_terms, terms_document
from daypass.store.engine import reading, writing
from daypass.store.schema import connections

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine, Row, Select


class SqlConnectionStore:
    """A `ConnectionStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_connection(self, connection: Connection) -> None:
        """See `ConnectionStore`, as of all methods here."""
        with writing(self._engine) as database:
            database.execute(insert(connections).values(_row(connection)))

    def update_connection(self, connection: Connection, *, was: Connection) -> None:  # noqa: D102
        mine = connections.c.id == connection.id
        with writing(self._engine) as database:
            row = database.execute(select(connections).where(mine).with_for_update()).one_or_none()
            if row is None:
                raise NotFound(f"there is no `{connection.id}`")
            if _connection(row) != was:
                raise ChangedMeanwhile(
                    f"the connection `{was.name}` was changed by somebody else at the same moment",
                    advice="Look at it again, then repeat the change.",
                )
            database.execute(update(connections).where(mine).values(_row(connection)))

    def remove_connection(self, connection_id: str) -> None:  # noqa: D102
        with writing(self._engine) as database:
            gone = database.execute(delete(connections).where(connections.c.id == connection_id))
        if gone.rowcount != 1:
            raise NotFound(f"there is no `{connection_id}`")

    def connection(self, organization_id: str, id_or_name: str) -> Connection | None:  # noqa: D102
        named = or_(connections.c.id == id_or_name, connections.c.name == id_or_name)
        found = self._all(select(connections).where(connections.c.organization_id == organization_id, named))
        return found[0] if found else None

    def connections(  # noqa: D102
        self, organization_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Connection]:
        query = select(connections).where(connections.c.organization_id == organization_id)
        if after is not None:
            query = query.where(connections.c.id > after)
        return self._all(query.limit(limit))

    def connections_of_issuer(self, issuer: str, *, organization_id: str | None) -> Sequence[Connection]:  # noqa: D102
        query = select(connections).where(connections.c.issuer == issuer)
        if organization_id is not None:
            query = query.where(connections.c.organization_id == organization_id)
        return self._all(query)

    def _all(self, query: Select[Any]) -> Sequence[Connection]:
        try:
            with reading(self._engine) as database:
                return [_connection(row) for row in database.execute(query.order_by(connections.c.id))]
        except NotFound:
            return []


def _row(connection: Connection) -> dict[str, object]:
    return {
        "id": connection.id,
        "organization_id": connection.organization_id,
        "project_id": connection.project_id,
        "name": connection.name,
        "issuer": connection.terms.issuer,
        "terms": terms_document(connection.terms),
        "created_at": connection.created_at,
        "disabled_at": connection.disabled_at,
    }


def _connection(row: Row[Any]) -> Connection:
    return Connection(
        id=row.id,
        organization_id=row.organization_id,
        project_id=row.project_id,
        name=row.name,
        terms=read_terms(row.terms),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
    )
