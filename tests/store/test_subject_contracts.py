"""What every SubjectStore promises: the same suite for memory, SQLite and PostgreSQL."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from daypass.idp.memory import MemorySubjectStore
from daypass.idp.model import IssuedSubject
from daypass.secret import Secret
from daypass.store import open_database, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from daypass.idp.ports import SubjectStore

AT = datetime(2026, 9, 21, 12, 0, 0, 123456, tzinfo=UTC)
ISSUED = IssuedSubject("https://id.northwind.example", "organization:org_a:project:prj_a", "a", "org_a", AT)


class SubjectStoreContract:
    """Every SubjectStore keeps these promises."""

    def test_the_first_is_kept_and_told_to_all_who_come_later(self, store: SubjectStore) -> None:
        assert store.issued_subject(ISSUED.issuer, ISSUED.subject) is None
        assert store.claim(ISSUED) == ISSUED
        assert store.claim(replace(ISSUED, owner="b", organization_id="org_b")) == ISSUED
        assert store.issued_subject(ISSUED.issuer, ISSUED.subject) == ISSUED

    def test_subjects_are_compared_whole_and_per_issuer(self, store: SubjectStore) -> None:
        """A store that folds letter case or trailing blanks would take two things for one."""
        texts = ["a", "A", "a ", "ä", "a\u0308", "a%", "_", "x" * 255]
        others = [replace(ISSUED, subject=text, owner=str(number)) for number, text in enumerate(texts)]
        others.append(replace(others[0], issuer="https://id.northwind.example/o/acme", owner="z"))
        for other in others:
            assert store.claim(other) == other

    def test_of_many_at_the_same_time_one_is_kept(self, store: SubjectStore) -> None:
        with ThreadPoolExecutor(16) as threads:
            kept = list(threads.map(lambda n: store.claim(replace(ISSUED, owner=str(n))), range(32)))
        assert len({each.owner for each in kept}) == 1

    def test_a_change_of_what_somebody_else_has_changed_is_none(self, store: SubjectStore) -> None:
        store.claim(ISSUED)
        released = replace(ISSUED, released_at=AT + timedelta(seconds=1))
        assert store.change_subject(released, was=ISSUED)
        assert not store.change_subject(replace(ISSUED, owner="c"), was=ISSUED)
        assert store.issued_subject(ISSUED.issuer, ISSUED.subject) == released
        taken = replace(ISSUED, owner="b", organization_id="org_b", issued_at=AT + timedelta(hours=2))
        assert store.change_subject(taken, was=released)
        assert store.issued_subject(ISSUED.issuer, ISSUED.subject) == taken
        assert not store.change_subject(taken, was=replace(ISSUED, subject="never issued"))

    def test_pages_follow_the_subjects_of_one_organization(self, store: SubjectStore) -> None:
        for number in (3, 1, 2):
            store.claim(replace(ISSUED, subject=f"s{number}"))
        store.claim(replace(ISSUED, subject="s9", organization_id="org_b"))
        assert [each.subject for each in store.issued_subjects("org_a", limit=2)] == ["s1", "s2"]
        assert [each.subject for each in store.issued_subjects("org_a", after="s2")] == ["s3"]


def test_threats_43_a_restart_forgets_no_subject(tmp_path: Path) -> None:
    with open_store(tmp_path / "data") as opened:
        opened.subjects.claim(ISSUED)
    with open_store(tmp_path / "data") as opened:
        assert opened.subjects.claim(replace(ISSUED, owner="b", organization_id="org_b")) == ISSUED


class TestMemory(SubjectStoreContract):
    @pytest.fixture
    def store(self) -> SubjectStore:
        return MemorySubjectStore()


class TestSql(SubjectStoreContract):
    @pytest.fixture(params=["sqlite", "postgresql"])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SubjectStore]:
        if request.param == "sqlite":
            opening = open_store(tmp_path / "data")
        else:
            opening = open_database(Secret(request.getfixturevalue("database_url")))
        with opening as opened:
            yield opened.subjects
