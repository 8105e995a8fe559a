"""What every RegistryStore, KeyStore and AuditLog promises: the same suite for memory, SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from daypass.errors import AlreadyExists, ChangedMeanwhile, NotFound
from daypass.idp.memory import MemoryAuditLog, MemoryKeyStore, MemoryRegistryStore
from daypass.idp.model import (
    AdminToken,
    AuditEntry,
    AwsClaims,
    Holder,
    KeysAt,
    KeyState,
    Organization,
    PreviousForm,
    Project,
    SigningKey,
    Workload,
    WorkloadKind,
)
from daypass.secret import Secret
from daypass.store import open_database, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from daypass.idp.ports import AuditLog, KeyStore, RegistryStore
    from daypass.store import Store

AT = datetime(2026, 9, 21, 12, 0, 0, 123456, tzinfo=UTC)
ORGANIZATION = Organization("org_a", "acme", "Café № 1 👩‍💻", "daypass", (), ("sts.amazonaws.com", "b"), AT)
PROJECT = Project("prj_a", "org_a", "shop", "The Shop", AT)
WORKLOAD = Workload("job_a", "org_a", "prj_a", WorkloadKind.JOB, "deploy", {"ref": "réf", "user_id": "u"}, "a" * 64, AT)
TOKEN = AdminToken("adm_a", "ci", frozenset({"workloads:write", "*"}), "org_a", "c" * 64, AT, AT + timedelta(days=1))
KEY = SigningKey("kid-a", "ES256", KeyState.NEXT, {"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}, AT)


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        opening = open_store(tmp_path / "data")
    else:
        opening = open_database(Secret(request.getfixturevalue("database_url")))
    with opening as store:
        yield store


class RegistryStoreContract:
    """Every RegistryStore keeps these promises."""

    def test_what_is_not_there_is_none(self, store: RegistryStore) -> None:
        assert store.organization("org_a") is None
        assert store.project("org_a", "prj_a") is None
        assert store.workload("job_a") is None
        assert store.holder_by_secret("a" * 64) is None
        assert store.admin_token("adm_a") is None
        assert store.admin_token_by_secret("c" * 64) is None
        pages: list[Sequence[object]] = [
            store.organizations(),
            store.projects("org_a"),
            store.workloads("prj_a"),
            store.admin_tokens(),
        ]
        assert pages == [[], [], [], []]

    def test_things_come_back_as_they_went_in(self, store: RegistryStore) -> None:
        self.furnish(store)
        assert store.organization("org_a") == store.organization("acme") == ORGANIZATION
        assert store.project("org_a", "prj_a") == store.project("org_a", "shop") == PROJECT
        assert store.project("org_b", "prj_a") is None
        assert store.workload("job_a") == WORKLOAD
        assert store.holder_by_secret("a" * 64) == Holder(WORKLOAD, PROJECT, ORGANIZATION)
        assert store.admin_token("adm_a") == store.admin_token_by_secret("c" * 64) == TOKEN
        assert (store.organizations(), store.projects("org_a")) == ([ORGANIZATION], [PROJECT])
        assert (store.workloads("prj_a"), store.admin_tokens()) == ([WORKLOAD], [TOKEN])

    def test_changes_are_kept(self, store: RegistryStore) -> None:
        self.furnish(store)
        organization = replace(
            ORGANIZATION,
            name="B",
            audiences=(),
            subject_claims=("x", "y"),
            own_issuer=True,
            aws_claims=AwsClaims((("A", "project_slug"), ("É", "attributes.ref")), ("A",), "workload_id"),
            previous=PreviousForm("gitpod", ("org_id", "user_id"), AT + timedelta(days=1), usual=False),
        )
        project = replace(PROJECT, name="B")
        workload = replace(WORKLOAD, revoked_at=AT, attributes={})
        token = replace(TOKEN, revoked_at=AT, scopes=frozenset())
        store.update_organization(organization, was=ORGANIZATION)
        store.update_organization(organization, was=organization)
        store.update_project(project)
        store.update_workload(workload)
        store.update_admin_token(token)
        assert store.organization("acme") == organization
        assert store.project("org_a", "shop") == project
        assert store.workload("job_a") == workload
        assert store.admin_token("adm_a") == token

    def test_a_change_of_what_somebody_else_has_changed_is_none(self, store: RegistryStore) -> None:
        """Two replicas: one gives an organization its own issuer, the other has read it before and changes the name."""
        self.furnish(store)
        first = replace(ORGANIZATION, own_issuer=True)
        store.update_organization(first, was=ORGANIZATION)
        with pytest.raises(ChangedMeanwhile):
            store.update_organization(replace(ORGANIZATION, name="B"), was=ORGANIZATION)
        assert store.organization("acme") == first

    def test_ids_slugs_and_secrets_are_unique(self, store: RegistryStore) -> None:
        self.furnish(store)
        store.add_organization(replace(ORGANIZATION, id="org_b", slug="other"))
        store.add_project(replace(PROJECT, id="prj_b", organization_id="org_b"))
        twice: list[Callable[[], None]] = [
            lambda: store.add_organization(replace(ORGANIZATION, slug="free")),
            lambda: store.add_organization(replace(ORGANIZATION, id="org_free")),
            lambda: store.add_project(replace(PROJECT, slug="free")),
            lambda: store.add_project(replace(PROJECT, id="prj_free")),
            lambda: store.add_workload(replace(WORKLOAD, secret_hash="f" * 64)),
            lambda: store.add_workload(replace(WORKLOAD, id="job_free")),
            lambda: store.add_admin_token(replace(TOKEN, secret_hash="f" * 64)),
            lambda: store.add_admin_token(replace(TOKEN, id="adm_free")),
        ]
        for add in twice:
            with pytest.raises(AlreadyExists):
                add()
        assert len(store.organizations()) == 2

    def test_what_is_not_there_cannot_be_changed(self, store: RegistryStore) -> None:
        changes: list[Callable[[], None]] = [
            lambda: store.update_organization(ORGANIZATION, was=ORGANIZATION),
            lambda: store.update_project(PROJECT),
            lambda: store.update_workload(WORKLOAD),
            lambda: store.update_admin_token(TOKEN),
        ]
        for change in changes:
            with pytest.raises(NotFound):
                change()

    def test_the_last_made_workloads_come_first_and_revoked_ones_not_at_all(self, store: RegistryStore) -> None:
        self.furnish(store)
        for number, revoked_at in ((1, None), (2, AT), (3, None)):
            made = replace(WORKLOAD, id=f"job_a{number}", secret_hash=str(number) * 64, revoked_at=revoked_at)
            store.add_workload(replace(made, created_at=AT + timedelta(seconds=number)))
        assert [each.id for each in store.recent_workloads("org_a", limit=2)] == ["job_a3", "job_a1"]
        assert [each.id for each in store.recent_workloads("org_a", limit=9)] == ["job_a3", "job_a1", "job_a"]
        assert store.recent_workloads("org_b", limit=9) == []

    def test_pages_follow_the_ids(self, store: RegistryStore) -> None:
        self.furnish(store)
        for number in (3, 1, 2):
            store.add_workload(replace(WORKLOAD, id=f"job_a{number}", secret_hash=str(number) * 64))
            store.add_organization(replace(ORGANIZATION, id=f"org_a{number}", slug=f"s{number}"))
            store.add_project(replace(PROJECT, id=f"prj_a{number}", slug=f"s{number}"))
            store.add_admin_token(
                replace(TOKEN, id=f"adm_a{number}", secret_hash=str(number) * 64, organization_id=None)
            )
        assert [each.id for each in store.workloads("prj_a", limit=2)] == ["job_a", "job_a1"]
        assert [each.id for each in store.workloads("prj_a", after="job_a1", limit=9)] == ["job_a2", "job_a3"]
        assert [each.id for each in store.organizations(after="org_a", limit=2)] == ["org_a1", "org_a2"]
        assert [each.id for each in store.projects("org_a", after="prj_a2")] == ["prj_a3"]
        assert [each.id for each in store.admin_tokens(after="adm_a1", limit=1)] == ["adm_a2"]
        assert [each.id for each in store.admin_tokens(organization_id="org_a")] == ["adm_a"]

    @pytest.mark.parametrize("pattern", ["%", "_", "acm_", "*", "a%", "acme\x00", "' OR 1=1 --"])
    def test_look_ups_know_no_pattern(self, store: RegistryStore, pattern: str) -> None:
        self.furnish(store)
        assert store.organization(pattern) is None
        assert store.project("org_a", pattern) is None
        assert store.holder_by_secret(pattern) is None

    @staticmethod
    def furnish(store: RegistryStore) -> None:
        store.add_organization(ORGANIZATION)
        store.add_project(PROJECT)
        store.add_workload(WORKLOAD)
        store.add_admin_token(TOKEN)


class TestMemoryRegistryStore(RegistryStoreContract):
    @pytest.fixture
    def store(self) -> RegistryStore:
        return MemoryRegistryStore()


class TestSqlRegistryStore(RegistryStoreContract):
    @pytest.fixture
    def store(self, opened: Store) -> RegistryStore:
        return opened.registry


class KeyStoreContract:
    """Every KeyStore keeps these promises."""

    def test_keys_come_back_oldest_first(self, keys: KeyStore) -> None:
        assert keys.keys() == KeysAt(0, ())
        assert keys.versions() == {}
        younger = replace(KEY, kid="kid-0", created_at=AT + timedelta(microseconds=1))
        assert keys.change_keys(None, [younger, KEY], version=0)
        assert keys.keys() == KeysAt(1, (KEY, younger))
        assert keys.versions() == {None: 1}

    def test_changes_are_kept(self, keys: KeyStore) -> None:
        assert keys.change_keys(None, [KEY], version=0)
        changed = replace(
            KEY,
            state=KeyState.RETIRED,
            published_at=AT,
            activate_at=AT,
            activated_at=AT,
            retiring_at=AT,
            retired_at=AT,
            revoked_at=AT,
        )
        other = replace(KEY, kid="kid-b")
        assert keys.change_keys(None, [changed, other], version=1)
        assert keys.keys() == KeysAt(2, (changed, other))

    def test_of_two_who_saw_the_same_the_second_writes_nothing(self, keys: KeyStore) -> None:
        assert keys.change_keys(None, [KEY], version=0)
        for version in (0, 2):
            assert not keys.change_keys(None, [replace(KEY, kid="kid-b")], version=version)
        assert keys.keys() == KeysAt(1, (KEY,))
        assert keys.change_keys(None, [replace(KEY, kid="kid-b")], version=1)
        assert not keys.change_keys(None, [replace(KEY, kid="kid-c")], version=1)
        assert [key.kid for key in keys.keys().keys] == ["kid-a", "kid-b"]

    def test_each_issuer_counts_for_itself_and_shares_no_key(self, keys: KeyStore) -> None:
        theirs = replace(KEY, kid="kid-b", organization_id="org_a")
        assert keys.change_keys(None, [KEY], version=0)
        assert keys.change_keys("org_a", [theirs], version=0)
        assert keys.keys() == KeysAt(1, (KEY,))
        assert keys.keys("org_a") == KeysAt(1, (theirs,))
        assert keys.keys("org_b") == KeysAt(0, ())
        assert keys.versions() == {None: 1, "org_a": 1}
        with pytest.raises(AlreadyExists):
            keys.change_keys("org_a", [replace(KEY, organization_id="org_a")], version=1)
        assert keys.keys("org_a") == KeysAt(1, (theirs,)), "all or none"
        assert keys.versions() == {None: 1, "org_a": 1}

    def test_of_many_at_once_one_wins(self, keys: KeyStore) -> None:
        for version in range(3):
            start = threading.Barrier(8)

            def race(number: int, version: int = version, start: threading.Barrier = start) -> bool:
                start.wait()
                return keys.change_keys(None, [replace(KEY, kid=f"kid-{version}-{number}")], version=version)

            with ThreadPoolExecutor(8) as pool:
                assert sum(pool.map(race, range(8))) == 1
        assert len(keys.keys().keys) == keys.keys().version == 3


class TestMemoryKeyStore(KeyStoreContract):
    @pytest.fixture
    def keys(self) -> KeyStore:
        return MemoryKeyStore()


class TestSqlKeyStore(KeyStoreContract):
    @pytest.fixture
    def keys(self, opened: Store) -> KeyStore:
        return opened.keys


ENTRY = AuditEntry(
    at=AT,
    event="token.issue",
    outcome="issued",
    request_id="r1",
    organization_id="org_a",
    project_id="prj_a",
    workload_id="job_a",
    actor="job_a",
    issuer="https://id.example",
    subject="organization:org_a",
    audience=("sts.amazonaws.com", "é"),
    jti="j",
    kid="k",
    token_sha256="a" * 64,
    expires_at=AT + timedelta(seconds=300),
    source_ip="2001:db8::1",
    detail={"z": "1", "a": "ü"},
)
SHORT = AuditEntry(at=AT.replace(microsecond=0), event="e", outcome="refused", request_id="r2", reason="not_found")


class AuditLogContract:
    """Every AuditLog keeps these promises."""

    def test_entries_come_back_as_they_went_in_and_in_order(self, log: AuditLog) -> None:
        async def story() -> None:
            assert log.entries() == []
            for entry in (ENTRY, SHORT, ENTRY):
                await log.append(entry)
            records = log.entries()
            assert [each.entry for each in records] == [ENTRY, SHORT, ENTRY]
            assert [each.sequence for each in records] == [1, 2, 3]
            assert len({each.hash for each in records}) == 3
            assert all(len(each.hash) == 64 for each in records)

        asyncio.run(story())

    def test_pages(self, log: AuditLog) -> None:
        async def story() -> None:
            for number in range(5):
                owner = "org_b" if number % 2 else None
                await log.append(replace(SHORT, request_id=str(number), organization_id=owner))
            assert [each.sequence for each in log.entries(after=2, limit=2)] == [3, 4]
            assert [each.sequence for each in log.entries(organization_id="org_b")] == [2, 4]
            assert [each.sequence for each in log.entries(after=2, organization_id="org_b")] == [4]
            kids = ("k_1", "kx1", "K_1", 'a"kid":"k_1"', "k_1")
            for kid in kids:
                await log.append(replace(SHORT, kid=kid, detail={"x": '"kid":"k_1"'}))
            assert [each.sequence for each in log.entries(kid="k_1") if each.entry.kid == "k_1"] == [6, 10]
            assert [each.sequence for each in log.entries(kid="k_1", after=6)] == [10]
            assert log.entries(organization_id="org_") == []

        asyncio.run(story())

    def test_an_unchanged_log_is_verified(self, log: AuditLog) -> None:
        async def story() -> None:
            assert log.verify() == 0
            for entry in (ENTRY, SHORT):
                await log.append(entry)
            assert log.verify() == 2

        asyncio.run(story())

    def test_many_at_once_are_all_there(self, log: AuditLog) -> None:
        async def story() -> None:
            await asyncio.gather(*(log.append(replace(SHORT, request_id=str(n))) for n in range(500)))
            records = log.entries(limit=1000)
            assert {each.entry.request_id for each in records} == {str(n) for n in range(500)}
            assert [each.sequence for each in records] == list(range(1, 501))

        asyncio.run(story())


class TestMemoryAuditLog(AuditLogContract):
    @pytest.fixture
    def log(self) -> AuditLog:
        return MemoryAuditLog()


class TestSqlAuditLog(AuditLogContract):
    @pytest.fixture
    def log(self, opened: Store) -> AuditLog:
        return opened.audit
