"""Open the database and bring it up to date: SQLite in the data folder, this process's alone, or PostgreSQL."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, Self, final

from daypass import files
from daypass.errors import StoreUnavailable
from daypass.store.audit import SqlAuditLog
from daypass.store.connections import SqlConnectionStore
from daypass.store.engine import shared, writing
from daypass.store.keys import SqlKeyStore
from daypass.store.migrating import demand_current, migrate
from daypass.store.postgresql import lock, patient, postgresql_engine, postgresql_url
from daypass.store.registry import SqlRegistryStore
from daypass.store.sqlite import sqlite_engine
from daypass.store.subjects import SqlSubjectStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy import Engine

    from daypass.secret import Secret

DATABASE: Final = "daypass.db"
_BESIDE: Final = ("-wal", "-shm", "-journal")
_LOCK_TIMEOUT_SECONDS: Final = 5.0


@final
class Store:
    """The open database; a context manager.

    Attributes:
        shared: whether other replicas write to it too. Otherwise it is this process's alone.
    """

    registry: Final[SqlRegistryStore]
    keys: Final[SqlKeyStore]
    connections: Final[SqlConnectionStore]
    subjects: Final[SqlSubjectStore]
    audit: Final[SqlAuditLog]

    def __init__(self, engine: Engine, audit: SqlAuditLog, closing: ExitStack) -> None:
        self.registry = SqlRegistryStore(engine)
        self.keys = SqlKeyStore(engine)
        self.connections = SqlConnectionStore(engine)
        self.subjects = SqlSubjectStore(engine)
        self.audit = audit
        self.shared: Final = shared(engine)
        self._engine = engine
        self._closing = closing

    @contextmanager
    def starting(self) -> Iterator[None]:
        """One replica after the other: what a start finds missing, it makes, and the next one finds it made.

        Raises:
            StoreUnavailable: when another one's start takes more than a minute, or the database does not answer.
        """
        if not self.shared:
            yield  # the folder is this process's alone
            return
        with writing(self._engine) as connection:
            patient(connection)
            lock(connection, "start")
            yield

    def close(self) -> None:
        """Let the running commit end, close the database, give the folder free. Doing it twice is harmless."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def open_store(path: Path) -> Store:
    """Open, create or migrate the database in the folder `path` (0700; files 0600, whatever the umask is).

    Raises:
        FileUnsafe: when the folder or a file in it belongs to another user, or others can open a file in it.
        FileUnavailable: when another process has the folder, or it cannot be made.
        StoreUnavailable: when the database cannot be read, or was made by a newer Daypass.
    """
    files.private_folder(path)
    database = path / DATABASE
    with ExitStack() as closing:
        # Memory answers for the store (`SecretIndex`), which is exact only while nobody else writes to it.
        closing.enter_context(files.locked(database, timeout_seconds=_LOCK_TIMEOUT_SECONDS))
        # SQLite gives the files beside the database the database's modes.
        files.private_file(database)
        for suffix in _BESIDE:
            files.private_file(path / (DATABASE + suffix), create=False)
        engine = sqlite_engine(database)
        closing.callback(engine.dispose)
        return _open(engine, closing)


@contextmanager
def read_beside(path: Path) -> Iterator[tuple[SqlKeyStore, SqlRegistryStore]]:
    """The database in the folder `path`, to read only, while another process may have it.

    Nothing is made, migrated or written. It sees what is committed.

    Raises:
        FileUnsafe: when the database belongs to another user, or others can open it.
        StoreUnavailable: when there is none, or it was made by another version of Daypass.
    """
    database = path / DATABASE
    if not database.exists():
        raise StoreUnavailable(
            f"there is no database in `{path}`",
            advice="Start `daypass serve` once with the same settings; the first start makes the keys.",
        )
    files.private_file(database, create=False)
    with _reading(sqlite_engine(database, reads_only=True)) as stores:
        yield stores


@contextmanager
def read_database(url: Secret) -> Iterator[tuple[SqlKeyStore, SqlRegistryStore]]:
    """The PostgreSQL database at `url`, to read only. Nothing is migrated or written.

    Raises:
        DatabaseUrlInvalid, PartMissing, StoreUnavailable: as `open_database`; the last also for another version's.
    """
    with _reading(postgresql_engine(postgresql_url(url.reveal()))) as stores:
        yield stores


@contextmanager
def _reading(engine: Engine) -> Iterator[tuple[SqlKeyStore, SqlRegistryStore]]:
    try:
        demand_current(engine)
        yield SqlKeyStore(engine), SqlRegistryStore(engine)
    finally:
        engine.dispose()


def open_database(url: Secret) -> Store:
    """Open or migrate the PostgreSQL database at `url`, beside other replicas.

    Raises:
        DatabaseUrlInvalid: when that is no URL of a database.
        PartMissing: when psycopg is not installed.
        StoreUnavailable: when it does not answer, or was made by a newer Daypass.
    """
    with ExitStack() as closing:
        engine = postgresql_engine(postgresql_url(url.reveal()))
        closing.callback(engine.dispose)
        return _open(engine, closing)


def _open(engine: Engine, closing: ExitStack) -> Store:
    migrate(engine)
    audit = SqlAuditLog(engine)
    closing.callback(audit.close)
    return Store(engine, audit, closing.pop_all())
