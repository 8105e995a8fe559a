"""Where a job finds the token that its platform gives it; one module per platform.

Each module has one function, `find`: the token, or an error that names the line to add. Whether a platform is here at
all is data (`platforms`), so that no module is loaded that is not needed.
"""

from __future__ import annotations

from importlib import import_module

from daypass.ambient import platforms
from daypass.ambient.wish import Found, Given, Wish
from daypass.errors import NoTokenSource, SettingInvalid, TokenSourceIncomplete, UsageInvalid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from daypass.ambient.platforms import Platform
    from daypass.secret import Secret

__all__ = ["AUTO", "Found", "find", "find_or_raise", "find_token"]

AUTO: Final = "auto"
"""The `--token-source` that looks around."""


def find(
    audience: Sequence[str],
    environ: Mapping[str, str],
    *,
    source: str = AUTO,
    insisted: bool = True,
    scope: str | None = None,
    more: Mapping[str, object] | None = None,
) -> Found | None:
    """An ID token from the platform that this job runs on. Asked again, a new one where the platform makes new ones.

    Args:
        audience: who the token is for; at least one.
        environ: the job's environment.
        source: `auto`, or a platform by name, with its argument behind a colon: `gitlab:AWS_ID_TOKEN`, `file:/a/b`.
        insisted: whether another audience is an error where the platform lets nobody choose.
        scope: passed to the platform where it knows such a thing.
        more: what only Daypass's own provider knows, passed as it is: `aws`, `form`.

    Returns:
        The token and where it is from; None when no platform is recognized.

    Raises:
        UsageInvalid: when there is no such `source`.
        TokenSourceIncomplete: when the platform is here and something is missing; the advice is what to add.
        TokenSourceFailed: when the platform's program or service did not give one.
        DaypassError: what else the platform's module raises.
    """
    if source != AUTO:
        name, colon, argument = source.partition(":")
        platform = _named(name, argument if colon else None)
        given = _ask(platform, Wish(tuple(audience), environ, insisted, scope, argument or None, more))
        return Found(given.token, platform.name, given.place)
    here = platforms.here(environ)
    if not here:
        return None
    first, *others = here
    also = tuple(platform.name for platform in others)
    try:
        given = _ask(first, Wish(tuple(audience), environ, insisted, scope, more=more))
    except (SettingInvalid, TokenSourceIncomplete) as error:
        if also:
            # Never another's token in place of the one that is missing: it would be another identity.
            error.advice = f"{error.advice}\nFor the identity that {others[0].title} gives: --token-source {also[0]}"
        raise
    return Found(given.token, first.name, given.place, also)


def find_or_raise(
    audience: Sequence[str],
    environ: Mapping[str, str],
    *,
    source: str = AUTO,
    insisted: bool = True,
    scope: str | None = None,
    more: Mapping[str, object] | None = None,
) -> Found:
    """As `find`, where there has to be a token.

    Raises:
        NoTokenSource: when no platform is recognized.
        DaypassError: what `find` raises.
    """
    found = find(audience, environ, source=source, insisted=insisted, scope=scope, more=more)
    if found is None:
        raise NoTokenSource(
            "nothing here can give an identity token",
            advice="Set DAYPASS_URL and DAYPASS_TOKEN_FILE, as `daypass workload create` prints them, or name what"
            " gives one: --token-source file:PATH, or command:… for a program that prints it.",
        )
    return found


def find_token(
    audience: Sequence[str],
    environ: Mapping[str, str],
    *,
    scope: str | None = None,
    source: str = AUTO,
    insisted: bool = True,
    more: Mapping[str, object] | None = None,
) -> Secret:
    """As `find_or_raise`, the token alone."""
    return find_or_raise(audience, environ, source=source, insisted=insisted, scope=scope, more=more).token


def _named(name: str, argument: str | None) -> Platform:
    platform = platforms.named(name)
    if platform is None:
        raise UsageInvalid(
            f"`{name}` is not a source of tokens", advice=f"It is one of {', '.join((AUTO, *platforms.NAMES))}."
        )
    if argument is not None and platform.by_hand is None:
        raise UsageInvalid(
            f"`{name}` takes nothing behind a colon", advice=f"Write: --token-source {name}", source=name
        )
    if not argument and (argument is not None or not platform.marks):
        raise UsageInvalid(
            f"`{name}` has nothing behind its colon", advice=f"Write: --token-source {name}:{platform.by_hand}"
        )
    return platform


def _ask(platform: Platform, wish: Wish) -> Given:
    if wish.more and platform.name != "daypass":
        raise UsageInvalid(
            f"a token of {platform.title} has the claims and the form that {platform.title} gives it",
            advice="Leave out what asks for session tags, source identity, roles or a form; only Daypass gives them.",
        )
    given: Given = import_module(f"daypass.ambient.{platform.module}").find(wish)
    return given
