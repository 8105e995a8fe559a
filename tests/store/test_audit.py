"""The SQL audit log: the chain, the batches, and what happens when the disk says no."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from daypass.errors import AuditBroken, AuditUnavailable
from daypass.idp.model import AuditEntry
from daypass.store import open_store
from daypass.store.audit import SqlAuditLog
from daypass.store.sqlite import sqlite_engine
from support.outside import outside

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

ENTRY = AuditEntry(
    at=datetime(2026, 9, 21, tzinfo=UTC), event="e", outcome="changed", request_id="r", organization_id="org_a"
)


async def fill(log: SqlAuditLog, count: int) -> None:
    for number in range(count):
        await log.append(replace(ENTRY, request_id=str(number)))


TAMPERINGS = {
    "row changed": ("UPDATE audit SET row = replace(row, '\"2\"', '\"9\"') WHERE sequence = 3", 3),
    "hash changed": ("UPDATE audit SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE sequence = 3", 3),
    "row taken out": ("DELETE FROM audit WHERE sequence = 3", 3),
    "first row taken out": ("DELETE FROM audit WHERE sequence = 1", 1),
    "rows swapped": (
        """UPDATE audit SET row = (SELECT b.row FROM audit b WHERE b.sequence = 7 - audit.sequence)
           WHERE sequence IN (3, 4)""",
        3,
    ),
    "hidden from its organization": ("UPDATE audit SET organization_id = 'org_b' WHERE sequence = 3", 3),
    "not even JSON": ("UPDATE audit SET row = 'x' WHERE sequence = 3", 3),
    "not even text": ("UPDATE audit SET row = x'00ff' WHERE sequence = 3", 3),
    "row put in at the end": (
        "INSERT INTO audit SELECT 6, organization_id, row, hash FROM audit WHERE sequence = 5",
        6,
    ),
}


@pytest.mark.parametrize(("statement", "first_bad"), TAMPERINGS.values(), ids=TAMPERINGS)
def test_the_chain_names_the_first_row_that_was_touched(tmp_path: Path, statement: str, first_bad: int) -> None:
    with open_store(tmp_path) as store:
        asyncio.run(fill(store.audit, 5))
        assert store.audit.verify() == 5
    with outside(tmp_path) as connection:
        changed = connection.execute(statement).rowcount
    assert changed
    with open_store(tmp_path) as store, pytest.raises(AuditBroken) as broken:
        store.audit.verify()
    assert broken.value.facts["sequence"] == first_bad


@pytest.mark.parametrize("row", ["'x'", "'{}'", "x'00ff'"])
def test_a_row_that_cannot_be_read_is_told_as_such(tmp_path: Path, row: str) -> None:
    with open_store(tmp_path) as store:
        asyncio.run(fill(store.audit, 2))
    with outside(tmp_path) as connection:
        connection.execute(f"UPDATE audit SET row = {row} WHERE sequence = 1")
    with open_store(tmp_path) as store, pytest.raises(AuditUnavailable, match="not as it was written"):
        store.audit.entries()


def test_an_error_of_the_database_does_not_show_what_was_written(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "x.db")
    with engine.connect() as connection, pytest.raises(OperationalError) as caught:
        connection.execute(text("INSERT INTO nowhere VALUES (:value)"), {"value": "confidential"})
    engine.dispose()
    assert "confidential" not in str(caught.value)


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    for total in (3, 6):
        with open_store(tmp_path) as store:
            asyncio.run(fill(store.audit, 3))
            assert store.audit.verify() == total


def test_verification_reads_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.store.audit._VERIFIED_AT_ONCE", 2)
    with open_store(tmp_path) as store:
        asyncio.run(fill(store.audit, 5))
        assert store.audit.verify() == 5


def test_a_batch_is_written_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daypass.store.audit._INSERTED_AT_ONCE", 2)

    async def together(log: SqlAuditLog) -> None:
        await asyncio.gather(*(log.append(ENTRY) for _ in range(5)))

    with open_store(tmp_path) as store:
        asyncio.run(together(store.audit))
        assert [record.sequence for record in store.audit.entries()] == [1, 2, 3, 4, 5]
        assert store.audit.verify() == 5


class Gate:
    """Holds the commits of a log until told."""

    def __init__(self, log: SqlAuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[int] = []
        self.open = threading.Event()
        self.writing = threading.Event()
        real = log._write

        def write(rows: Sequence[Any]) -> AuditUnavailable | Collection[Any]:
            self.batches.append(len(rows))
            self.writing.set()
            assert self.open.wait(10)
            return real(rows)

        monkeypatch.setattr(log, "_write", write)


def test_rows_that_arrive_during_a_commit_are_the_next_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(log: SqlAuditLog) -> None:
        gate = Gate(log, monkeypatch)
        first = asyncio.create_task(log.append(ENTRY))
        await asyncio.to_thread(gate.writing.wait, 5)
        rest = [asyncio.create_task(log.append(ENTRY)) for _ in range(100)]
        await asyncio.sleep(0.05)
        assert not any(each.done() for each in (first, *rest))  # nobody is told before the disk has it
        gate.open.set()
        await asyncio.gather(first, *rest)
        assert gate.batches == [1, 100]

    with open_store(tmp_path) as store:
        asyncio.run(story(store.audit))
        assert store.audit.verify() == 101


def test_too_many_waiting_rows_are_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(log: SqlAuditLog) -> None:
        gate = Gate(log, monkeypatch)
        first = asyncio.create_task(log.append(ENTRY))
        await asyncio.to_thread(gate.writing.wait, 5)
        waiting = [asyncio.create_task(log.append(ENTRY)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(AuditUnavailable):
            await asyncio.wait_for(log.append(ENTRY), 0.5)
        gate.open.set()
        await asyncio.gather(first, *waiting)
        await log.append(ENTRY)

    with open_store(tmp_path):
        engine = sqlite_engine(tmp_path / "daypass.db")
        log = SqlAuditLog(engine, max_waiting=3)
        asyncio.run(story(log))
        assert log.verify() == 5
        log.close()
        engine.dispose()


def test_one_caller_who_leaves_takes_nobody_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(log: SqlAuditLog) -> None:
        gate = Gate(log, monkeypatch)
        staying = asyncio.create_task(log.append(ENTRY))
        leaving = asyncio.create_task(log.append(ENTRY))
        await asyncio.to_thread(gate.writing.wait, 5)
        leaving.cancel()
        gate.open.set()
        await staying
        with pytest.raises(asyncio.CancelledError):
            await leaving

    with open_store(tmp_path) as store:
        asyncio.run(story(store.audit))
        assert store.audit.verify() == 2


def test_after_a_failed_commit_the_chain_goes_on_without_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(log: SqlAuditLog) -> None:
        await fill(log, 2)
        insert, log._insert = log._insert, "INSERT INTO audit VALUES (?, ?, ?, ?, 'one too many')"
        results = await asyncio.gather(*(log.append(ENTRY) for _ in range(10)), return_exceptions=True)
        assert all(isinstance(each, AuditUnavailable) for each in results)
        assert len({id(each) for each in results}) == 10  # one traceback each
        log._insert = insert
        await fill(log, 2)

    with open_store(tmp_path) as store:
        asyncio.run(story(store.audit))
        assert store.audit.verify() == 4


def test_a_commit_whose_answer_was_lost_is_seen_in_the_tail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row may be on disk although the caller was told no; the next row must still follow it."""

    async def story(log: SqlAuditLog) -> None:
        await fill(log, 1)
        connection = log._connection
        assert connection is not None
        real = connection._commit_impl

        def commit_and_fail() -> None:
            real()
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

        monkeypatch.setattr(connection, "_commit_impl", commit_and_fail)
        with pytest.raises(AuditUnavailable):
            await log.append(ENTRY)
        await fill(log, 1)

    with open_store(tmp_path) as store:
        asyncio.run(story(store.audit))
        assert store.audit.verify() == 3


