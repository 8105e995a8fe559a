"""What AWS reads from a token beside the standard claims: session tags, source identity, roles.

Sources: IAM User Guide, "Pass session tags in AWS STS" and "Monitor and control actions taken with assumed roles";
forms and limits as observed on AWS, September 2026.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from daypass.tokens.strict_json import JsonValue

TAGS_CLAIM: Final = "https://aws.amazon.com/tags"
SOURCE_IDENTITY_CLAIM: Final = "https://aws.amazon.com/source_identity"
ROLES_CLAIM: Final = "https://aws.amazon.com/roles"

MAX_TAGS: Final = 50
MAX_TAG_KEY: Final = 128
MAX_TAG_VALUE: Final = 256

_FLAT_TAG: Final = TAGS_CLAIM + "/principal_tags/"
_FLAT_TRANSITIVE: Final = TAGS_CLAIM + "/transitive_tag_keys"
_SOURCE_IDENTITY: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")


@dataclass(frozen=True, slots=True)
class SessionTags:
    """Session tags (later `aws:PrincipalTag/…`), and which of them pass on to chained sessions."""

    principal_tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    transitive_keys: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.principal_tags)


_NO_TAGS: Final = SessionTags()


@dataclass(frozen=True, slots=True)
class ClaimFault:
    """Why a claim cannot be used, in a sentence for the local log."""

    detail: str


class _Fault(Exception):
    """Inside this module: what is wrong with the tags."""


def read_tags(claims: Mapping[str, JsonValue]) -> SessionTags | ClaimFault:
    """The session tags of a token, nested or flattened. No tags are an empty `SessionTags`."""
    if not any(name.startswith(TAGS_CLAIM) for name in claims):
        return _NO_TAGS  # most tokens, and each is asked three times
    try:
        tags = _checked(_tags(claims))
        return SessionTags(MappingProxyType(tags), _among(tags, _transitive(claims)))
    except _Fault as fault:
        return ClaimFault(str(fault))


def read_source_identity(claims: Mapping[str, JsonValue]) -> str | ClaimFault | None:
    """The source identity of a token, None without one."""
    value = claims.get(SOURCE_IDENTITY_CLAIM)
    if SOURCE_IDENTITY_CLAIM not in claims:
        return None
    if not isinstance(value, str) or not _SOURCE_IDENTITY.fullmatch(value):
        return ClaimFault("the source identity is not 2 to 64 of the characters A-Z a-z 0-9 _ + = , . @ -")
    return value


def has_roles(claims: Mapping[str, JsonValue]) -> bool:
    """Whether the token lists the roles it may be used for; null is as good as absent (observed 2026-09)."""
    return claims.get(ROLES_CLAIM) is not None


def _checked(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    tags: dict[str, str] = {}
    folded: set[str] = set()
    for key, value in found:
        _check_tag(key, value)
        if key.lower() in folded:
            raise _Fault(f"the tag key `{key}` comes twice; letter case does not tell keys apart")
        folded.add(key.lower())
        tags[key] = value
    if len(tags) > MAX_TAGS:
        raise _Fault(f"there are {len(tags)} tags, more than {MAX_TAGS}")
    return tags


def _among(tags: Mapping[str, str], transitive: tuple[str, ...]) -> tuple[str, ...]:
    left = {key.lower() for key in tags}
    for key in transitive:
        if key.lower() not in left:
            raise _Fault(f"the transitive tag key `{key}` is not among the tags, or comes twice")
        left.discard(key.lower())
    return transitive


def _tags(claims: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    nested = _nested(claims).get("principal_tags", {})
    if not isinstance(nested, dict):
        raise _Fault("`principal_tags` is not an object")
    for key, value in nested.items():
        match value:
            case [str(text)]:
                yield key, text
            case _:
                raise _Fault(f"the value of the tag `{key}` is not an array with one text")
    for name, value in claims.items():
        if name.startswith(_FLAT_TAG):
            if not isinstance(value, str):
                raise _Fault(f"the value of the tag `{name.removeprefix(_FLAT_TAG)}` is not text")
            yield name.removeprefix(_FLAT_TAG), value


def _transitive(claims: Mapping[str, JsonValue]) -> tuple[str, ...]:
    found: list[str] = []
    for value in (_nested(claims).get("transitive_tag_keys", []), claims.get(_FLAT_TRANSITIVE, [])):
        if not isinstance(value, list):
            raise _Fault("`transitive_tag_keys` is not an array")
        for key in value:
            if not isinstance(key, str):
                raise _Fault("`transitive_tag_keys` holds something that is not text")
            found.append(key)
    return tuple(found)


def _nested(claims: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    nested = claims.get(TAGS_CLAIM, {})
    if not isinstance(nested, dict):
        raise _Fault(f"`{TAGS_CLAIM}` is not an object")
    return nested


def _check_tag(key: str, value: str) -> None:
    if not 1 <= len(key) <= MAX_TAG_KEY:
        raise _Fault(f"a tag key has {len(key)} characters, not 1 to {MAX_TAG_KEY}")
    if len(value) > MAX_TAG_VALUE:
        raise _Fault(f"the value of the tag `{key}` has {len(value)} characters, more than {MAX_TAG_VALUE}")
    if key.lower().startswith("aws:"):
        raise _Fault(f"the tag key `{key}` starts with `aws:`, which is AWS's own")
    if not all(character in "_.:/=+-@" or unicodedata.category(character)[0] in "LZN" for character in key + value):
        raise _Fault(f"the tag `{key}` holds a character that tags cannot have")
