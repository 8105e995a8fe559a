"""One process asks for the next session, and all others use what it got.

A session that still lasts is never waited for: whoever finds it due, and the lock free, replaces it; the others go on
with it. Only when there is none, or its end is near, everybody waits for the one who asks.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.aws.holding import age, cache
from daypass.errors import DaypassError, FileUnavailable, FileUnsafe, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.aws.holding.cache import Held

LOCK_SECONDS: Final = 60.0
"""Longer than a login with all its retries takes."""
_LEAST_SECONDS: Final = 30


def usable(path: str, clocks: Callable[[], age.Reading]) -> Held | None:
    """What is in the cache, when it can be used as it is and nobody needs to do anything."""
    held = cache.read(path)
    return held if held is not None and age.state(held.life, clocks()) == age.State.FRESH else None


def hold(
    path: str,
    *,
    obtain: Callable[[], Held],
    clocks: Callable[[], age.Reading],
    trouble: Callable[[DaypassError], None],
) -> Held:
    """The session of the entry at `path`: the one that is there, or the next one.

    Args:
        path: the entry.
        obtain: asks for a session.
        clocks: the clocks, now.
        trouble: told why the cache cannot be used, or what failed while an old session still lasts. A cache that
            cannot be used stops nobody; the session is then kept nowhere.

    Raises:
        DaypassError: what `obtain` raises, unless the failure may pass and the old session still lasts.
    """
    try:
        files.private_folder(os.path.dirname(path))
        held = cache.read(path)
    except (FileUnsafe, FileUnavailable) as error:
        trouble(error)
        return obtain()
    found = age.State.GONE if held is None else age.state(held.life, clocks())
    if held is not None and found == age.State.FRESH:
        return held
    early = held is not None and found == age.State.EARLY
    try:
        return _next(path, obtain, clocks, trouble, timeout_seconds=0.0 if early else LOCK_SECONDS)
    except DaypassError as error:
        if held is None or age.left_seconds(held.life, clocks()) <= _LEAST_SECONDS:
            raise
        if not early and not _may_pass(error):
            raise
        if not error.facts.get("locked"):
            trouble(error)
        return held


def _may_pass(error: DaypassError) -> bool:
    from daypass.calling.persist import Fate, fate_of  # noqa: PLC0415 - only a failure needs it, the hot path has none

    return isinstance(error, Unavailable) or fate_of(error) is Fate.TRANSIENT


def _next(
    path: str,
    obtain: Callable[[], Held],
    clocks: Callable[[], age.Reading],
    trouble: Callable[[DaypassError], None],
    *,
    timeout_seconds: float,
) -> Held:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.locked(path, timeout_seconds=timeout_seconds))
            kept = cache.read(path)
        except (FileUnsafe, FileUnavailable) as error:
            if not timeout_seconds:
                raise
            trouble(error)
            return obtain()
        if kept is not None and age.state(kept.life, clocks()) == age.State.FRESH:
            return kept  # whoever had the lock before us asked
        got = obtain()
        try:
            cache.write(path, got)
        except (FileUnsafe, FileUnavailable) as error:
            trouble(error)
        return got
