"""What the audit log costs: tokens issued in this process, without HTTP, with their rows on disk or in memory only."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from daypass.idp.issue import Issuer, IssueRequest
from daypass.idp.key_rings import KeyRings
from daypass.idp.memory import (
    MemoryAuditLog,
    MemoryKeyStore,
    MemoryRegistryStore,
    MemorySigner,
    MemorySubjectStore,
)
from daypass.idp.model import DEFAULT_AUDIENCE, Organization, Project, Workload, WorkloadKind
from daypass.idp.subject_ledger import SubjectLedger
from daypass.names import IssuerUrl
from daypass.secret import Secret
from daypass.store import open_database, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.idp.ports import AuditLog

NOW = datetime.now(UTC)
ORGANIZATION = Organization("org_a", "bench", "Bench", "daypass", (), (DEFAULT_AUDIENCE,), NOW)
PROJECT = Project("prj_b", "org_a", "load", "Load", NOW)
WORKLOAD = Workload("job_c", "org_a", "prj_b", WorkloadKind.JOB, "job", {}, "0" * 64, NOW)
REQUEST = IssueRequest((DEFAULT_AUDIENCE,), None, "ES256", None, "bench", "127.0.0.1")
AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Issued:
    """ES256 tokens per second, and CPU microseconds of this process per token."""

    per_second: float
    cpu_us: float


def audited(folder: Path, seconds: float) -> Issued:
    """Each token's row is committed to disk before the token is given out."""
    with open_store(folder) as store:
        return asyncio.run(_issue(store.audit, seconds))


def audited_in_postgresql(url: str, seconds: float) -> Issued:
    """Each token's row is committed by the PostgreSQL server at `url` before the token is given out."""
    with open_database(Secret(url)) as store:
        return asyncio.run(_issue(store.audit, seconds))


def unaudited(seconds: float) -> Issued:
    """Rows are kept in memory: what issuing would cost without a durable log."""
    return asyncio.run(_issue(MemoryAuditLog(), seconds))


async def _issue(audit: AuditLog, seconds: float) -> Issued:
    def clock() -> datetime:
        return datetime.now(UTC)

    registry, url = MemoryRegistryStore(), IssuerUrl.parse("https://idp.example.com")
    key_rings = KeyRings(url, MemoryKeyStore(), registry, MemorySigner(clock), clock, audit, algorithms=["ES256"])
    await key_rings.load()
    subjects = SubjectLedger(MemorySubjectStore(), registry, audit, clock)
    issuer = Issuer(key_rings, audit, clock, os.urandom, subjects=subjects)
    count, cpu, begin = 0, time.process_time(), time.perf_counter()

    async def ask() -> None:
        nonlocal count
        while time.perf_counter() - begin < seconds:
            await issuer.issue(WORKLOAD, PROJECT, ORGANIZATION, REQUEST)
            count += 1
            await asyncio.sleep(0)

    await asyncio.gather(*(ask() for _ in range(AT_ONCE)))
    return Issued(count / (time.perf_counter() - begin), (time.process_time() - cpu) * 1e6 / count)
