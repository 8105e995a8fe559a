"""The audit log in SQL: durable, in order, chained by hashes, at the price of one commit for many rows.

The event loop collects rows, one thread commits them, and those that arrive during one commit are the next batch. So
nobody waits for a pause, an idle log commits at once, and a busy one pays one fsync for everybody. All rows of a batch
are awaited through one future: one future for each would cost more than the row. The use of an upstream token is in the
same commit as the row of what it was exchanged for.
"""

from __future__ import annotations

import asyncio
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final

import orjson
from sqlalchemy import func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from daypass.errors import AuditBroken, AuditUnavailable, StoreUnavailable
from daypass.idp.model import AuditEntry, AuditRecord
from daypass.store.engine import reading, shared, unavailable, writing
from daypass.store.postgresql import lock
from daypass.store.schema import audit
from daypass.store.uses import delete_uses, insert_uses

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection, Engine

    from daypass.idp.model import TokenUse

MAX_WAITING: Final = 10_000
"""Rows that may wait for a commit. Beyond, whoever asks is refused at once."""

_MEMBERS: Final = tuple(sorted(field.name for field in fields(AuditEntry)))
_TIMES: Final = ("at", "expires_at")
_VERIFIED_AT_ONCE: Final = 1_000
_INSERTED_AT_ONCE: Final = 200  # of four variables each: every SQLite takes 999
_COLUMNS: Final = ("sequence", "organization_id", "row", "hash")
_FURTHER_ROW: Final = ", (?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class _Tail:
    """The last committed row."""

    sequence: int
    hash: str


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A row that is to be written, if its use is the first."""

    organization_id: str | None
    row: bytes
    use: TokenUse | None


class _Batch(asyncio.Future["AuditUnavailable | Collection[_Waiting]"]):
    """One commit, awaited by everybody whose row is in it: why it failed, or the rows left out of it."""

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 (asyncio's signature)
        """Refuse: one caller's cancellation must not be everybody's. Theirs takes effect when the commit has ended."""
        return False


class SqlAuditLog:
    """An `AuditLog`. Used by one event loop; `close` it when that loop has ended its work."""

    def __init__(self, engine: Engine, *, max_waiting: int = MAX_WAITING) -> None:
        self._engine = engine
        self._max_waiting = max_waiting
        self._shared = shared(engine)
        self._insert = str(insert(audit).compile(engine))
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="daypass-audit")
        self._waiting: list[_Waiting] = []
        self._next: _Batch | None = None
        self._committing = False
        self._closed = False
        # Of the thread alone:
        self._connection: Connection | None = None
        self._tail = _Tail(0, "")

    async def append(self, entry: AuditEntry, *, use: TokenUse | None = None) -> None:
        """See `AuditLog`."""
        if self._closed or len(self._waiting) >= self._max_waiting:
            raise AuditUnavailable(
                "the audit log is closed" if self._closed else "too many rows wait for the audit log",
                advice="Try again in a moment.",
            )
        mine = _Waiting(entry.organization_id, _encode(entry), use)
        self._waiting.append(mine)
        batch = self._next
        if batch is None:
            loop = asyncio.get_running_loop()
            batch = self._next = _Batch(loop=loop)
            if not self._committing:
                self._committing = True
                loop.call_soon(self._commit_next)
        outcome = await batch
        if isinstance(outcome, AuditUnavailable):
            raise AuditUnavailable(outcome.message, advice=outcome.advice)
        if use is not None and mine in outcome:
            raise use.not_the_first()

    def forget_uses(self, now: datetime) -> int:
        """See `AuditLog`."""
        with writing(self._engine) as connection:
            return delete_uses(connection, now)

    def entries(
        self, *, after: int = 0, limit: int = 100, organization_id: str | None = None, kid: str | None = None
    ) -> Sequence[AuditRecord]:
        """See `AuditLog`."""
        query = select(audit).where(audit.c.sequence > after).order_by(audit.c.sequence).limit(limit)
        if organization_id is not None:
            query = query.where(audit.c.organization_id == organization_id)
        if kid is not None:
            # As the row has it: quotes inside a text are escaped there, so nobody's text can look like this member.
            query = query.where(audit.c.row.contains(f'"kid":{orjson.dumps(kid).decode()}', autoescape=True))
        try:
            with reading(self._engine) as connection:
                rows = connection.execute(query).all()
        except StoreUnavailable as error:
            raise AuditUnavailable(error.message, advice=error.advice) from None
        try:
            records = [AuditRecord(row.sequence, row.hash, _decode(row.row)) for row in rows]
        except (ValueError, TypeError, KeyError):
            raise AuditUnavailable(
                "the audit log holds a row that is not as it was written", advice="Compare with a backup."
            ) from None
        # SQL's LIKE may take capitals for small letters.
        return [record for record in records if kid in (None, record.entry.kid)]

    def verify(self) -> int:
        """See `AuditLog`.

        The chain shows what was changed, put in or taken out. It cannot show that the newest rows are missing: compare
        the number and the last hash with what was noted elsewhere.

        Raises:
            AuditBroken: with the `sequence` of the first row that is not as it was written.
            AuditUnavailable: when the rows cannot be read.
        """
        tail = _Tail(0, "")
        try:
            with reading(self._engine) as connection:
                while rows := connection.execute(
                    select(audit)
                    .where(audit.c.sequence > tail.sequence)
                    .order_by(audit.c.sequence)
                    .limit(_VERIFIED_AT_ONCE)
                ).all():
                    for row in rows:
                        tail = _verified(tail, row.sequence, row.organization_id, _bytes(row.row), row.hash)
        except StoreUnavailable as error:
            raise AuditUnavailable(error.message, advice=error.advice) from None
        return tail.sequence

    def close(self) -> None:
        """Let the running commit end; refuse whoever waits for the next. Doing it twice is harmless."""
        if not self._closed:
            self._closed = True
            self._executor.submit(self._disconnect)
            self._executor.shutdown(wait=True)

    # ------------------------------------------------------------------------------------- in the event loop

    def _commit_next(self) -> None:
        batch, self._next = self._next, None
        rows, self._waiting = self._waiting, []
        if batch is None:
            self._committing = False
        elif self._closed:
            batch.set_result(AuditUnavailable("the audit log is closed"))
            self._committing = False
        else:
            written = batch.get_loop().run_in_executor(self._executor, self._write, rows)
            written.add_done_callback(partial(self._committed, batch))

    def _committed(self, batch: _Batch, written: asyncio.Future[AuditUnavailable | Collection[_Waiting]]) -> None:
        fault = written.exception()
        batch.set_result(written.result() if fault is None else AuditUnavailable("the audit log failed"))
        self._commit_next()
        if fault is not None:
            raise fault  # our own mistake: nobody waits for ever because of it, and the event loop reports it

    # ------------------------------------------------------------------------------------------ in the thread

    def _write(self, waiting: Sequence[_Waiting]) -> AuditUnavailable | Collection[_Waiting]:
        try:
            connection = self._connection or self._connect()
            with connection.begin():
                # Before the lock: while others wait for it, nobody who has it waits for them.
                used = _used_before(connection, waiting)
                tail = self._insert_all(connection, [one for one in waiting if one not in used] if used else waiting)
        except SQLAlchemyError as error:
            # Whether a commit that failed is on disk is for the next connection to see, in the tail it reads.
            self._disconnect()
            refusal = unavailable(error)
            return AuditUnavailable(refusal.message, advice=refusal.advice)
        self._tail = tail
        return used

    def _insert_all(self, connection: Connection, rows: Sequence[_Waiting]) -> _Tail:
        """Chain the rows to the newest one, which other replicas may have written; they wait for this transaction."""
        if self._shared:
            lock(connection, "audit")
        tail = _newest(connection) if self._shared else self._tail
        chained: list[tuple[int, str | None, str, str]] = []
        for one in rows:
            tail = _Tail(tail.sequence + 1, _chain(tail, one.row))
            chained.append((tail.sequence, one.organization_id, one.row.decode(), tail.hash))
        if not chained:
            return tail
        if self._shared:
            connection.execute(insert(audit), [dict(zip(_COLUMNS, row, strict=True)) for row in chained])
            return tail
        # One statement for many rows: each statement hands the interpreter to the event loop and waits for it.
        for first in range(0, len(chained), _INSERTED_AT_ONCE):
            some = chained[first : first + _INSERTED_AT_ONCE]
            statement = self._insert + _FURTHER_ROW * (len(some) - 1)
            connection.exec_driver_sql(statement, tuple(chain.from_iterable(some)))
        return tail

    def _connect(self) -> Connection:
        connection = self._engine.connect().execution_options(writes=True)
        try:
            with connection.begin():
                self._tail = _newest(connection)
        except SQLAlchemyError:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()


def _used_before(connection: Connection, waiting: Sequence[_Waiting]) -> Collection[_Waiting]:
    """Count the uses; those that are not the first of their token."""
    counted = [one for one in waiting if one.use is not None]
    if not counted:
        return ()
    new = set(insert_uses(connection, [one.use for one in counted if one.use is not None]))
    late: list[_Waiting] = []
    for one in counted:
        assert one.use is not None
        if one.use.key in new:
            new.remove(one.use.key)
        else:
            late.append(one)
    return late


def _newest(connection: Connection) -> _Tail:
    newest = select(func.max(audit.c.sequence)).scalar_subquery()
    row = connection.execute(select(audit.c.sequence, audit.c.hash).where(audit.c.sequence == newest)).one_or_none()
    return _Tail(0, "") if row is None else _Tail(row.sequence, row.hash)


def _chain(previous: _Tail, row: bytes) -> str:
    """The hash of a row: over the hash before it, its own number, and its bytes."""
    return hashlib.sha256(f"{previous.hash}{previous.sequence + 1}".encode() + row).hexdigest()


def _verified(previous: _Tail, sequence: int, organization_id: str | None, row: bytes, found: str) -> _Tail:
    expected = _chain(previous, row)
    if sequence != previous.sequence + 1 or found != expected or _decode(row).organization_id != organization_id:
        first = previous.sequence + 1
        raise AuditBroken(
            f"the audit log was changed at row {first}",
            advice="Rows before it are as they were written. Compare with a backup.",
            sequence=first,
        )
    return _Tail(sequence, expected)


def _encode(entry: AuditEntry) -> bytes:
    """Canonical JSON: sorted members, no blanks, UTC with `Z`, nothing that is None."""
    members = {name: value for name in _MEMBERS if (value := getattr(entry, name)) is not None}
    members["detail"] = dict(entry.detail)
    try:
        return orjson.dumps(members, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
    except TypeError:  # half a surrogate pair: JSON's strings are UTF-8
        raise AuditUnavailable("the audit entry holds text that is not Unicode") from None


def _bytes(row: str | bytes) -> bytes:
    """SQLite gives what was put in, and somebody else may have put in a blob."""
    return row if isinstance(row, bytes) else row.encode()


def _decode(row: str | bytes) -> AuditEntry:
    members = orjson.loads(row)
    times = {name: datetime.fromisoformat(members[name]).astimezone(UTC) for name in _TIMES if name in members}
    return AuditEntry(**members | times | {"audience": tuple(members["audience"])})
