"""The line that a `credential_process` profile has: the command by which SDKs get credentials, as often as they like.

botocore splits it as a shell would and runs it without one; the JavaScript and Go SDKs give it to a shell. Both are
well with single quotes. Neither searches the folder of today's shell, so the program is named with its path.
Source: AWS CLI user guide, Sourcing credentials with an external process.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from typing import TYPE_CHECKING, Final

from daypass.aws.holding.wanted import Wanted
from daypass.errors import UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WORDS: Final = ("idp", "credentials", "aws")
# A file of AWS's has one line per value, and some SDKs begin a comment at a blank with one of these behind it.
_UNSAFE: Final = re.compile(r"[^\x20-\x7e]|\s[#;]|'|^\s|\s$")


def command_line(wanted: Wanted, environ: Mapping[str, str]) -> str:
    """The command that prints credentials for a wish.

    Raises:
        UsageInvalid: when a word of it cannot stand in such a line.
    """
    words = [*program(environ), *_WORDS, *wanted.words()]
    for word in words:
        if _UNSAFE.search(word):
            raise UsageInvalid(
                f"`{word}` cannot stand in a credential_process line", advice="Log in without --refreshing."
            )
    return " ".join(map(shlex.quote, words))


def wish_of(command: str, environ: Mapping[str, str]) -> Wanted | None:
    """The wish of a command that `command_line` made; None for any other."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    for start in range(len(words)):
        if tuple(words[start : start + len(_WORDS)]) == _WORDS:
            return Wanted.read(words[start + len(_WORDS) :], environ)
    return None


def program(environ: Mapping[str, str]) -> Sequence[str]:
    """This program, so that it is found from anywhere: the console script that runs, or the interpreter and module."""
    own = os.path.abspath(sys.argv[0])
    if os.path.basename(own) == "daypass" and os.access(own, os.X_OK):
        return [own]
    found = shutil.which("daypass", path=environ.get("PATH"))
    return [os.path.abspath(found)] if found else [sys.executable, "-m", "daypass"]
