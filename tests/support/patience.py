"""A world whose clock only moves by waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from daypass.calling.persist import Waiting

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class World:
    """A monotonic clock, and the time of day with it; `random` is what chance says each time."""

    def __init__(self, random: float = 0.5) -> None:
        self.time = 0.0
        self.slept: list[float] = []
        self.random = random

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)

    def waiting(self) -> Waiting:
        return Waiting(lambda: self.time, self.sleep, lambda: self.random)
