"""PostgreSQL, beside what every store promises: migrations, one order for all replicas, a server that is not there."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from daypass.errors import AlreadyExists, AuditBroken, AuditUnavailable, DatabaseUrlInvalid, StoreUnavailable
from daypass.idp.model import AuditEntry, Organization
from daypass.secret import Secret
from daypass.store import open_database
from daypass.store.engine import reading, writing
from daypass.store.migrating import configuration
from daypass.store.postgresql import postgresql_engine, postgresql_url
from daypass.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from daypass.store import Store

AT = datetime(2026, 9, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = postgresql_engine(postgresql_url(database_url))
    yield made
    made.dispose()


def entry(number: int) -> AuditEntry:
    return AuditEntry(at=AT, event="token.issue", outcome="issued", request_id=f"r{number}", organization_id="org_a")


def test_migrations_make_exactly_the_schema(database_url: str, engine: Engine) -> None:
    open_database(Secret(database_url)).close()
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_replicas_that_start_together_migrate_once(database_url: str) -> None:
    begin = threading.Barrier(6)

    def start(_: int) -> None:
        begin.wait(10)
        open_database(Secret(database_url)).close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(start, range(6)))


def test_a_database_of_an_older_version_is_migrated_and_keeps_what_it_has(database_url: str, engine: Engine) -> None:
    config = configuration()
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO organizations (id, slug, name, token_format, subject_claims, audiences, created_at)"
                " VALUES ('org_a', 'acme', 'Acme', 'daypass', '[]', '[]', '2026-09-21T12:00:00.000000Z')"
            )
        )
    with open_database(Secret(database_url)) as store:
        assert store.registry.organization("acme") == Organization("org_a", "acme", "Acme", "daypass", (), (), AT)


def test_a_database_of_a_newer_version_is_refused_and_left_alone(database_url: str, engine: Engine) -> None:
    open_database(Secret(database_url)).close()
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable) as refusal:
        open_database(Secret(database_url))
    assert refusal.value.facts["found"] == ["9999"]


def test_one_starts_after_the_other(database_url: str) -> None:
    order: list[str] = []
    inside, go_on = threading.Event(), threading.Event()

    def second() -> None:
        with open_database(Secret(database_url)) as store:
            inside.wait(10)
            go_on.set()
            with store.starting():
                order.append("second")

    with open_database(Secret(database_url)) as store, ThreadPoolExecutor() as pool:
        with store.starting():
            waiting = pool.submit(second)
            inside.set()
            go_on.wait(10)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
            order.append("first")
        waiting.result(10)
    assert order == ["first", "second"]


def test_many_replicas_write_one_chain(database_url: str) -> None:
    def write(number: int) -> None:
        async def rows(store: Store) -> None:
            for batch in range(10):
                await asyncio.gather(*(store.audit.append(entry(1000 * number + 20 * batch + i)) for i in range(20)))

        with open_database(Secret(database_url)) as store:
            asyncio.run(rows(store))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    with open_database(Secret(database_url)) as store:
        assert store.audit.verify() == 600
        found = store.audit.entries(limit=1000)
    assert [record.sequence for record in found] == list(range(1, 601))
    assert len({record.entry.request_id for record in found}) == 600
    for number in range(3):
        mine = [int(r.entry.request_id[1:]) for r in found if r.entry.request_id[1:].zfill(4)[0] == str(number)]
        assert mine == sorted(mine), "each replica's rows are in its order"


def test_threats_84_a_changed_row_is_named(database_url: str, engine: Engine) -> None:
    with open_database(Secret(database_url)) as store:

        async def rows() -> None:
            for number in range(5):
                await store.audit.append(entry(number))

        asyncio.run(rows())
        changes = (
            "UPDATE audit SET row = replace(row, 'r2', 'r9') WHERE sequence = 3",
            "DELETE FROM audit WHERE sequence = 3",
        )
        for change in changes:
            with writing(engine) as connection:
                connection.execute(text(change))
            with pytest.raises(AuditBroken) as broken:
                store.audit.verify()
            assert broken.value.facts["sequence"] == 3


def test_a_connection_that_the_server_ended_is_replaced(database_url: str, postgresql: Any) -> None:
    """A failover, or an administrator. The registry does not notice; one batch of the audit log is refused."""
    with open_database(Secret(database_url)) as store:

        async def story() -> None:
            await store.audit.append(entry(1))
            assert store.registry.organizations() == []
            with psycopg.connect(postgresql.uri, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'daypass'"
                )
            assert store.registry.organizations() == []
            with pytest.raises(AuditUnavailable):
                await store.audit.append(entry(2))
            await store.audit.append(entry(3))

        asyncio.run(story())
        assert store.audit.verify() == 2


def test_a_statement_that_waits_too_long_is_given_up(database_url: str) -> None:
    """Somebody holds a lock on a table: an answer is due nevertheless."""
    url = f"{database_url}&options=-c%20statement_timeout%3D300"
    with open_database(Secret(url)) as store, psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE organizations IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreUnavailable):
            store.registry.organizations()
        other.rollback()
        assert store.registry.organizations() == []


def test_a_server_that_stands_still_is_given_up(
    database_url: str, postgresql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its machine hangs: it takes connections (the kernel does), and says nothing. Then it goes on."""
    monkeypatch.setattr("daypass.store.silence.Watched.silent_seconds", 0.5)
    with open_database(Secret(database_url)) as store:
        asyncio.run(store.audit.append(entry(1)))
        assert store.registry.organizations() == []
        with psycopg.connect(postgresql.uri, autocommit=True) as other:
            query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'daypass'"
            pids = [row[0] for row in other.execute(query)]
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(AuditUnavailable, match="said nothing"):
                asyncio.run(store.audit.append(entry(2)))
            assert store.registry.organizations() == [], "a connection that stands still is replaced before it is used"
            assert time.monotonic() - began < 5
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
        asyncio.run(store.audit.append(entry(3)))
        assert store.audit.verify() in {2, 3}, "whether the row of a commit that did not answer is there, nobody knows"


def test_a_text_that_is_no_text_to_postgresql(database_url: str) -> None:
    with open_database(Secret(database_url)) as store:
        store.registry.add_organization(Organization("org_a", "acme", "Café № 1 👩‍💻", "daypass", (), (), AT))
        with pytest.raises(AlreadyExists):
            store.registry.add_organization(Organization("org_b", "acme", "A", "daypass", (), (), AT))
        assert store.registry.organization("acme\0") is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://daypass:hunter2@127.0.0.1:9/daypass",
        "postgresql://daypass:hunter2@127.0.0.1:9/daypass?no_such_parameter=1",
        "mysql://daypass:hunter2@db/daypass",
        "postgresql://daypass:hunter2@db:port/daypass",
        "postgresql://daypass:half-a@hunter2@db.invalid/daypass",
        "hunter2",
    ],
)
def test_no_refusal_tells_the_password(url: str) -> None:
    with pytest.raises((StoreUnavailable, DatabaseUrlInvalid)) as caught:
        open_database(Secret(url))
    error = caught.value
    assert "hunter2" not in f"{error.message} {error.advice} {error.facts} {error!r}"
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_without_the_driver_the_extra_is_named() -> None:
    story = """
import sys
sys.modules["psycopg"] = None
from daypass.errors import PartMissing
from daypass.secret import Secret
from daypass.store import open_database
try:
    open_database(Secret("postgresql://db/daypass"))
except PartMissing as error:
    print(error.advice)
"""
    done = subprocess.run([sys.executable, "-c", story], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "Install `daypass[postgresql]`."
