"""The wall clock without its jumps: for what must happen once and in order, whatever somebody sets the clock to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from daypass.idp.ports import Clock

TOLERANCE_SECONDS: Final = 30.0
"""A clock that is being set right step by step moves less than this between two looks; what moves more has jumped."""


class SteadyClock:
    """A `Clock` that follows the wall clock while it goes on as time does, and goes on alone when it jumps.

    The first look is believed: nothing is known yet. After a jump it stays beside the wall clock until that comes back,
    or until the next start; `jumped` tells by how many seconds the wall clock is ahead, 0 when the two agree.
    """

    def __init__(self, wall: Clock, monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._at = wall()
        self._seen = monotonic()
        self.jumped = 0.0

    def __call__(self) -> datetime:
        """Now, in UTC."""
        seen = self._monotonic()
        wall = self._wall()
        expected = self._at + timedelta(seconds=seen - self._seen)
        ahead = (wall - expected).total_seconds()
        agrees = abs(ahead) <= TOLERANCE_SECONDS
        self.jumped = 0.0 if agrees else ahead
        self._at, self._seen = (wall if agrees else expected), seen
        return self._at
