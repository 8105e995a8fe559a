"""PostgreSQL: many replicas on one database. The driver is psycopg, an optional part (`daypass[postgresql]`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from daypass.errors import DatabaseUrlInvalid, PartMissing

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection
    from sqlalchemy.exc import IntegrityError

CONNECT_SECONDS: Final = 2
STATEMENT_MS: Final = 5_000
_UNIQUE_VIOLATION: Final = "23505"
_TAKEN_OVER_MS: Final = 30_000
SCHEMES: Final = ("postgresql", "postgres")
# Two numbers that no other program on the same database would take by chance: "dayp" and what is locked.
_LOCKS: Final = {"migration": (0x64617970, 1), "audit": (0x64617970, 2), "start": (0x64617970, 3)}
_PATIENCE_MS: Final = 60_000
"""How long a start waits for the start of another replica, and how long a migration may take."""


def postgresql_url(written: str) -> URL:
    """The URL of a database, for our driver. It may hold a password, which SQLAlchemy prints with stars.

    Raises:
        DatabaseUrlInvalid: when it is none, or of another kind of database. What was written is not repeated.
    """
    try:
        url = make_url(written)
    except (ArgumentError, ValueError):
        raise DatabaseUrlInvalid(
            "the URL of the database cannot be read", advice="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        ) from None
    if url.drivername not in SCHEMES:
        raise DatabaseUrlInvalid(
            f"`{url.drivername}` is not a kind of database that is supported",
            advice="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or leave the URL out for SQLite.",
        )
    if "@" in (url.host or ""):
        # The end of a password is taken for the host's name, which errors tell.
        raise DatabaseUrlInvalid(
            "the URL of the database holds an `@` too many", advice="Write `%40` for an `@` in the password."
        )
    return url.set(drivername="postgresql+psycopg")


def postgresql_engine(url: URL) -> Engine:
    """An engine. Opens nothing yet. A connection is looked at before it is used, so that a restart is survived.

    Raises:
        PartMissing: when psycopg is not installed.
    """
    # In this order so that what the URL says wins.
    query = {
        "connect_timeout": str(CONNECT_SECONDS),
        "application_name": "daypass",
        # A server that has vanished without a word is noticed, by a query under way and by a connection at rest.
        "tcp_user_timeout": str(STATEMENT_MS),
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        **url.query,
    }
    settings = (
        f"-c statement_timeout={STATEMENT_MS} -c lock_timeout={STATEMENT_MS}"
        f" -c idle_in_transaction_session_timeout={_TAKEN_OVER_MS} -c default_transaction_isolation=read\\ committed"
    )
    query.setdefault("options", settings)
    try:
        engine = create_engine(
            url.set(query=query),
            hide_parameters=True,
            pool_pre_ping=True,
            pool_size=8,
            max_overflow=8,
            pool_timeout=CONNECT_SECONDS,
        )
        from daypass.store.silence import Watched  # noqa: PLC0415 - needs the optional part
    except ModuleNotFoundError:
        raise PartMissing(
            "PostgreSQL cannot be asked: psycopg is not installed", advice="Install `daypass[postgresql]`."
        ) from None

    def connect(_dialect: object, _record: object, arguments: list[Any], named: dict[str, Any]) -> Watched:
        return Watched.connect(*arguments, **named)

    def usual(connection: Watched | None, _record: object) -> None:
        if connection is not None:  # what `patient` has changed
            connection.silent_seconds = Watched.silent_seconds

    event.listen(engine, "do_connect", connect)
    event.listen(engine, "checkin", usual)
    return engine


def is_taken(error: IntegrityError) -> bool:
    """Whether a row breaks a unique constraint."""
    return getattr(error.orig, "sqlstate", None) == _UNIQUE_VIOLATION


def patient(connection: Connection) -> None:
    """Let this transaction's statements take a minute: it is no request, and others of its kind may be before it."""
    for limit in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        connection.execute(text(f"SET LOCAL {limit} = {_PATIENCE_MS}"))
    watched: Any = connection.connection.dbapi_connection
    watched.silent_seconds = 2 * _PATIENCE_MS / 1000


def lock(connection: Connection, what: str) -> None:
    """Wait until no other replica does the same, and keep others waiting until the transaction ends."""
    first, second = _LOCKS[what]
    connection.execute(text("SELECT pg_advisory_xact_lock(:first, :second)"), {"first": first, "second": second})
