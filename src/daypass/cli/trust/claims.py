"""The claims that `daypass trust` is told: a token, a file of claims, or a subject alone."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from daypass.cli.trust import reading
from daypass.errors import TokenMalformed, UsageInvalid
from daypass.tokens import strict_json
from daypass.tokens.peek import peek

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from daypass.cli.parsing import Parser
    from daypass.tokens.strict_json import JsonValue

DEFAULT_AUDIENCE: Final = "sts.amazonaws.com"
_MAX_BYTES: Final = 64 * 1024


def add(command: Parser) -> None:
    """Declare where claims come from: exactly one of these."""
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--token", metavar="FILE", help="a file with the token; - for standard input")
    source.add_argument("--token-env", metavar="NAME", help="the environment variable that holds the token")
    source.add_argument("--claims", metavar="FILE", help="a JSON object of claims; - for standard input")
    source.add_argument("--subject", metavar="SUB", help="a subject alone; the rest is taken from the policy")


def read(arguments: argparse.Namespace) -> Mapping[str, JsonValue] | None:
    """The claims, None when only a subject was given.

    Raises:
        UsageInvalid: the environment variable is not set, or a token was written on the command line.
        TokenRefused: the text is not a token.
        JsonMalformed: the claims are not a JSON object.
        FileUnavailable: the file cannot be read.
    """
    if arguments.subject is not None:
        return None
    if arguments.claims is not None:
        return of_file(arguments.claims)
    if arguments.token_env is None:
        return of_token(arguments.token)
    if not os.environ.get(arguments.token_env):
        raise UsageInvalid(f"the environment variable `{arguments.token_env}` is not set")
    return peek(os.environ[arguments.token_env].strip(), duplicates="last").claims


def of_file(name: str) -> Mapping[str, JsonValue]:
    """The claims of a file with a JSON object.

    Raises:
        UsageInvalid: it is another JSON value.
        JsonMalformed: it is not JSON.
        FileUnavailable: the file cannot be read.
    """
    value = strict_json.parse(reading.read(name), max_bytes=_MAX_BYTES)
    if not isinstance(value, dict):
        raise UsageInvalid("the claims are not a JSON object")
    return value


def of_token(name: str) -> Mapping[str, JsonValue]:
    """The claims of a file with a token. Its signature is not looked at.

    Raises:
        UsageInvalid: the token itself was given instead of a file.
        TokenRefused: the text is not a token.
        FileUnavailable: the file cannot be read.
    """
    return peek(text_of_token(name).strip(), duplicates="last").claims


def demand_no_token(argument: str) -> None:
    """Refuse an argument that is a token itself, before a message repeats it into a log.

    Raises:
        UsageInvalid: it looks like one.
    """
    if argument.startswith("eyJ") and "." in argument:
        raise UsageInvalid(
            "a token does not belong on the command line, where every process of the machine can read it",
            advice="Write --token - and send it to standard input, or name its variable with --token-env.",
        )


def text_of_token(name: str) -> str:
    """The text of a file with a token, white space and all.

    Raises:
        UsageInvalid: the token itself was given instead of a file.
        TokenMalformed: it is not ASCII.
        FileUnavailable: the file cannot be read.
    """
    demand_no_token(name)
    try:
        return reading.read(name).decode("ascii")
    except UnicodeDecodeError:
        raise TokenMalformed("the token is not ASCII") from None
