"""Environment variables as text that a shell, or a CI platform, takes in as exactly those values.

Sources: POSIX.1-2024 Shell Command Language 2.2.2; fish documentation, Quotes; about_Quoting_Rules of PowerShell;
GitHub Docs, Workflow commands; GitLab Docs, dotenv reports.
"""

from __future__ import annotations

import re
import shlex
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOTENV_VALUE: Final = re.compile(r"[A-Za-z0-9+/=._:~@-]*")
DOTENV_MAX_BYTES: Final = 5 * 1024
"""What GitLab takes as a dotenv report by default (GitLab Docs, artifacts:reports:dotenv)."""


class Shell(StrEnum):
    """Whose syntax."""

    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"


def assignments(shell: Shell, values: Mapping[str, str], unset: Iterable[str] = ()) -> str:
    """Lines to evaluate: first `unset` are taken away, then `values` are set and exported.

    Raises:
        RequestInvalid: for a name that is none, or a value with a NUL, which no environment can hold.
    """
    set_one, unset_one = _SYNTAX[shell]
    lines = [unset_one(_name(name)) for name in unset if name not in values]
    lines += [set_one(_name(name), _value(value)) for name, value in values.items()]
    return "".join(line + "\n" for line in lines)


def github_env(values: Mapping[str, str], delimiter: str) -> str:
    """Lines to append to the file that `GITHUB_ENV` names. `delimiter` is text that nobody can guess.

    Raises:
        RequestInvalid: when a value holds the delimiter, or see `assignments`.
    """
    for value in values.values():
        if delimiter in value:
            raise RequestInvalid("a value holds the delimiter of GitHub's environment file")
    blocks = (f"{_name(name)}<<{delimiter}\n{_value(value)}\n{delimiter}\n" for name, value in values.items())
    return "".join(blocks)


def github_masks(secrets: Iterable[str]) -> str:
    """Workflow commands by which the runner hides secrets from its log. It masks line by line."""
    lines = (line for secret in secrets for line in secret.splitlines() if line)
    return "".join("::add-mask::" + line.replace("%", "%25").replace("\r", "%0D") + "\n" for line in lines)


def gitlab_dotenv(values: Mapping[str, str]) -> str:
    """A dotenv report: `NAME=value` lines, no quotes, no comments, which GitLab takes literally.

    Raises:
        RequestInvalid: when a value holds what GitLab could read otherwise, or all is longer than GitLab takes.
    """
    for name, value in values.items():
        if not _DOTENV_VALUE.fullmatch(value):
            raise RequestInvalid(f"the value of `{name}` does not fit into a dotenv report")
    text = "".join(f"{_name(name)}={value}\n" for name, value in values.items())
    if len(text) > DOTENV_MAX_BYTES:
        raise RequestInvalid(
            f"the report would have {len(text)} bytes, and GitLab takes {DOTENV_MAX_BYTES}",
            advice="Use: daypass idp login aws, in each job that needs it.",
        )
    return text


def _posix(name: str, value: str) -> str:
    return f"export {name}={shlex.quote(value)}"


def _fish(name: str, value: str) -> str:
    # Between single quotes fish gives a meaning to the backslash and the quote alone.
    return "set -gx {} '{}'".format(name, value.replace("\\", "\\\\").replace("'", "\\'"))


def _powershell(name: str, value: str) -> str:
    # PowerShell takes typographic quotes for quotes as well, and a doubled one for itself.
    return f"$Env:{name} = '{re.sub('[' + _QUOTES + ']', lambda found: found[0] * 2, value)}'"


_QUOTES: Final = "'\u2018\u2019\u201a\u201b"
_SYNTAX: Final[Mapping[Shell, tuple[Callable[[str, str], str], Callable[[str], str]]]] = {
    Shell.SH: (_posix, "unset {}".format),
    Shell.FISH: (_fish, "set -e {}".format),
    Shell.POWERSHELL: (_powershell, "Remove-Item -ErrorAction Ignore Env:{}".format),
}


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise RequestInvalid(f"`{text}` is not the name of an environment variable")
    return text


def _value(text: str) -> str:
    if "\0" in text:
        raise RequestInvalid("a value holds a NUL, which no environment can")
    return text
