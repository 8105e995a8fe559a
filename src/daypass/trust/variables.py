"""Policy variables: `${…}` in the values of a policy of version 2012-10-17.

`${aws:userid}` stands for the request's value of that key, `${aws:userid, 'nobody'}` has a default, and `${*}`, `${?}`
and `${$}` stand for a character. What comes out of a variable is text: a star in it is no wildcard (IAM User Guide,
"IAM policy elements: Variables and tags").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from daypass.errors import PolicyUnsupported
from daypass.trust.wildcard import Wildcard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.trust.context import Context

# A key may hold spaces (`aws:PrincipalTag/cost center`). It ends at the first character that no key has: the scan is
# linear for every text.
_TOKEN: Final = re.compile(r"\$\{(?:([*?$])|([^,'{}$]+)(?:,[ ]*'([^']*)'[ ]*)?)\}|\$\{|[*?]")
_WILDCARD: Final = re.compile(r"[*?]")


@dataclass(frozen=True, slots=True)
class Variable:
    """A key whose value is put in its place; `default` takes over when the request has no such key."""

    key: str
    default: str | None = None

    def value(self, context: Context) -> str | None:
        """The text, None when there is none.

        A key that can have several values never resolves, and its default is not used either (observed on AWS,
        September 2026).
        """
        if context.is_multivalued(self.key):
            return None
        found = context.get(self.key)
        return found[0] if len(found) == 1 else self.default


Part = str | Wildcard | Variable


@dataclass(frozen=True, slots=True)
class Template:
    """One value of a policy, taken apart: texts that stand for themselves, wildcards and variables."""

    parts: tuple[Part, ...]

    @classmethod
    def parse(cls, value: str, *, variables: bool) -> Self:
        """Take a value apart; without `variables` nothing but wildcards has a meaning.

        Raises:
            PolicyUnsupported: when a `${` begins nothing that AWS is known to read.
        """
        parts: list[Part] = []
        end = 0
        for token in (_TOKEN if variables else _WILDCARD).finditer(value):
            if token.start() > end:
                parts.append(value[end : token.start()])
            end = token.end()
            parts.append(_part(token, value) if variables else Wildcard(token[0]))
        if end < len(value):
            parts.append(value[end:])
        return cls(tuple(parts))

    @property
    def constant(self) -> tuple[str | Wildcard, ...] | None:
        """The parts when they are the same for every request: None with a variable among them."""
        parts = tuple(part for part in self.parts if not isinstance(part, Variable))
        return parts if len(parts) == len(self.parts) else None

    def resolve(self, context: Context) -> Sequence[str | Wildcard] | None:
        """The parts with every variable's text in its place; None when one has none."""
        resolved: list[str | Wildcard] = []
        for part in self.parts:
            if isinstance(part, Variable):
                text = part.value(context)
                if text is None:
                    return None
                resolved.append(text)
            else:
                resolved.append(part)
        return resolved


def joined(parts: Sequence[str | Wildcard]) -> str:
    """What an operator without wildcards compares with: a star is a star."""
    return "".join(part if isinstance(part, str) else part.value for part in parts)


def _part(token: re.Match[str], value: str) -> Part:
    character, key, default = token[1], token[2], token[3]
    if character:
        return character
    if key is None:
        if token[0] == "${":
            raise _unreadable(value)
        return Wildcard(token[0])
    prefix, colon, name = key.strip().partition(":")
    if not (prefix and colon and name):
        raise _unreadable(value)
    return Variable(key.strip(), default)


def _unreadable(value: str) -> PolicyUnsupported:
    return PolicyUnsupported(
        f"`{value}` holds `${{` that begins no policy variable",
        advice="Write `${aws:userid}`, `${aws:userid, 'default'}`, or `${$}` for a dollar sign that stands for itself.",
        value=value,
    )
