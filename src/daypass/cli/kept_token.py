"""Identity tokens on disk, for programs that run us before each of their own runs: one file each, for its owner alone.

A token is kept as AWS's sessions are: by its wish and whose it is, with its age by the clock that nobody sets.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from daypass import files
from daypass.aws.holding import age
from daypass.aws.holding.token_file import lifetime_seconds
from daypass.errors import DaypassError, FileUnavailable, FileUnsafe
from daypass.secret import Secret
from daypass.tokens.peek import peek

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FORMAT: Final = 2
_MAX_BYTES: Final = 64 * 1024
_LOCK_SECONDS: Final = 60.0


class Kept(NamedTuple):
    """A token and its life; no life when nobody knows how long it lasts."""

    token: Secret
    life: age.Span | None

    def fresh_seconds(self, at: age.Reading) -> float | None:
        """How long it will still be handed out; None when it is never handed out again."""
        if self.life is None:
            return None
        margin = min(age.MARGIN_SECONDS, self.life.lifetime_seconds / 3)
        return max(0.0, age.left_seconds(self.life, at) - margin)


def hold(
    path: Path,
    find: Callable[[], Secret],
    *,
    clocks: Callable[[], age.Reading],
    trouble: Callable[[DaypassError], None],
) -> Kept:
    """The token at `path`, or the next one: one process asks for it, and all others use what it got.

    Raises:
        DaypassError: what `find` raises, unless the old token still lasts.
    """
    try:
        files.private_folder(path.parent)
        kept = read(path)
        if kept is not None and _is_fresh(kept, clocks()):
            return kept
        with files.locked(path, timeout_seconds=_LOCK_SECONDS):
            kept = read(path)
            if kept is not None and _is_fresh(kept, clocks()):
                return kept  # whoever had the lock before us asked
            try:
                got = take(find, clocks)
            except DaypassError as error:
                if kept is None or kept.life is None or age.state(kept.life, clocks()) == age.State.GONE:
                    raise _NotFound(error) from None
                trouble(error)
                return kept
            if got.life is not None:
                try:
                    _write(path, got)
                except (FileUnsafe, FileUnavailable) as error:
                    trouble(error)
            return got
    except _NotFound as failed:
        raise failed.error from None
    except (FileUnsafe, FileUnavailable) as error:
        trouble(error)
        return take(find, clocks)


def take(find: Callable[[], Secret], clocks: Callable[[], age.Reading]) -> Kept:
    """A new token. Its life is the shorter of what is between its two times and what this machine's clock says.

    Raises:
        DaypassError: what `find` raises.
    """
    begun = clocks()
    token = find()
    whole = lifetime_seconds(token)
    if whole is None:
        return Kept(token, None)
    end = peek(token.reveal(), duplicates="last").claims["exp"]
    assert isinstance(end, int | float)
    left = min(whole, end - begun.wall)
    # A token that has ended by this machine's clock may last by others'; it is handed out, and not kept.
    return Kept(token, age.span(begun, left, 0.0) if left > 0 else None)


def read(path: Path) -> Kept | None:
    """The token at `path`; None when there is none, or what is there was not written there, in this format.

    Raises:
        FileUnsafe: when others can open the file, or it is not ours.
        FileUnavailable: when it is there and cannot be read.
    """
    try:
        content = files.read_private(path, max_bytes=_MAX_BYTES)
    except FileUnavailable as error:
        if error.facts.get("missing"):
            return None
        raise
    try:
        found = json.loads(content)
        if found["format"] != _FORMAT or found["entry"] != path.name:  # see `daypass.aws.holding.cache`
            return None
        begun = age.Reading(float(found["wall"]), float(found["boot"]), str(found["boot_id"]))
        life = age.Span(begun, float(found["lifetime_seconds"]), float(found["refresh_at_seconds"]))
        return Kept(Secret(str(found["token"])), life)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _write(path: Path, kept: Kept) -> None:
    life = kept.life
    assert life is not None
    document = {
        "format": _FORMAT,
        "entry": path.name,
        "token": kept.token.reveal(),
        "wall": life.begun.wall,
        "boot": life.begun.boot,
        "boot_id": life.begun.boot_id,
        "lifetime_seconds": life.lifetime_seconds,
        "refresh_at_seconds": life.refresh_at_seconds,
    }
    files.write_atomic(path, json.dumps(document).encode("ascii"))


def _is_fresh(kept: Kept, at: age.Reading) -> bool:
    return kept.life is not None and age.state(kept.life, at) in (age.State.FRESH, age.State.EARLY)


class _NotFound(Exception):
    """What `find` raised, past the handling of files that cannot be used: `find` reads files too."""

    def __init__(self, error: DaypassError) -> None:
        super().__init__()
        self.error = error
