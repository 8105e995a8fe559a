"""What is asked of a platform, and what it gives: the values that all modules of this room share."""

from __future__ import annotations

import re

from daypass.errors import TokenSourceFailed, TokenSourceIncomplete
from daypass.light_typing import NamedTuple
from daypass.secret import Secret
from daypass.tokens.peek import MAX_LENGTH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


class Wish(NamedTuple):
    """A token that is wanted.

    Attributes:
        audience: who it is for; at least one.
        environ: the job's environment.
        insisted: the user named the audience. Otherwise a platform that lets nobody choose gives its own.
        scope: passed to the platform where it knows such a thing.
        argument: what stands behind the colon of `--token-source`, a variable's name perhaps; None without one.
        more: what only Daypass's own identity provider knows.
    """

    audience: tuple[str, ...]
    environ: Mapping[str, str]
    insisted: bool = True
    scope: str | None = None
    argument: str | None = None
    more: Mapping[str, object] | None = None


class Given(NamedTuple):
    """A token, and the place that it came from, in words: `the variable AWS_ID_TOKEN`."""

    token: Secret
    place: str


class Found(NamedTuple):
    """A token, the platform (`github`) and place it came from, and the names of other platforms that are here too."""

    token: Secret
    source: str
    place: str
    also: tuple[str, ...] = ()


def is_compact(text: str) -> bool:
    """Whether text has the form of a compact JWS (RFC 7515 section 7.1) that AWS would read."""
    return len(text) <= MAX_LENGTH and _COMPACT.fullmatch(text) is not None


def incomplete(message: str, advice: str, **facts: object) -> TokenSourceIncomplete:
    """The platform is here, and the job is not set up to get a token; `advice` is what to add."""
    return TokenSourceIncomplete(message, advice=advice, **facts)


def compact(text: str, place: str) -> Secret:
    """The token in an answer of `place`.

    Raises:
        TokenSourceFailed: when it is none; what was there instead is not shown, for it may be secret.
    """
    if not is_compact(text):
        raise TokenSourceFailed(
            f"{place} gave something that is not a token", advice="Check which program or address that is."
        )
    return Secret(text)


def one_audience(wish: Wish, title: str) -> str:
    """The audience, for platforms that put exactly one into a token.

    Raises:
        TokenSourceIncomplete: when there are several.
    """
    if len(wish.audience) > 1:
        raise incomplete(
            f"{title} puts one audience into a token, and {len(wish.audience)} are asked for",
            "Name one --audience.",
        )
    return wish.audience[0]
