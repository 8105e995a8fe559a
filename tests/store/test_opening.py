"""The data folder: private, owned by one process, migrated."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from daypass import files
from daypass.errors import AlreadyExists, FileUnavailable, FileUnsafe, StoreUnavailable
from daypass.idp.model import Organization
from daypass.store import open_store
from daypass.store.engine import reading, writing
from daypass.store.migrating import configuration
from daypass.store.opening import DATABASE
from daypass.store.schema import metadata
from daypass.store.sqlite import sqlite_engine
from support.outside import outside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.usefixtures("open_umask")
def test_nobody_else_can_open_anything_whatever_the_umask(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with open_store(folder):
        assert {"daypass.db", "daypass.db-wal", "daypass.db-shm"} <= set(modes(folder))
        assert set(modes(folder).values()) == {0o600}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_open_is_refused(tmp_path: Path, suffix: str, mode: int) -> None:
    with open_store(tmp_path):
        pass
    path = tmp_path / f"daypass.db{suffix}"
    path.touch()
    path.chmod(mode)
    with pytest.raises(FileUnsafe):
        open_store(tmp_path)
    path.chmod(0o600)
    open_store(tmp_path).close()


def test_a_link_in_place_of_the_database_is_refused(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch(0o600)
    folder = tmp_path / "data"
    folder.mkdir(0o700)
    (folder / "daypass.db").symlink_to(elsewhere)
    with pytest.raises(FileUnsafe):
        open_store(folder)
    assert elsewhere.read_bytes() == b""


def test_one_process_owns_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.store.opening._LOCK_TIMEOUT_SECONDS", 0.05)
    with open_store(tmp_path), pytest.raises(FileUnavailable):
        open_store(tmp_path)
    open_store(tmp_path).close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    with open_store(tmp_path):
        pass
    with outside(tmp_path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable) as refusal:
        open_store(tmp_path)
    assert refusal.value.facts["found"] == ["9999"]
    with outside(tmp_path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_what_is_not_a_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "daypass.db"
    path.write_bytes(b"not a database, but somebody's file" * 100)
    path.chmod(0o600)
    before = path.read_bytes()
    with pytest.raises(StoreUnavailable):
        open_store(tmp_path)
    assert path.read_bytes() == before


def test_migrations_make_exactly_the_schema(tmp_path: Path) -> None:
    with open_store(tmp_path / "migrated"):
        pass
    engine = sqlite_engine(tmp_path / "migrated" / "daypass.db")
    with reading(engine) as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)
        assert differences == []
        migrated = statements(connection.exec_driver_sql("SELECT sql FROM sqlite_master").scalars())
    engine.dispose()
    fresh = create_engine("sqlite://")
    with fresh.begin() as connection:
        metadata.create_all(connection)
        created = statements(connection.exec_driver_sql("SELECT sql FROM sqlite_master").scalars())
    fresh.dispose()
    assert migrated == created


def statements(texts: Iterator[str | None]) -> list[list[str]]:
    """The words of each statement in any order, because constraints may come in any order."""
    return sorted(sorted(re.findall(r"\w+", text)) for text in texts if text and "alembic_version" not in text)


def test_a_migration_that_dies_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("alembic.op.create_index", die)
        with pytest.raises(RuntimeError, match="killed"):
            open_store(tmp_path)
    with outside(tmp_path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    open_store(tmp_path).close()


def test_commits_are_durable_and_references_are_kept(tmp_path: Path) -> None:
    with open_store(tmp_path):
        engine = sqlite_engine(tmp_path / "daypass.db")
        with reading(engine) as connection:
            pragmas = {
                name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            }
        assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
        with pytest.raises(StoreUnavailable, match="FOREIGN KEY"), writing(engine) as connection:
            connection.exec_driver_sql("INSERT INTO projects VALUES ('prj_x', 'org_missing', 's', 'n', 't')")
        engine.dispose()


def test_a_database_that_is_taken_away_is_unavailable_and_says_no_value(tmp_path: Path) -> None:
    organization = Organization("org_a", "acme", "A", "daypass", (), (), datetime.now(UTC))
    with open_store(tmp_path) as store:
        store.registry.add_organization(organization)
        with pytest.raises(AlreadyExists) as taken:
            store.registry.add_organization(organization)
        assert "org_a" not in str(taken.value)
        with outside(tmp_path) as connection:
            connection.execute("ALTER TABLE organizations RENAME TO gone")
        with pytest.raises(StoreUnavailable) as refusal:
            store.registry.organization("hunter2")
        assert "hunter2" not in str(refusal.value) + str(refusal.value.facts)


def test_keys_of_the_first_version_are_known_to_be_published(tmp_path: Path) -> None:
    """A server that is updated goes on with its keys, and may follow them by others."""
    folder = tmp_path / "data"
    files.private_folder(folder)
    engine = sqlite_engine(folder / DATABASE)
    config = configuration()
    made = "2026-01-02T03:04:05.000000Z"
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(
            "INSERT INTO organizations VALUES ('org_a', 'acme', 'Acme', 'daypass', '[]', '[\"sts.amazonaws.com\"]', ?)",
            (made,),
        )
        connection.exec_driver_sql(
            "INSERT INTO signing_keys (kid, algorithm, state, public_jwk, created_at, activated_at)"
            " VALUES ('k', 'ES256', 'active', '{}', ?, ?)",
            (made, made),
        )
    engine.dispose()
    (folder / DATABASE).chmod(0o600)
    with open_store(folder) as store:
        organization = store.registry.organization("acme")
        assert organization is not None
        assert organization.own_issuer is False
        found = store.keys.keys()
        assert found.version == 0
        (key,) = found.keys
        assert key.published_at == key.created_at == key.activated_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert key.organization_id is None
        assert store.keys.change_keys(None, [replace(key, kid="l")], version=0)
        assert store.keys.keys().version == 1
