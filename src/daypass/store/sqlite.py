"""SQLite: one process, one file, no server. Durable, and patient with a backup that reads meanwhile."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection
    from sqlalchemy.exc import IntegrityError
    from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS: Final = 5_000

_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",  # readers do not wait for the writer
    "PRAGMA synchronous = FULL",  # a commit that returned is on disk, also after power loss
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA trusted_schema = OFF",
)
_TWICE: Final = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)


def sqlite_engine(path: Path, *, reads_only: bool = False) -> Engine:
    """An engine for the database file `path`. Opens nothing yet. With `reads_only` no statement writes."""
    engine = create_engine(URL.create("sqlite", database=str(path)), hide_parameters=True)
    event.listen(engine, "connect", _prepare_to_read if reads_only else _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def is_taken(error: IntegrityError) -> bool:
    """Whether a row breaks a unique constraint."""
    return getattr(error.orig, "sqlite_errorcode", None) in _TWICE


def _prepare(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # SQLAlchemy's BEGIN is the only one
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _prepare_to_read(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # The file itself is opened to be written: a database in WAL mode needs the files beside it, also to be read.
    connection.isolation_level = None
    for pragma in ("PRAGMA query_only = ON", f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}", "PRAGMA trusted_schema = OFF"):
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once, whatever the busy timeout, when somebody else has
    # written in between (SQLITE_BUSY_SNAPSHOT); one that begins as a writer waits for its turn.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")
