"""Several roles from one token, asked for at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NamedTuple

from daypass.errors import DaypassError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from daypass.aws.holding.cache import Held
    from daypass.secret import Secret

_AT_ONCE: Final = 8


class Outcome(NamedTuple):
    """What came of one role: a session, or why not."""

    held: Held | None
    error: DaypassError | None


def ask_all(asks: Sequence[Callable[[], Held]]) -> list[Outcome]:
    """Ask for all, a few at a time. One refusal keeps no other role from its session."""

    def one(ask: Callable[[], Held]) -> Outcome:
        try:
            return Outcome(ask(), None)
        except DaypassError as error:
            return Outcome(None, error)

    with ThreadPoolExecutor(min(_AT_ONCE, max(1, len(asks))), thread_name_prefix="daypass-role") as pool:
        return list(pool.map(one, asks))


class OneToken:
    """One token for roles that ask for the same audience at once. A failure is everybody's too.

    Who tries again has a token of its own: the first one ends while a role is waited for.
    """

    def __init__(self, find: Callable[[], Secret]) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._error: DaypassError | None = None

    def for_one(self) -> Callable[[], Secret]:
        """What one role asks: first for the token of all, then for fresh ones."""
        tries = iter((self._shared,))

        def token() -> Secret:
            find = next(tries, self._find)
            return find()

        return token

    def _shared(self) -> Secret:
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._token is None:
                try:
                    self._token = self._find()
                except DaypassError as error:
                    self._error = error
                    raise
            return self._token
