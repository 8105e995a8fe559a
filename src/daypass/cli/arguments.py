"""Types of command-line arguments that several commands take."""

from __future__ import annotations

import re

from daypass.errors import UsageInvalid
from daypass.names import parse_account_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Final

_PORT: Final = re.compile(r"[0-9]{1,5}")
# Compiled when it is used: a login has none of these.
_CONNECTION: Final = r"(?P<host>\[[^\]]+\]|[^:=]+):(?P<port>[0-9]{1,5})=(?P<to>\[[^\]]+\]|[^:=]+):(?P<at>[0-9]{1,5})"


def path(text: str) -> Path:
    """A path. The empty one, which an unset variable leaves behind, would be the current folder."""
    from pathlib import Path

    if not text:
        raise _no("the path is empty")
    return Path(text)


def port(text: str) -> int:
    """A TCP port, 0 to 65535."""
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise _no(f"`{text}` is not a port, 0 to 65535")
    return int(text)


def connection(text: str) -> tuple[tuple[str, int], tuple[str, int]]:
    """`HOST:PORT=ADDRESS:PORT`: whom to ask instead of whom, as curl's `--connect-to` has it."""
    match = re.fullmatch(_CONNECTION, text)
    if match is None:
        raise _no(f"`{text}` is not HOST:PORT=ADDRESS:PORT")
    return (match["host"], port(match["port"])), (match["to"], port(match["at"]))


def _no(reason: str) -> argparse.ArgumentTypeError:
    import argparse  # a login takes options that need it not

    return argparse.ArgumentTypeError(reason)


def accounts(texts: Sequence[str]) -> frozenset[str]:
    """AWS account ids of a repeatable option, which may hold several with commas between them.

    Raises:
        ArnInvalid: when one of them is none.
    """
    return frozenset(parse_account_id(each.strip()) for text in texts for each in text.split(","))


def wait_seconds(text: str | None) -> float:
    """How long `--wait` waits: 1 to 600 seconds; 0 without the option.

    Raises:
        UsageInvalid: when it is anything else.
    """
    if text is None:
        return 0.0
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= 600:
        raise UsageInvalid(f"`{text}` is not a time to wait", advice="It is a number of seconds, 1 to 600.")
    return float(text)
