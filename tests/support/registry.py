"""A registry and what goes with it, on memory, with a clock that stands still until told."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from daypass.idp.caller import Caller
from daypass.idp.memory import MemoryAuditLog, MemoryRegistryStore, MemorySubjectStore
from daypass.idp.registry import Registry
from daypass.idp.subject_ledger import SubjectLedger

OPERATOR = Caller.operator(request_id="test")


@dataclass
class StoppedClock:
    """A clock for tests."""

    now: datetime = datetime(2026, 9, 21, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        """The same, as a clock that counts seconds."""
        return self.now.timestamp()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Office:
    """A registry on memory."""

    clock: StoppedClock = field(default_factory=StoppedClock)
    store: MemoryRegistryStore = field(default_factory=MemoryRegistryStore)
    audit: MemoryAuditLog = field(default_factory=MemoryAuditLog)
    registry: Registry = field(init=False)
    subjects: SubjectLedger = field(init=False)

    def __post_init__(self) -> None:
        self.subjects = SubjectLedger(MemorySubjectStore(), self.store, self.audit, self.clock)
        self.registry = Registry(self.store, self.audit, self.clock, secrets.token_bytes)
