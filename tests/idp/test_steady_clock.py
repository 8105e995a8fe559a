"""The clock that keys are rotated by does not jump with the wall clock (threats 79)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from daypass.idp.key_ring import KeyRing
from daypass.idp.key_times import KeyTimes
from daypass.idp.memory import MemoryAuditLog, MemoryKeyStore, MemorySigner
from daypass.idp.steady_clock import TOLERANCE_SECONDS, SteadyClock

AT = datetime(2026, 9, 21, 12, tzinfo=UTC)


class Machine:
    """A wall clock that can be set, and the time since the start."""

    def __init__(self) -> None:
        self.set_off = timedelta(0)
        self.uptime = 1000.0

    def wall(self) -> datetime:
        return AT + timedelta(seconds=self.uptime - 1000) + self.set_off


def test_it_follows_a_clock_that_is_set_right_step_by_step() -> None:
    machine = Machine()
    clock = SteadyClock(machine.wall, lambda: machine.uptime)
    for _ in range(10):
        machine.uptime += 60
        machine.set_off += timedelta(seconds=TOLERANCE_SECONDS - 1)
        assert clock() == machine.wall()
        assert clock.jumped == 0


JUMPS = [
    timedelta(hours=-1),
    timedelta(days=1),
    datetime(1970, 1, 1, tzinfo=UTC) - AT,
    datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC) - AT,
    datetime(9990, 1, 1, tzinfo=UTC) - AT,
]


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_threats_79_a_jump_of_the_wall_clock_rotates_nothing_and_drops_nothing(jump: timedelta) -> None:
    machine = Machine()
    clock = SteadyClock(machine.wall, lambda: machine.uptime)
    store = MemoryKeyStore()
    ring = KeyRing(
        store, MemorySigner(clock), clock, MemoryAuditLog(), algorithms=["ES256"], monotonic=lambda: machine.uptime
    )

    async def story() -> None:
        await ring.advance()
        before = store.keys()
        for _ in range(3):
            machine.set_off += jump
            machine.uptime += 20
            assert await ring.advance() == []
            assert clock.jumped == pytest.approx(jump.total_seconds())
            machine.set_off -= jump
            machine.uptime += 20
            assert await ring.advance() == []
            assert clock.jumped == 0
        assert store.keys() == before
        machine.set_off += jump
        assert await ring.advance() == []
        rotation = KeyTimes().rotation
        assert rotation is not None
        machine.uptime += rotation.total_seconds()  # time does go by, whatever the wall clock says
        changed = await ring.advance()
        assert [key.state for key in changed[:1]] == ["next"]

    asyncio.run(story())
