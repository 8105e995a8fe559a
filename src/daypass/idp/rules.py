"""What names, slugs, attributes, audiences and settings of an organization may be. Checked once, at the door."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

from daypass.errors import RequestInvalid
from daypass.subjects import safety
from daypass.subjects.facts import WorkloadKind
from daypass.subjects.formats import AWS_SUBJECT_LIMIT
from daypass.subjects.registry import format_named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daypass.idp.model import Organization

MAX_NAME: Final = 200
MAX_AUDIENCES: Final = 100  # as many as an IAM OIDC provider takes (AWS, IAM quotas)
MAX_AUDIENCE: Final = 255  # likewise, in characters
MAX_ATTRIBUTES: Final = 64
MAX_ATTRIBUTE: Final = 2048
MAX_EXPIRY_SECONDS: Final = 10 * 365 * 24 * 3600

_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_AUDIENCE: Final = re.compile(rf"[\x21-\x7e]{{1,{MAX_AUDIENCE}}}")
_BREAKING: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode categories that some reader of text takes as its end or its fault: control, surrogates, line separators."""
_UNSHOWN: Final = _BREAKING | {"Cf"}
"""And those that hide text or turn it round: bidi marks, zero widths."""


def slug(text: str) -> str:
    """A slug, unchanged: 1 to 63 of `a-z`, `0-9` and inner `-`, as in a host name.

    Raises:
        RequestInvalid: when it is anything else.
    """
    if not _SLUG.fullmatch(text):
        raise RequestInvalid(
            f"`{text}` is not a slug",
            advice="A slug has 1 to 63 of the characters a-z, 0-9 and -, and a letter or digit at both ends.",
            slug=text,
        )
    return text


def name(text: str) -> str:
    """A name in Unicode normal form C.

    Raises:
        RequestInvalid: when it is empty, longer than 200 characters, or holds characters that are not shown.
    """
    normal = unicodedata.normalize("NFC", text)
    if not normal.strip() or len(normal) > MAX_NAME:
        raise RequestInvalid(f"a name has 1 to {MAX_NAME} characters", length=len(normal))
    _refuse_categories(_UNSHOWN, normal, "a name")
    return normal


def attributes(given: Mapping[str, str]) -> dict[str, str]:
    """A workload's attributes, in the order of their names.

    Raises:
        RequestInvalid: for too many, a name that is not `[a-z][a-z0-9_]*` of at most 64, a value that is too long or
            holds control characters.
    """
    if len(given) > MAX_ATTRIBUTES:
        raise RequestInvalid(f"a workload has at most {MAX_ATTRIBUTES} attributes", found=len(given))
    for key, value in given.items():
        if not _ATTRIBUTE.fullmatch(key):
            raise RequestInvalid(
                f"`{key}` is not the name of an attribute",
                advice="It has 1 to 64 of the characters a-z, 0-9 and _, and begins with a letter.",
                attribute=key,
            )
        if len(value) > MAX_ATTRIBUTE:
            raise RequestInvalid(f"the attribute `{key}` is longer than {MAX_ATTRIBUTE} characters", attribute=key)
        _refuse_categories(_BREAKING, value, f"the attribute `{key}`")
    return dict(sorted(given.items()))


def audiences(given: Sequence[str]) -> tuple[str, ...]:
    """The audiences an organization offers: 1 to 100, each 1 to 255 printable ASCII characters without blanks.

    Raises:
        RequestInvalid: when they are not that, or one comes twice.
    """
    if not given:
        raise RequestInvalid(
            "an organization offers at least one audience",
            advice="An empty list would allow none; for AWS it is sts.amazonaws.com.",
            allowed=f"1 to {MAX_AUDIENCES} audiences of 1 to {MAX_AUDIENCE} printable ASCII characters",
        )
    for audience in given:
        if not _AUDIENCE.fullmatch(audience):
            raise RequestInvalid(
                f"`{audience}` is not an audience",
                advice=f"It has 1 to {MAX_AUDIENCE} printable ASCII characters without blanks.",
                audience=audience,
            )
    if len(set(given)) != len(given) or len(given) > MAX_AUDIENCES:
        raise RequestInvalid(f"an organization offers at most {MAX_AUDIENCES} audiences, each once", found=len(given))
    return tuple(given)


def subject_claims(token_format: str, given: Sequence[str], switched_on: Sequence[str] = ()) -> tuple[str, ...]:
    """The subject claims an organization chose, when its token format has them.

    Args:
        token_format: by name.
        given: the claims, in order.
        switched_on: those that people choose, or that are personal, and that are meant nevertheless.

    Raises:
        RequestInvalid: for an unknown token format or claim; `allowed` among the facts lists those there are.
        SubjectUnsafe: for a claim that needs to be switched on by name.
        SubjectTooLong: when subjects can only be longer than AWS accepts.
    """
    known = format_named(token_format)
    known.subject.check(given)
    safety.demand_switched_on(known, given, switched_on)
    safety.demand_short(known, given, AWS_SUBJECT_LIMIT)
    return tuple(given)


def nobody_elses_subjects(organization: Organization) -> None:
    """Refuse a token format whose subjects another organization of the same issuer could have.

    Raises:
        SubjectUnsafe: the organization needs an issuer of its own for it.
    """
    chosen = format_named(organization.token_format)
    own_issuer = organization.own_issuer
    safety.demand_nobody_elses(chosen, organization.subject_claims, own_issuer=own_issuer)


def kind(text: str) -> WorkloadKind:
    """The kind of a workload.

    Raises:
        RequestInvalid: with those there are.
    """
    try:
        return WorkloadKind(text)
    except ValueError:
        allowed = [each.value for each in WorkloadKind]
    raise RequestInvalid(
        f"`{text}` is not a kind of workload", advice=f"Choose from {', '.join(allowed)}.", allowed=allowed
    )


def expires_in(seconds: int | None) -> int | None:
    """Seconds until a secret expires, or None for never.

    Raises:
        RequestInvalid: when it is not from one second to ten years.
    """
    if seconds is not None and not 1 <= seconds <= MAX_EXPIRY_SECONDS:
        raise RequestInvalid(
            f"`{seconds}` seconds is not an expiry",
            advice=f"It is a whole number of seconds from 1 to {MAX_EXPIRY_SECONDS} (ten years).",
            found=seconds,
        )
    return seconds


def page_limit(limit: int) -> int:
    """How many things one page of a list holds: 1 to 1000.

    Raises:
        RequestInvalid: when it is anything else.
    """
    if not 1 <= limit <= 1000:
        raise RequestInvalid(f"`{limit}` is not the length of a page", advice="It is from 1 to 1000.", found=limit)
    return limit


def _refuse_categories(categories: frozenset[str], text: str, what: str) -> None:
    if text.isascii() and text.isprintable():
        return  # nearly all are; to ask each character costs as much as a signature
    bad = next((c for c in text if unicodedata.category(c) in categories), None)
    if bad is not None:
        raise RequestInvalid(
            f"{what} holds a character that is not shown: U+{ord(bad):04X}", character=f"{ord(bad):04X}"
        )
