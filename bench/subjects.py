"""What it costs to make sure whose a subject is: on the hot path for every token, in memory when it is known."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from daypass.idp.memory import MemoryAuditLog, MemoryRegistryStore
from daypass.idp.subject_ledger import SubjectLedger
from daypass.store import open_store
from daypass.subjects.facts import WorkloadFacts, WorkloadKind
from daypass.subjects.identity import owner_of
from daypass.subjects.registry import format_named

if TYPE_CHECKING:
    from pathlib import Path

KNOWN_GOAL_US = 5.0
FACTS = WorkloadFacts("org_a", "acme", "Acme", "prj_b", "shop", "Shop", "job_c", WorkloadKind.JOB, "job")


def section(folder: Path, *, times: int = 20_000, new: int = 500) -> list[dict]:
    """One row for subjects that are known, one for those that are new and go to disk first."""
    (folder / "subjects").mkdir()
    known_us, owner_us, new_us = asyncio.run(_measure(folder / "subjects", times, new))
    print(
        f"  {'known: in memory':<44} {known_us:>6.2f} us CPU (goal {KNOWN_GOAL_US:g}), the owner {owner_us:.2f} of it"
    )
    print(f"  {'new: committed to disk':<44} {new_us:>6.0f} us CPU")
    return [
        {"what": "subject known", "server_cpu_us": round(known_us, 2), "failures": int(known_us > KNOWN_GOAL_US)},
        {"what": "subject new", "server_cpu_us": round(new_us), "failures": 0},
    ]


async def _measure(folder: Path, times: int, new: int) -> tuple[float, float, float]:
    def clock() -> datetime:
        return datetime.now(UTC)

    token_format, now = format_named("daypass"), clock()
    with open_store(folder) as store:
        ledger = SubjectLedger(store.subjects, MemoryRegistryStore(), MemoryAuditLog(), clock)

        async def demand(facts: WorkloadFacts, subject: str) -> None:
            owner = owner_of(token_format, facts, (), exchanged=False)
            await ledger.demand("https://idp.example.com", subject, owner, organization_id="org_a", now=now)

        await demand(FACTS, "s")
        begin = time.process_time()
        for _ in range(times):
            await demand(FACTS, "s")
        known_us = (time.process_time() - begin) * 1e6 / times
        begin = time.process_time()
        for _ in range(times):
            owner_of(token_format, FACTS, (), exchanged=False)
        owner_us = (time.process_time() - begin) * 1e6 / times
        begin = time.process_time()
        for number in range(new):
            await demand(replace(FACTS, workload_id=f"job_{number}"), f"s{number}")
        return known_us, owner_us, (time.process_time() - begin) * 1e6 / new
