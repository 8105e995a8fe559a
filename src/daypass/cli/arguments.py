"""Types of command-line arguments that several commands take."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Final

_PORT: Final = re.compile(r"[0-9]{1,5}")
_CONNECTION: Final = re.compile(
    r"(?P<host>\[[^\]]+\]|[^:=]+):(?P<port>[0-9]{1,5})=(?P<to>\[[^\]]+\]|[^:=]+):(?P<at>[0-9]{1,5})"
)


def path(text: str) -> Path:
    """A path. The empty one, which an unset variable leaves behind, would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def port(text: str) -> int:
    """A TCP port, 0 to 65535."""
    if not _PORT.fullmatch(text) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"`{text}` is not a port, 0 to 65535")
    return int(text)


def connection(text: str) -> tuple[tuple[str, int], tuple[str, int]]:
    """`HOST:PORT=ADDRESS:PORT`: whom to ask instead of whom, as curl's `--connect-to` has it."""
    match = _CONNECTION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"`{text}` is not HOST:PORT=ADDRESS:PORT")
    return (match["host"], port(match["port"])), (match["to"], port(match["at"]))
