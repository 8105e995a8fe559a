"""Which upstream tokens were exchanged, in SQL: the primary key decides who was first, over all replicas."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from daypass.store.engine import shared
from daypass.store.schema import UtcTime, exchanged_tokens

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from daypass.idp.model import TokenUse

_INSERTED_AT_ONCE: Final = 400  # of two variables each: every SQLite takes 999
_TIME: Final = UtcTime()
# SQLAlchemy has this clause for each dialect of its own, not for all.
_INSERT: Final = postgresql.insert(exchanged_tokens).on_conflict_do_nothing().returning(exchanged_tokens.c.token_key)
_FIRST_ROW: Final = str(sqlite.insert(exchanged_tokens).compile(dialect=sqlite.dialect()))
_FURTHER_ROW: Final = ", (?, ?)"
_UNLESS_THERE: Final = " ON CONFLICT DO NOTHING RETURNING token_key"


def insert_uses(connection: Connection, uses: Iterable[TokenUse]) -> Collection[str]:
    """Count those uses in the connection's transaction; the keys that nobody has used before."""
    until = {use.key: use.until for use in uses}
    # In one order everywhere, or two replicas would wait for each other.
    rows = [(key, until[key]) for key in sorted(until)]
    if not rows:
        return ()
    if shared(connection):
        return set(connection.scalars(_INSERT, [{"token_key": key, "until": at} for key, at in rows]))
    new: set[str] = set()
    # One statement for many rows, as of the audit log's.
    for first in range(0, len(rows), _INSERTED_AT_ONCE):
        some = [(key, _TIME.process_bind_param(at, connection.dialect)) for key, at in rows[first:][:_INSERTED_AT_ONCE]]
        statement = _FIRST_ROW + _FURTHER_ROW * (len(some) - 1) + _UNLESS_THERE
        new.update(connection.exec_driver_sql(statement, tuple(chain.from_iterable(some))).scalars())
    return new


def delete_uses(connection: Connection, now: datetime) -> int:
    """Let go of the uses that are past their time; how many those were."""
    return connection.execute(delete(exchanged_tokens).where(exchanged_tokens.c.until < now)).rowcount
