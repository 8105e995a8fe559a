"""A file that holds a token, written anew by whoever keeps it fresh; read again each time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from daypass.errors import FileUnavailable
from daypass.secret import Secret
from daypass.tokens.peek import MAX_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping


def read(path: str, environ: Mapping[str, str]) -> Secret:
    """What is in a token file, without the white space around it. What AWS makes of it is AWS's to judge.

    Kubernetes gives its token files wider modes than 0600, so modes are not looked at: such a token ends in an hour.

    Raises:
        FileUnavailable: when it cannot be read, is empty, or is longer than any token.
    """
    if path == "~" or path.startswith("~/"):
        path = (environ.get("HOME") or os.path.expanduser("~")) + path[1:]
    advice = "Check the path, and who writes the file."
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_LENGTH + 100)
    except (OSError, ValueError) as error:
        reason = ((error.strerror if isinstance(error, OSError) else None) or "not a path").lower()
        raise FileUnavailable(f"the token file `{path}` cannot be read: {reason}", advice=advice, path=path) from None
    text = data.decode("latin-1").strip()
    if not text or len(data) > MAX_LENGTH + 10:
        what = "is empty" if not text else f"has more than {MAX_LENGTH} characters"
        raise FileUnavailable(f"the token file `{path}` {what}", advice=advice, path=path)
    return Secret(text)
