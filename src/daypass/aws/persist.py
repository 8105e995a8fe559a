"""Try again, as AWS's SDKs do: a few times, with full jitter, and not for ever.

Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from daypass.aws import fate
from daypass.aws.fate import Fate
from daypass.errors import DaypassError

if TYPE_CHECKING:
    from collections.abc import Callable

RETRIES: Final = 3
BUDGET_SECONDS: Final = 30.0
_LONGEST_PAUSE: Final = 8.0
_LONGEST_PAUSE_OF_WAITING: Final = 4.0

Result = TypeVar("Result")


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
        kind = fate.of(failure)
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
