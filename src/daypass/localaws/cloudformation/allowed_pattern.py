"""A parameter's `AllowedPattern`: who writes the template chooses both the pattern and the text it is tried on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Final

from daypass.errors import TemplateMalformed

# Where a pattern has one of these at most, trying it takes no longer than the square of the value's length.
_CHOICES: Final = re.compile(r"[*+?{|]")
_TRY: Final = "import json, re, sys; p, v = json.load(sys.stdin); sys.exit(0 if re.fullmatch(p, v) else 3)"
_SECONDS: Final = 2


def fits(name: str, pattern: str, value: str) -> bool:
    """Whether the value of parameter `name` fits; what may take for ever is tried in a process that can be ended.

    Raises:
        TemplateMalformed: when the pattern is none, or takes too long.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        raise TemplateMalformed(f"Template format error: the AllowedPattern of {name} is not well-formed") from None
    if len(_CHOICES.findall(pattern)) <= 1:
        return compiled.fullmatch(value) is not None
    try:
        tried = subprocess.run(  # noqa: S603 - the program is ours, the pattern is its input
            [sys.executable, "-I", "-S", "-c", _TRY],
            input=json.dumps([pattern, value]).encode(),
            timeout=_SECONDS,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise TemplateMalformed(f"The local AWS gave up on the AllowedPattern of {name}: it takes too long") from None
    return tried.returncode == 0
