"""A file with an identity token that is always a good one, for `AWS_WEB_IDENTITY_TOKEN_FILE`.

SDKs read the file again each time they need a session, so a new token needs only to be there in time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass import files
from daypass.errors import DaypassError, Refused
from daypass.tokens import peek

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from daypass.secret import Secret

_AFTER_FAILURE_SECONDS: Final = 5.0
_LONGEST_SECONDS: Final = 3600.0
_UNKNOWN_SECONDS: Final = 60.0


def write_token(path: Path, token: Secret) -> None:
    """Put a token into the file, for its owner alone, whole at every instant.

    Raises:
        FileUnsafe, FileUnavailable: see `files.write_atomic`.
    """
    files.write_atomic(path, token.reveal().encode("ascii"))


def lifetime_seconds(token: Secret) -> float | None:
    """How long the token lasts from when it was issued, by its own words; None when it does not say."""
    try:
        claims = peek.peek(token.reveal(), duplicates="last").claims
    except DaypassError:
        return None
    begun, end = claims.get("iat"), claims.get("exp")
    if not isinstance(begun, (int, float)) or not isinstance(end, (int, float)) or end <= begun:
        return None
    return float(end - begun)


def pause_seconds(token: Secret, random: float) -> float:
    """How long to leave a token that was just issued: about half its life, so that one failure is not the end.

    `random` is 0 to 1; files that began together are not all written together. The token's issuer need not have our
    time: only the length of its life counts.
    """
    lifetime = lifetime_seconds(token)
    if lifetime is None:
        return _UNKNOWN_SECONDS
    return min(_LONGEST_SECONDS, lifetime * (0.4 + 0.2 * random))


def keep_token(
    path: Path,
    *,
    find_token: Callable[[], Secret],
    wait: Callable[[float], bool],
    random: Callable[[], float],
    trouble: Callable[[DaypassError], None],
) -> None:
    """Keep the file fresh until `wait`, which waits for seconds, says True.

    Raises:
        Refused: the issuer refuses a token for good; the last one stays in the file until it ends.
        DaypassError: what the first token, or the file, fails for.
    """
    token = find_token()
    write_token(path, token)
    pause = pause_seconds(token, random())
    while not wait(pause):
        try:
            token = find_token()
            write_token(path, token)
            pause = pause_seconds(token, random())
        except Refused:
            raise
        except DaypassError as error:
            trouble(error)
            pause = _AFTER_FAILURE_SECONDS * (1 + random())
