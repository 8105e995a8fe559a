"""What every ConnectionStore and ReplayStore promises: the same suite for memory, SQLite and PostgreSQL."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from daypass.errors import AlreadyExists, ChangedMeanwhile, NotFound
from daypass.idp.exchange.connection import Connection
from daypass.idp.exchange.terms_document import read_terms
from daypass.idp.memory import MemoryConnectionStore, MemoryReplayStore
from daypass.idp.model import Organization, Project
from daypass.secret import Secret
from daypass.store import open_database, open_store
from daypass.store.connections import SqlReplayStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from daypass.idp.ports import ConnectionStore, ReplayStore
    from daypass.store import Store

AT = datetime(2026, 9, 21, 12, 0, 0, 123456, tzinfo=UTC)
TERMS = read_terms(
    {
        "issuer": "https://gitlab.northwind.example",
        "audience": "https://id.northwind.example",
        "rules": [
            {"claim": "project_id", "equals": "52017"},
            {"claim": "runner_id", "one_of": [7, 8.5, True]},
            {"claim": ["kubernetes.io", "namespace"], "matches": ["prod-*", "é/*"]},
        ],
        "identity": ["project_id", ["kubernetes.io", "namespace"]],
        "attributes": {"ref": "ref"},
        "contexts": ["pull_request"],
        "audiences": ["sts.amazonaws.com"],
        "mode": "audit",
    }
)
ORGANIZATION = Organization("org_a", "acme", "Acme", "daypass", (), ("sts.amazonaws.com",), AT)
PROJECT = Project("prj_a", "org_a", "shop", "The Shop", AT)
OTHER = replace(ORGANIZATION, id="org_b", slug="other")
OTHERS_PROJECT = replace(PROJECT, id="prj_b", organization_id="org_b")
ONE = Connection("con_a", "org_a", "prj_a", "gitlab", TERMS, AT)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store | None]:
    if request.param == "memory":
        yield None
        return
    url = request.getfixturevalue("database_url") if request.param == "postgresql" else None
    with open_database(Secret(url)) if url else open_store(tmp_path / "data") as store:
        yield store


@pytest.fixture
def connections(opened: Store | None) -> ConnectionStore:
    if opened is None:
        return MemoryConnectionStore()
    for organization, project in ((ORGANIZATION, PROJECT), (OTHER, OTHERS_PROJECT)):
        opened.registry.add_organization(organization)
        opened.registry.add_project(project)
    return opened.connections


@pytest.fixture
def replays(opened: Store | None) -> ReplayStore:
    return MemoryReplayStore() if opened is None else opened.replays


def test_a_connection_comes_back_as_it_went_in(connections: ConnectionStore) -> None:
    assert connections.connection("org_a", "con_a") is None
    connections.add_connection(ONE)
    assert connections.connection("org_a", "con_a") == connections.connection("org_a", "gitlab") == ONE
    assert connections.connection("org_b", "con_a") is None
    assert connections.connection("org_a", "\0") is None


def test_ids_and_names_are_given_once(connections: ConnectionStore) -> None:
    connections.add_connection(ONE)
    connections.add_connection(replace(ONE, id="con_b", organization_id="org_b", project_id="prj_b"))
    for twice in (replace(ONE, name="other"), replace(ONE, id="con_c")):
        with pytest.raises(AlreadyExists):
            connections.add_connection(twice)


def test_a_change_is_kept_unless_another_came_between(connections: ConnectionStore) -> None:
    connections.add_connection(ONE)
    off = replace(ONE, disabled_at=AT, terms=replace(TERMS, lifetime_seconds=60))
    connections.update_connection(off, was=ONE)
    assert connections.connection("org_a", "gitlab") == off
    with pytest.raises(ChangedMeanwhile):
        connections.update_connection(replace(ONE, disabled_at=None), was=ONE)
    connections.remove_connection("con_a")
    assert connections.connection("org_a", "gitlab") is None
    with pytest.raises(NotFound):
        connections.remove_connection("con_a")
    with pytest.raises((NotFound, ChangedMeanwhile)):
        connections.update_connection(off, was=ONE)


def test_connections_are_found_by_the_issuer_s_every_byte(connections: ConnectionStore) -> None:
    connections.add_connection(ONE)
    connections.add_connection(replace(ONE, id="con_b", organization_id="org_b", project_id="prj_b"))
    connections.add_connection(
        replace(ONE, id="con_c", name="github", terms=replace(TERMS, issuer="https://x.example"))
    )
    found = connections.connections_of_issuer(TERMS.issuer, organization_id=None)
    assert [one.id for one in found] == ["con_a", "con_b"]
    assert [one.id for one in connections.connections_of_issuer(TERMS.issuer, organization_id="org_b")] == ["con_b"]
    for near in (TERMS.issuer + "/", TERMS.issuer.upper(), TERMS.issuer[:-1], "", "\0", "%"):
        assert connections.connections_of_issuer(near, organization_id=None) == []
    assert [one.id for one in connections.connections("org_a", limit=1)] == ["con_a"]
    assert [one.id for one in connections.connections("org_a", after="con_a")] == ["con_c"]


def test_threats_19_of_fifty_uses_at_once_one_is_the_first(replays: ReplayStore) -> None:
    with ThreadPoolExecutor(16) as many:
        told = list(many.map(lambda _: replays.use_once("k" * 64, until=AT), range(50)))
    assert told.count(True) == 1
    assert replays.use_once("l" * 64, until=AT)


def test_threats_19_of_the_uses_that_are_written_together_one_is_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that come while another is written wait, and go into one statement; the database then sees one row."""
    go_on, write = threading.Event(), SqlReplayStore._write
    batches: list[int] = []

    def slowly(store: SqlReplayStore, together: Sequence[Any]) -> None:
        batches.append(len(together))
        assert go_on.wait(10)
        write(store, together)

    monkeypatch.setattr(SqlReplayStore, "_write", slowly)
    with open_store(tmp_path / "data") as store, ThreadPoolExecutor(9) as many:
        before = many.submit(store.replays.use_once, "a" * 64, until=AT)
        while not batches:
            time.sleep(0.001)
        uses = [many.submit(store.replays.use_once, "k" * 64, until=AT) for _ in range(8)]
        time.sleep(0.05)
        go_on.set()
        assert before.result()
        assert [use.result() for use in uses].count(True) == 1
    assert max(batches) > 1


def test_a_use_is_remembered_until_its_time(replays: ReplayStore) -> None:
    assert replays.use_once("k" * 64, until=AT)
    assert replays.forget_expired(AT) == 0
    assert not replays.use_once("k" * 64, until=AT)
    assert replays.forget_expired(AT + timedelta(seconds=1)) == 1
    assert replays.use_once("k" * 64, until=AT)


def test_threats_19_two_replicas_share_what_was_used(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("database_url")
    with open_database(Secret(url)) as one, open_database(Secret(url)) as other:
        assert one.replays.use_once("k" * 64, until=AT)
        assert not other.replays.use_once("k" * 64, until=AT)
