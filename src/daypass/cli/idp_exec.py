"""`daypass idp exec aws`: a command with credentials of a role, and with no others."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from daypass.errors import UsageInvalid

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

_NOT_FOUND: Final = 127
_NOT_EXECUTABLE: Final = 126


def run_command(arguments: argparse.Namespace) -> int:
    """Become the command, or with `--refreshing` serve it until it ends."""
    from daypass.aws.endpoint import region_from
    from daypass.aws.holding import age, shapes
    from daypass.aws.holding.environment import clean
    from daypass.cli import idp_agent
    from daypass.cli.idp_holding import hold_or_tell, wish

    if not arguments.command:
        raise UsageInvalid(
            "no command is named", advice="Write it last: daypass idp exec aws --role-arn ARN -- aws s3 ls"
        )
    wanted = wish(arguments, os.environ)
    if arguments.refreshing:
        return idp_agent.serve_command({"role": wanted}, arguments.command, port=0)
    held = hold_or_tell(wanted, os.environ)
    if isinstance(held, int):
        return held
    values = shapes.variables(held, age.now(), wanted.region or region_from(os.environ))
    return become(arguments.command, {**clean(os.environ), **values})


def become(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Let this process be the command. Only when that fails there is a status: see `refused`."""
    import signal

    sys.stdout.flush()
    sys.stderr.flush()
    # What Python ignores for itself, a command would inherit: a pipe whose reader left could not stop it.
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(signal.Signals[name], signal.SIG_DFL)
    try:
        os.execvpe(command[0], list(command), dict(environ))  # noqa: S606 - the user's own command
    except OSError as error:
        return refused(command[0], error)


def refused(command: str, error: OSError) -> int:
    """Say why a command cannot be run; the status that a shell would give (POSIX.1-2024, 2.8.2)."""
    from daypass.cli import output

    output.note(f"daypass: `{command}` cannot be run: {(error.strerror or 'unknown error').lower()}")
    return _NOT_FOUND if isinstance(error, (FileNotFoundError, NotADirectoryError)) else _NOT_EXECUTABLE