def test_a_bad_row_is_its_senders_alone(tmp_path: Path) -> None:
    async def story(log: SqlAuditLog) -> None:
        bad = replace(ENTRY, subject="\ud800")
        results = await asyncio.gather(log.append(ENTRY), log.append(bad), log.append(ENTRY), return_exceptions=True)
        assert [type(each) for each in results] == [type(None), AuditUnavailable, type(None)]

    with open_store(tmp_path) as store:
        asyncio.run(story(store.audit))
        assert store.audit.verify() == 2


def test_a_closed_log_refuses(tmp_path: Path) -> None:
    with open_store(tmp_path) as store:
        pass
    with pytest.raises(AuditUnavailable):
        asyncio.run(store.audit.append(ENTRY))
    store.close()


def test_a_mistake_of_ours_lets_nobody_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(log: SqlAuditLog) -> None:
        reported: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
        with monkeypatch.context() as patched:
            patched.setattr("daypass.store.audit._chain", lambda *_: 1 / 0)
            with pytest.raises(AuditUnavailable):
                await asyncio.wait_for(log.append(ENTRY), 5)
        await log.append(ENTRY)
        assert [type(each["exception"]) for each in reported] == [ZeroDivisionError]

    with open_store(tmp_path) as store:
        asyncio.run(story(store.audit))
        assert store.audit.verify() == 1
