"""`command:…`: the token is what a program of the user's prints."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from daypass.ambient.running import run
from daypass.ambient.wish import Given
from daypass.errors import UsageInvalid

if TYPE_CHECKING:
    from daypass.ambient.wish import Wish


def find(wish: Wish) -> Given:
    """What the program prints, run again each time; split as a shell would, and run without one.

    `DAYPASS_AUDIENCE` in its environment is the first audience.

    Raises:
        UsageInvalid: when a quote is not closed.
        TokenSourceIncomplete, TokenSourceFailed: see `running.run`.
    """
    try:
        command = shlex.split(wish.argument or "")
    except ValueError:
        command = []
    if not command:
        raise UsageInvalid(
            "the command behind `command:` cannot be read",
            advice="Check its quotes; a shell's operators need sh -c '…'.",
        )
    token = run(
        command,
        environ={**wish.environ, "DAYPASS_AUDIENCE": wish.audience[0]},
        missing="Check the command behind `command:`, and PATH.",
        denied="Run it by hand; it must print a token and nothing else to standard output.",
    )
    return Given(token, f"the program {command[0]}")
