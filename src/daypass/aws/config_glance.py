"""AWS's config file as bytes, for those who only want to know whether it has anything to say to them.

Reading it as AWS's tools do takes as long as asking STS does, and hardly a file names an endpoint.
"""

from __future__ import annotations

import os

from daypass import files
from daypass.errors import DaypassError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_MAX_BYTES: Final = 8 * 1024 * 1024


def home_of(environ: Mapping[str, str]) -> str:
    """The user's folder."""
    return environ.get("HOME") or os.path.expanduser("~")


def located(environ: Mapping[str, str], name: str, default: str) -> str:
    """Where AWS's tools have a file: at the path in the variable `name`, or as `default` in `~/.aws`."""
    home, text = home_of(environ), environ.get(name)
    if not text:
        return os.path.join(home, ".aws", default)
    return home + text[1:] if text == "~" or text.startswith("~/") else os.path.expanduser(text)


def config_about(setting: bytes, environ: Mapping[str, str]) -> bytes:
    """The file, when a setting's name is anywhere in it; empty when it is not, or the file cannot be read."""
    try:
        content = files.read_bounded(located(environ, "AWS_CONFIG_FILE", "config"), _MAX_BYTES)
    except DaypassError:
        return b""
    return content if setting in content else b""


def config_about_endpoints(environ: Mapping[str, str]) -> bytes:
    """The file, when it names endpoints."""
    return config_about(b"endpoint_url", environ)
