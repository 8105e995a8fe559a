"""Whose a thing is: tags that say what a stack made, took over, and put where others also put things. Pure.

What is not written down here was not ours, and is never removed. Values of tags hold few characters, and audiences and
ARNs have others, so what was put is recorded by the first eight hex digits of its SHA-256.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MADE_BY: Final = "daypass:made-by"
"""The stack that created it, and that may remove it."""
ADOPTED_BY: Final = "daypass:adopted-by"
"""The stack that looks after a role that it did not create."""
POLICIES: Final = "daypass:policies"
"""The managed and inline policies of a role that its stack put there."""
MANAGED: Final = "managed:"
INLINE: Final = "inline:"
BOUNDARY: Final = "boundary:"
"""What the record of policies has before each ARN, name, and ARN."""
TAGS: Final = "daypass:tags"
"""The keys of the tags that its stack put there."""
_AUDIENCES: Final = "daypass:audiences:"
_MOST: Final = 28  # eight digits and a blank each, in 256 characters


def audiences_key(stack: str) -> str:
    """The tag of a provider that says which audiences a stack put there; there is one for each stack that uses it."""
    return f"{_AUDIENCES}{stack}"


def stacks_using(tags: Mapping[str, str]) -> tuple[str, ...]:
    """The stacks that have put audiences into a provider, or found theirs there."""
    return tuple(sorted(key.removeprefix(_AUDIENCES) for key in tags if key.startswith(_AUDIENCES)))


def is_ours(key: str) -> bool:
    """Whether a tag is of those that say whose a thing is."""
    return key.startswith("daypass:")


def record(texts: Iterable[str]) -> str:
    """A tag's value that stands for texts. More than fit are left out, and so are never removed."""
    return " ".join(sorted({_mark(text) for text in texts})[:_MOST])


def recorded(value: str | None, text: str) -> bool:
    """Whether a record stands for a text."""
    return value is not None and _mark(text) in value.split(" ")


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
