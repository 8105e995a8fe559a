"""What every ConnectionStore promises, and every AuditLog of uses: the same suite for memory, SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from daypass.errors import AlreadyExists, AuditUnavailable, ChangedMeanwhile, NotFound, TokenReplayed
from daypass.idp.exchange.connection import Connection
from daypass.idp.exchange.terms_document import read_terms
from daypass.idp.memory import MemoryAuditLog, MemoryConnectionStore
from daypass.idp.model import AuditEntry, Organization, Project, TokenUse
from daypass.secret import Secret
from daypass.store import open_database, open_store
from support.outside import outside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from daypass.idp.ports import AuditLog, ConnectionStore
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
ENTRY = AuditEntry(at=AT, event="token.issue", outcome="issued", request_id="r", organization_id="org_a")
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
def audit(opened: Store | None) -> AuditLog:
    return MemoryAuditLog() if opened is None else opened.audit


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


async def _used(audit: AuditLog, name: str, key: str, *, until: datetime = AT) -> bool:
    """Whether the entry `name` with a use of `key` was committed."""
    try:
        await audit.append(replace(ENTRY, request_id=name), use=TokenUse(key * 64, until))
    except TokenReplayed:
        return False
    return True


async def _crowd(audits: Sequence[AuditLog]) -> list[bool]:
    return await asyncio.gather(*(_used(audits[n % len(audits)], str(n), "kl"[n % 2]) for n in range(50)))


def _told(audit: AuditLog) -> list[str]:
    return [record.entry.request_id for record in audit.entries()]


def test_threats_19_of_fifty_uses_at_once_one_is_the_first(audit: AuditLog) -> None:
    told = asyncio.run(_crowd([audit]))
    assert [name for name, first in enumerate(told) if first] == [0, 1]  # one for each key
    assert _told(audit) == ["0", "1"]
    assert audit.verify() == 2


def test_a_use_is_remembered_until_its_time(audit: AuditLog) -> None:
    async def story() -> None:
        assert await _used(audit, "a", "k")
        assert audit.forget_uses(AT) == 0
        assert not await _used(audit, "b", "k")
        assert audit.forget_uses(AT + timedelta(seconds=1)) == 1
        assert await _used(audit, "c", "k")

    asyncio.run(story())
    assert _told(audit) == ["a", "c"]


def test_a_use_that_is_not_the_first_takes_nobody_with_it(audit: AuditLog) -> None:
    async def story() -> None:
        assert await _used(audit, "a", "k")
        one, other, plain = await asyncio.gather(
            _used(audit, "b", "k"), _used(audit, "c", "l"), audit.append(replace(ENTRY, request_id="d"))
        )
        assert (one, other, plain) == (False, True, None)

    asyncio.run(story())
    assert _told(audit) == ["a", "c", "d"]
    assert audit.verify() == 3


def test_more_uses_than_one_statement_holds(audit: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.store.uses._INSERTED_AT_ONCE", 3)

    async def story() -> list[bool]:
        return await asyncio.gather(*(_used(audit, str(n), f"{n % 8:x}") for n in range(16)))

    assert asyncio.run(story()) == [True] * 8 + [False] * 8


def test_threats_19_two_replicas_share_what_was_used(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("database_url")
    with open_database(Secret(url)) as one, open_database(Secret(url)) as other:
        told = asyncio.run(_crowd([one.audit, one.audit, other.audit, other.audit]))
        assert sum(told) == 2
        assert one.audit.verify() == 2


def test_a_use_that_was_not_committed_is_none(tmp_path: Path) -> None:
    """Row and use are one commit: a disk that takes the one and not the other takes neither."""

    async def story(store: Store) -> None:
        with pytest.raises(AuditUnavailable):
            await _used(store.audit, "a", "k")

    with open_store(tmp_path / "data") as store:
        with outside(tmp_path / "data") as database:
            database.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'full'); END")
        asyncio.run(story(store))
        with outside(tmp_path / "data") as database:
            database.execute("DROP TRIGGER full")
        assert asyncio.run(_used(store.audit, "b", "k"))
