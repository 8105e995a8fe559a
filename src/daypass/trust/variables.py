"""Policy variables: `${…}` in the values of a policy of version 2012-10-17.

The three that stand for a character, `${*}`, `${?}` and `${$}`, are read. Every other one is refused when the policy is
parsed, because a guess could open a door (IAM User Guide, "IAM policy elements: variables and tags").
"""

from __future__ import annotations

import re
from typing import Final

from daypass.errors import PolicyUnsupported
from daypass.trust.wildcard import Pattern, Wildcard

_TOKEN: Final = re.compile(r"\$\{([^}]*)\}|\$\{|[*?]")
_CHARACTERS: Final = frozenset("*?$")


def _parts(value: str) -> list[str | Wildcard]:
    """Texts that stand for themselves, and wildcards."""
    parts: list[str | Wildcard] = []
    end = 0
    for token in _TOKEN.finditer(value):
        if token.start() > end:
            parts.append(value[end : token.start()])
        end = token.end()
        if token[0] in {"*", "?"}:
            parts.append(Wildcard(token[0]))
        elif token[1] in _CHARACTERS:
            parts.append(token[1])
        else:
            raise PolicyUnsupported(
                f"policy variables are not evaluated yet, and `{value}` holds `{token[0]}`",
                advice="Write the value out, or `${$}` for a dollar sign that stands for itself.",
                value=value,
            )
    if end < len(value):
        parts.append(value[end:])
    return parts


def literal(value: str, *, variables: bool) -> str:
    """The text that an exact operator compares with.

    Raises:
        PolicyUnsupported: when `value` holds a variable.
    """
    if not variables or "${" not in value:
        return value
    return "".join(part if isinstance(part, str) else part.value for part in _parts(value))


def pattern(value: str, *, variables: bool) -> Pattern:
    """The pattern that `StringLike` compares with.

    Raises:
        PolicyUnsupported: when `value` holds a variable.
    """
    if not variables or "${" not in value:
        return Pattern.parse(value)
    return Pattern.of(_parts(value))
