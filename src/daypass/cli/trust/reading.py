"""The files that `daypass trust` reads: `-` is standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from daypass.errors import FileUnavailable

MAX_BYTES: Final = 64 * 1024 * 1024
"""More than any template or plan has; a device or a mistake is not read to the end."""


def read(name: str) -> bytes:
    """The bytes of a file.

    Raises:
        FileUnavailable: when it cannot be read, or is longer than `MAX_BYTES`.
    """
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise FileUnavailable(f"cannot read `{name}`: {reason}") from None
    if len(data) > MAX_BYTES:
        raise FileUnavailable(f"`{name}` is longer than {MAX_BYTES} bytes")
    return data
