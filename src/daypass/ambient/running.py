"""Run a program that prints a token: no shell, a time limit, and its output shown to nobody."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from daypass.ambient.wish import compact, incomplete
from daypass.errors import TokenSourceFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.secret import Secret

SECONDS: Final = 30.0
_MAX_BYTES: Final = 64 * 1024
_MAX_SAID: Final = 300


def run(command: Sequence[str], *, environ: Mapping[str, str], missing: str, denied: str) -> Secret:
    """The token that a program prints to standard output.

    Args:
        command: the program and its arguments; none of them is secret.
        environ: what it gets as its environment.
        missing: what to do when there is no such program, a sentence.
        denied: what to do when it ends with another status than 0, a sentence.

    Raises:
        TokenSourceIncomplete: when there is no such program.
        TokenSourceFailed: when it says no, prints something else or takes longer than 30 seconds; the message holds
            the last line that it wrote to standard error, without anything that looks like a token.
    """
    name = command[0]
    program = shutil.which(name, path=environ.get("PATH"))
    if program is None:
        raise incomplete(f"there is no program `{name}` here", missing, program=name)
    try:
        done = subprocess.run(  # noqa: S603 - the platform's own program, or the one that the user named
            [program, *command[1:]],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TokenSourceFailed(f"`{name}` gave no token in {SECONDS:.0f} seconds", advice=denied) from None
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise TokenSourceFailed(f"`{name}` cannot be run: {reason}", advice=missing) from None
    if done.returncode != 0:
        raise TokenSourceFailed(
            f"`{name}` gave no token (status {done.returncode}){_said(done.stderr)}",
            advice=denied,
            status=done.returncode,
        )
    return compact(done.stdout[:_MAX_BYTES].decode("ascii", errors="replace").strip(), f"`{name}`")


def _said(stderr: bytes) -> str:
    lines = stderr[-4096:].decode("utf-8", errors="replace").strip().splitlines()
    if not lines:
        return ""
    return ": " + re.sub(r"[A-Za-z0-9_\-.+/=]{60,}", "…", lines[-1].strip())[:_MAX_SAID]
