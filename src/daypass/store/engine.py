"""The connection to SQLite: durable, patient, and with its errors told as ours."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from daypass.errors import AlreadyExists, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS: Final = 5_000

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",  # readers do not wait for the writer
    "PRAGMA synchronous = FULL",  # a commit that returned is on disk, also after power loss
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA trusted_schema = OFF",
)


def open_engine(path: Path) -> Engine:
    """An engine for the database file `path`. Opens nothing yet."""
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN is the only one
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once, whatever the busy timeout, when somebody else has
    # written in between (SQLITE_BUSY_SNAPSHOT); one that begins as a writer waits for its turn.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection to read with.

    Raises:
        StoreUnavailable: when the database does not answer.
    """
    with _told(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that is committed on leaving.

    Raises:
        AlreadyExists: when a row breaks a unique constraint.
        StoreUnavailable: when the database does not take it.
    """
    with _told(), engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if getattr(error.orig, "sqlite_errorcode", None) in (
            sqlite3.SQLITE_CONSTRAINT_UNIQUE,
            sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
        ):
            raise AlreadyExists("there is one with this id, slug or secret already") from None
        raise unavailable(error) from None
    except SQLAlchemyError as error:
        raise unavailable(error) from None


def unavailable(error: SQLAlchemyError) -> StoreUnavailable:
    """What SQLite says, without the statement and its values."""
    reason = str(error.orig) if isinstance(error, DBAPIError) else type(error).__name__
    return StoreUnavailable(
        f"the database did not answer: {reason}", advice="Look at the disk of the data folder.", reason=reason
    )
