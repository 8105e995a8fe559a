"""Try again what may pass by itself: a few times, with full jitter, and not for ever.

Whoever calls a service says what a failure of it is good for, as `fate` among the facts of its error.
Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
"""

from __future__ import annotations

from enum import StrEnum

from daypass.errors import DaypassError, Unavailable
from daypass.light_typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, TypeVar

    Result = TypeVar("Result")

RETRIES: Final = 3
BUDGET_SECONDS: Final = 30.0
_LONGEST_PAUSE: Final = 8.0
_LONGEST_PAUSE_OF_WAITING: Final = 4.0


class Fate(StrEnum):
    """What becomes of a failure when nothing is done."""

    TRANSIENT = "transient"
    """It passes by itself in seconds: try again."""
    PROPAGATION = "propagation"
    """It passes if what it is about was made or changed a moment ago, and never otherwise."""
    FINAL = "final"
    """It stays."""


def fate_of(failure: DaypassError) -> Fate:
    """The fate of any failure of a login; of a service's refusals it is in `facts`, as `fate`."""
    known = failure.facts.get("fate")
    if isinstance(known, Fate):
        return known
    if isinstance(failure, Unavailable) and failure.facts.get("transient") is True:
        return Fate.TRANSIENT
    return Fate.FINAL


class Waiting(NamedTuple):
    """How a retry waits: a monotonic clock in seconds, sleeping for seconds, and a random number from 0 to 1."""

    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]


def persist(once: Callable[[], Result], *, waiting: Waiting, wait_seconds: float = 0.0) -> Result:
    """Do something until it works or a failure is to be told.

    What is transient is tried again, at most 3 times in a row and inside 30 seconds. What may be a change that does
    not count everywhere yet is tried again for `wait_seconds`, and not at all when they are 0. The rest is told at
    once, and so is the last failure.

    Raises:
        DaypassError: what `once` raised last.
    """
    begun = waiting.monotonic()
    transient = pauses = 0
    while True:
        try:
            return once()
        except DaypassError as error:
            failure = error
        kind = fate_of(failure)
        if kind is Fate.TRANSIENT and transient < RETRIES:
            longest, patience = min(_LONGEST_PAUSE, 2.0**transient), max(BUDGET_SECONDS, wait_seconds)
            transient += 1
        elif kind is Fate.PROPAGATION and wait_seconds > 0:
            longest, patience, transient = min(_LONGEST_PAUSE_OF_WAITING, 2.0**pauses), wait_seconds, 0
        else:
            raise failure
        pauses += 1
        pause = waiting.random() * longest
        if kind is Fate.PROPAGATION:
            pause = max(0.5, pause)
        # A call needs a second itself.
        if waiting.monotonic() - begun + pause + (kind is Fate.TRANSIENT) >= patience:
            raise failure
        waiting.sleep(pause)
