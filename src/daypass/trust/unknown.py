"""Values that a template leaves open: `!Ref Account`, `${aws_iam_role.x.arn}`, what a plan calls known after apply.

Such a value, or such a piece of one, stands in a policy's text as its expression between two marks that no policy
has. Everything else reads it as text; whoever judges must not take it for what AWS will see.
"""

from __future__ import annotations

import re
from typing import Final

_OPEN: Final = "\ue0d0"
_CLOSE: Final = "\ue0d1"

UNKNOWN: Final = f"{_OPEN}[^{_CLOSE}]*{_CLOSE}"
"""A regular expression for one such value."""

_MARKED: Final = re.compile(f"{_OPEN}([^{_CLOSE}]*){_CLOSE}")


def unknown(expression: str) -> str:
    """The expression, marked as a value that is not known."""
    return f"{_OPEN}{expression.replace(_OPEN, '').replace(_CLOSE, '')}{_CLOSE}"


def has_unknown(text: str) -> bool:
    """Whether any part of the text is not known."""
    return _OPEN in text


def shown(text: str) -> str:
    """The text for people: an expression that is not known reads `{expression}`."""
    return _MARKED.sub(lambda found: f"{{{found[1]}}}", text)
