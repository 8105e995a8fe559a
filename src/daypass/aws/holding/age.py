"""How much of a session is left, by clocks that may be wrong; and when it is time for the next one.

A session ends by AWS's clock. This machine's may be an hour off, and may be set right while a job runs, so a session's
age is counted by the clock that nobody sets (CLOCK_BOOTTIME, which goes on while the machine sleeps), from before it
was asked for. Only in another boot, or on another machine that shares the cache, the wall clock has to do.

botocore asks again at each call once less than 15 minutes are left, and waits for it once less than 10 are (its
RefreshableCredentials); so a session of an hour is replaced when 20 are left, and no client comes that near.
"""

from __future__ import annotations

import time

from daypass.light_typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MARGIN_SECONDS: Final = 300
"""Nothing is handed out with less than this left, unless no other can be had."""
EARLY_SECONDS: Final = 900
"""How long before that the next session may be asked for, at most."""
MAX_SKEW_SECONDS: Final = 60
_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"


class State:
    """What to do about a session. No Enum, which would be a tenth of what the hot path takes."""

    FRESH: Final = "use it"
    EARLY: Final = "use it; somebody should ask for the next one"
    LATE: Final = "ask for the next one; use it if that fails for now"
    GONE: Final = "ask for the next one"


class Reading(NamedTuple):
    """The clocks at one moment, in seconds: the wall clock since 1970, and the boot clock since the boot `boot_id`."""

    wall: float
    boot: float
    boot_id: str


class Span:
    """A session's life: when it was asked for, its seconds from then on, and the age at which to ask for the next.

    No NamedTuple, as `Held` is none: making such a class takes longer than reading the cache.
    """

    __slots__ = ("begun", "lifetime_seconds", "refresh_at_seconds")

    def __init__(self, begun: Reading, lifetime_seconds: float, refresh_at_seconds: float) -> None:
        self.begun = begun
        self.lifetime_seconds = lifetime_seconds
        self.refresh_at_seconds = refresh_at_seconds


def now() -> Reading:
    """The clocks of this machine. `boot_id` is empty where there is no boot clock."""
    wall = time.time()
    try:
        with open(_BOOT_ID, encoding="utf-8") as file:
            return Reading(wall, time.clock_gettime(time.CLOCK_BOOTTIME), file.read(64).strip())
    except (OSError, AttributeError):
        return Reading(wall, 0.0, "")


def span(begun: Reading, lifetime_seconds: float, random: float) -> Span:
    """The life of a session that was asked for at `begun`.

    Args:
        begun: the clocks before the request was sent.
        lifetime_seconds: from then to its end.
        random: 0 to 1. Sessions that began together are not all replaced together.
    """
    late = min(MARGIN_SECONDS, lifetime_seconds / 3)
    early = min(EARLY_SECONDS, lifetime_seconds / 4)
    return Span(begun, lifetime_seconds, lifetime_seconds - late - early * (1 - random / 4))


def age_seconds(life: Span, at: Reading) -> float | None:
    """How old the session is; None when no clock can tell: the wall clock was set back and there is no other."""
    if life.begun.boot_id and life.begun.boot_id == at.boot_id and at.boot >= life.begun.boot:
        return at.boot - life.begun.boot
    age = at.wall - life.begun.wall
    return age if age >= -MAX_SKEW_SECONDS else None


def left_seconds(life: Span, at: Reading) -> float:
    """How long the session still lasts; 0 when it ended or no clock can tell."""
    age = age_seconds(life, at)
    return 0.0 if age is None else max(0.0, life.lifetime_seconds - age)


def state(life: Span, at: Reading) -> str:
    """What to do about it now: one of `State`."""
    age, left = age_seconds(life, at), left_seconds(life, at)
    if age is None or left <= 0:
        return State.GONE
    if left < min(MARGIN_SECONDS, life.lifetime_seconds / 3):
        return State.LATE
    return State.EARLY if age >= life.refresh_at_seconds else State.FRESH
