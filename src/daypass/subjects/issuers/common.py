"""The components that several issuers' subjects are made of."""

from __future__ import annotations

from typing import Final

from daypass.subjects.claim_types import ClaimType
from daypass.subjects.formats import Attribute, Claim, Source, When
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
    longest = {UUID: 36, DIGITS: 21, ANY_ID: 36}.get(allowed)
    return Component(
        name, noun, ChosenBy.ISSUER, allowed=allowed, longest=longest, length=36 if allowed == UUID else None
    )


FURTHER: Final = named("fields", "further fields", ChosenBy.CONTRIBUTOR, "")

_NO_REF: Final = ":*?[\\^~ "
"""What a git ref cannot hold (git-check-ref-format), as far as policies are concerned."""
BRANCH: Final = named("branch", "branch", ChosenBy.CONTRIBUTOR, _NO_REF)
TAG: Final = named("tag", "tag", ChosenBy.CONTRIBUTOR, _NO_REF)


STANDARD: Final = (
    Claim("iss", Source.ISSUER),
    Claim("sub", Source.SUBJECT),
    Claim("aud", Source.AUDIENCE),
    Claim("iat", Source.ISSUED_AT),
    Claim("nbf", Source.NOT_BEFORE),
    Claim("exp", Source.EXPIRES_AT),
    Claim("jti", Source.JTI),
)
TIMES: Final = STANDARD[3:6]


def fact(
    name: str,
    claim_type: ClaimType = ClaimType.TEXT,
    *,
    claim_from: str | None = None,
    required: bool = False,
    fallback: str | None = None,
    when: tuple[When, ...] = (),
    within: tuple[str, ...] = (),
) -> Claim:
    """A claim that is the attribute of its own name, or of the name `claim_from`."""
    return Claim(name, Attribute(claim_from or name), fallback, required, when=when, type=claim_type, within=within)
