"""Gitpod Classic: `gp idp token` asks the workspace's supervisor.

Source: gitpod-io/gitpod, `components/gitpod-cli/cmd/idp-token.go`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.ambient.running import run
from daypass.ambient.wish import Given

if TYPE_CHECKING:
    from daypass.ambient.wish import Wish


def find(wish: Wish) -> Given:
    """A new ID token for the audiences. Raises what `running.run` raises."""
    command = ["gp", "idp", "token"]
    for audience in wish.audience:
        command += ["--audience", audience]
    if wish.scope is not None:
        command += ["--scope", wish.scope]
    token = run(
        command,
        environ=wish.environ,
        missing="Run this in a terminal of the workspace, where /usr/bin/gp is; inside a container, mount it.",
        denied="Try it by hand: gp idp token --audience AUDIENCE --decode. A workspace that is stopping gets no token.",
    )
    return Given(token, "gp idp token")
