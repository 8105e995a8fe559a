"""How often something may happen: the generic cell rate algorithm, a token bucket that keeps one number per key.

The number is when the bucket will be full again (ITU-T I.371, annex A, calls it the theoretical arrival time). Pure:
times are whole nanoseconds of any one clock that never goes back, and come from outside. Floats would lose
the difference between two events on a machine that has been up for long.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

LEAST_AT_ONCE: Final = 20
SECOND: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a minute, evenly: a sixth of them may come at once, or 20 where that is more, and then one each interval.

    Without the room for some at once a fleet of jobs that starts on the hour would be refused; with a whole minute's
    worth, one tenant could have the server for itself for as long as that takes.
    """

    per_minute: int

    @property
    def interval(self) -> int:
        """Nanoseconds between two, rounded up."""
        return -(-60 * SECOND // self.per_minute)

    @property
    def at_once(self) -> int:
        """How many may come at once, after a quiet time."""
        return min(self.per_minute, max(LEAST_AT_ONCE, self.per_minute // 6))

    def wait(self, full_at: int, now: int) -> int:
        """Nanoseconds until the next may come; 0 when it may come now."""
        return max(0, full_at - now - (self.at_once - 1) * self.interval)

    def taken(self, full_at: int, now: int) -> int:
        """When the bucket will be full again, after one more."""
        return max(full_at, now) + self.interval


class Buckets:
    """One bucket per key, of at most `max_keys` keys: the one that was used longest ago is forgotten first.

    A bucket that is forgotten is full again. The longest unused is full already, unless more than `max_keys` keys were
    used within the time that a bucket takes to fill (ten seconds; a minute at the smallest rates).
    """

    def __init__(self, rate: Rate, *, max_keys: int) -> None:
        self.rate = rate
        self._max_keys = max_keys
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def wait(self, key: str, now: int) -> int:
        """Nanoseconds until the next of `key` may come; 0 when it may come now. Nothing is taken."""
        return self.rate.wait(self._full_at.get(key, now), now)

    def take(self, key: str, now: int) -> None:
        """Take one of `key`. Whoever takes without asking is let wait the longer."""
        self._full_at[key] = self.rate.taken(self._full_at.get(key, now), now)
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)


def whole_seconds(wait: int) -> int:
    """Nanoseconds as `Retry-After` has them (RFC 9110 section 10.2.3): whole seconds, rounded up."""
    return -(-wait // SECOND)
