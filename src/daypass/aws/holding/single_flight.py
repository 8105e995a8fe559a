"""One process asks for the next session, and all others use what it got, its failure too.

A session that still lasts is hardly waited for: whoever finds it due, and the lock free, asks for the next one, and
goes on with the old one when that takes longer than moments; the others go on with it at once. Only when there is
none, or its end is seconds away, everybody waits for the one who asks.
"""

from __future__ import annotations

import contextlib
import os

from daypass import files
from daypass.aws.holding import age, cache
from daypass.errors import DaypassError, FileUnavailable, FileUnsafe, ServiceUnreachable, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from daypass.aws.holding.cache import Held

LOCK_SECONDS: Final = 60.0
"""Longer than a login with all its retries takes."""
EARLY_SECONDS: Final = 2.0
"""How long a session that is due is held back for the next one."""
LATE_SECONDS: Final = 5.0
"""The same with minutes left."""
AGAIN_SECONDS: Final = 30.0
"""Until the next one tries, after one who gave up waiting."""
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
    afresh: bool = False,
    early_seconds: float = EARLY_SECONDS,
    late_seconds: float = LATE_SECONDS,
) -> Held:
    """The session of the entry at `path`: the one that is there, or the next one.

    Args:
        path: the entry.
        obtain: asks for a session.
        clocks: the clocks, now.
        trouble: told why the cache cannot be used, or what failed while an old session still lasts. A cache that
            cannot be used stops nobody; the session is then kept nowhere.
        afresh: whether to ask though somebody else was refused a moment ago; for a person who just mended it.
        early_seconds: how long to wait for the next session while the old one lasts for long.
        late_seconds: the same while it lasts for minutes.

    Raises:
        DaypassError: what `obtain` raises, or raised a moment ago for another process, unless the failure may pass
            and the old session still lasts.
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

    needed = held is None or age.left_seconds(held.life, clocks()) <= _LEAST_SECONDS
    early = found == age.State.EARLY

    def following() -> Held:
        timeout = 0.0 if early else LOCK_SECONDS
        return _next(path, obtain, clocks, trouble, timeout_seconds=timeout, afresh=afresh, needed=needed)

    if held is None or needed:
        return following()
    try:
        return _within(early_seconds if early else late_seconds, path, clocks, following)
    except DaypassError as error:
        if age.left_seconds(held.life, clocks()) <= _LEAST_SECONDS or (not early and not _may_pass(error)):
            raise
        if not (error.facts.get("locked") or error.facts.get("remembered")):
            trouble(error)
        return held


def _within(seconds: float, path: str, clocks: Callable[[], age.Reading], following: Callable[[], Held]) -> Held:
    """The next session, if it is there soon. Who asks for it goes on asking, as long as this process lasts."""
    import threading  # noqa: PLC0415 - once in a session's life, and the hot path has none

    got: list[Held] = []
    failed: list[DaypassError] = []

    def ask() -> None:
        try:
            got.append(following())
        except DaypassError as error:
            failed.append(error)

    thread = threading.Thread(target=ask, name="daypass-next-session", daemon=True)
    thread.start()
    thread.join(seconds)
    if got:
        return got[0]
    if failed:
        raise failed[0]
    slow = ServiceUnreachable(f"the next session was not there within {seconds:g} seconds", transient=True, slow=True)
    from daypass.aws.holding import failures  # noqa: PLC0415 - likewise

    failures.remember(path, slow, clocks(), seconds=AGAIN_SECONDS)
    raise slow


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
    afresh: bool,
    needed: bool,
) -> Held:
    from daypass.aws.holding import failures  # noqa: PLC0415 - who asks STS has the time to load it

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
        failure = None if afresh else failures.remembered(path, clocks())
        if failure is not None and not (needed and failure.facts.get("slow")):
            raise failure
        try:
            got = obtain()
        except DaypassError as error:
            failures.remember(path, error, clocks())
            raise
        try:
            cache.write(path, got)
        except (FileUnsafe, FileUnavailable) as error:
            trouble(error)
        failures.forget(path)
        return got
