"""The time by the local AWS, which a test may move.

What ends, ends by this clock: sessions, tokens, `aws:CurrentTime`. Whether a signature is recent is judged by the real
time, because the client that signed it looked at the real clock; so is how old a fetched key set is. The services
behind the front keep the real time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)


class LocalClock:
    """A clock that is the real one until it is moved or stopped. `real` gives the real time, in UTC."""

    def __init__(self, real: Callable[[], datetime]) -> None:
        self.real = real
        self._ahead = timedelta(0)
        self._stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        """Now."""
        return self._stopped_at or self.real() + self._ahead

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return self._stopped_at is not None

    @property
    def moved(self) -> bool:
        """Whether it may tell another time than the real one."""
        return self.frozen or self._ahead != timedelta(0)

    def set(self, moment: datetime) -> None:
        """Tell `moment` now, and go on from there, or stand there when it stood before.

        Raises:
            RequestInvalid: for a time before 1970 or after 8999.
        """
        if not EARLIEST <= moment < LATEST:
            raise RequestInvalid(f"the clock cannot tell `{moment.isoformat()}`", advice="Name a time from 1970 on.")
        if self._stopped_at is not None:
            self._stopped_at = moment
        self._ahead = moment - self.real()

    def advance(self, seconds: float) -> None:
        """Move it on by seconds, or back by fewer than none.

        Raises:
            RequestInvalid: when it would be before 1970 or after 8999.
        """
        try:
            moment = self() + timedelta(seconds=seconds)
        except (OverflowError, ValueError):
            raise RequestInvalid(f"the clock cannot be moved by `{seconds}` seconds") from None
        self.set(moment)

    def freeze(self) -> None:
        """Stand still."""
        self._stopped_at = self()

    def go(self) -> None:
        """Go on from where it stands."""
        if self._stopped_at is not None:
            self._ahead, self._stopped_at = self._stopped_at - self.real(), None

    def restore(self) -> None:
        """Be the real clock again."""
        self._ahead, self._stopped_at = timedelta(0), None
