"""Where a job finds the token that its platform gives it; one module per platform.

Each module has one function, `detect`: None when the job does not run there, an error when it does and something is
missing, the token otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.ambient import daypass
from daypass.errors import NoTokenSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from daypass.secret import Secret

SOURCES: Final[tuple[ModuleType, ...]] = (daypass,)
"""The platforms, in the order in which they are asked."""


def find_token(
    audience: Sequence[str],
    environ: Mapping[str, str],
    *,
    scope: str | None = None,
    more: Mapping[str, object] | None = None,
) -> Secret:
    """An ID token for `audience` from the first platform that this job runs on.

    Args:
        audience: who the token is for; at least one.
        environ: the job's environment.
        scope: passed to the platform where it knows such a thing.
        more: what only Daypass knows, passed as it is: `aws`, `form`.

    Raises:
        NoTokenSource: when no platform is recognized.
        DaypassError: what the recognized one raises.
    """
    for source in SOURCES:
        token: Secret | None = source.detect(audience, environ, scope=scope, more=more)
        if token is not None:
            return token
    raise NoTokenSource(
        "nothing here can give an identity token",
        advice="Set DAYPASS_URL and DAYPASS_TOKEN_FILE, as `daypass workload create` prints them.",
    )
