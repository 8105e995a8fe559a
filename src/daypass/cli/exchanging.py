"""What commands share that exchange another platform's token first: where it is, and through which connection."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Final

    from daypass.cli.plain import Declared
    from daypass.secret import Secret

STANDARD_INPUT: Final = "-"


def add_arguments(command: Declared) -> None:
    """The options that say where the other platform's token is."""
    command.add_argument(
        "--token-file", metavar="FILE", help="the file with the other platform's token, - for standard input"
    )
    command.add_argument("--token-env", metavar="NAME", help="the environment variable with the other platform's token")
    command.add_argument("--connection", metavar="CONNECTION", help="where more than one would take the token")


def exchanged(arguments: argparse.Namespace, audience: Sequence[str]) -> Secret:
    """A token of ours for the one that the options name.

    Raises:
        UsageInvalid: when they name none, or two.
        FileUnavailable: when the file cannot be read.
        DaypassError: as `daypass.ambient.exchange.exchange` does.
    """
    from daypass.ambient.exchange import exchange

    return exchange(upstream_token(arguments), audience, os.environ, connection=arguments.connection)


def upstream_token(arguments: argparse.Namespace) -> Secret:
    """The other platform's token. Never an argument: those are there for everybody on the machine to read."""
    from daypass.errors import UsageInvalid
    from daypass.secret import Secret

    if bool(arguments.token_file) == bool(arguments.token_env):
        raise UsageInvalid(
            "the other platform's token is not named", advice="Add one of --token-file FILE and --token-env NAME."
        )
    if arguments.token_file:
        return read_token(arguments.token_file)
    text = os.environ.get(arguments.token_env, "").strip()
    if not text:
        raise UsageInvalid(f"`{arguments.token_env}` is not set, or empty", advice="Does the job ask for this token?")
    return Secret(text)


def read_token(file: str) -> Secret:
    """The token of a file or of standard input: one line, with or without its end.

    Raises:
        FileUnavailable: when it cannot be read.
    """
    import sys
    from pathlib import Path

    from daypass.errors import FileUnavailable
    from daypass.secret import Secret
    from daypass.tokens.peek import MAX_LENGTH

    try:
        if file == STANDARD_INPUT:
            text = sys.stdin.read(MAX_LENGTH + 2)
        else:
            with Path(file).open(encoding="utf-8") as opened:
                text = opened.read(MAX_LENGTH + 2)
    except (OSError, ValueError) as fault:
        raise FileUnavailable(f"`{file}` cannot be read", advice="Look at its path.") from fault
    return Secret(text.strip())
