"""The components that several issuers' subjects are made of."""

from __future__ import annotations

from typing import Final

from daypass.subjects.shapes import ChosenBy, Component

UUID: Final = "0123456789abcdef-"
DIGITS: Final = "0123456789"
ANY_ID: Final = "abcdefghijklmnopqrstuvwxyz0123456789_-"
"""What UUIDs and Daypass's own ids are made of."""


def named(name: str, noun: str, chosen_by: ChosenBy, excluded: str = ":") -> Component:
    """A component that somebody chooses the text of."""
    return Component(name, noun, chosen_by, excluded)


def given(name: str, noun: str, allowed: str = UUID) -> Component:
    """An id that the issuer gives."""
    return Component(name, noun, ChosenBy.ISSUER, allowed=allowed)


FURTHER: Final = named("fields", "further fields", ChosenBy.CONTRIBUTOR, "")

_NO_REF: Final = ":*?[\\^~ "
"""What a git ref cannot hold (git-check-ref-format), as far as policies are concerned."""
BRANCH: Final = named("branch", "branch", ChosenBy.CONTRIBUTOR, _NO_REF)
TAG: Final = named("tag", "tag", ChosenBy.CONTRIBUTOR, _NO_REF)
