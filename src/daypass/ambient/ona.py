"""Ona, formerly Gitpod Flex: `ona idp token`. Source: Ona docs, "OIDC" and "AWS"."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from daypass.ambient.running import run
from daypass.ambient.wish import Given

if TYPE_CHECKING:
    from daypass.ambient.wish import Wish

_OLD_NAME: Final = "gitpod"


def find(wish: Wish) -> Given:
    """A new ID token for the audiences; of `gitpod`, as the program was called, where there is no `ona`.

    Raises:
        TokenSourceIncomplete, TokenSourceFailed: see `running.run`.
    """
    path = wish.environ.get("PATH")
    name = _OLD_NAME if shutil.which("ona", path=path) is None and shutil.which(_OLD_NAME, path=path) else "ona"
    command = [name, "idp", "token"]
    for audience in wish.audience:
        command += ["--audience", audience]
    token = run(
        command,
        environ=wish.environ,
        missing="Run this in the environment itself, where the `ona` program is; a container needs it on its PATH.",
        denied="Try it by hand: ona idp token --audience AUDIENCE --decode. It needs Ona's Enterprise plan.",
    )
    return Given(token, f"{name} idp token")
