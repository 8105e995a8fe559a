"""`daypass-roles.toml`: several roles from one token, each with the profile it goes to.

    [[role]]
    profile = "staging"
    role_arn = "arn:aws:iam::111122223333:role/ci"

    [[role]]
    profile = "production"
    role_arn = "arn:aws:iam::444455556666:role/ci"
    duration_seconds = 900
    region = "eu-central-1"

Its JSON Schema is `roles.schema.json` in this folder; editors check against it, and what is checked here is the same.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Final, NamedTuple

from daypass import files
from daypass.aws.credentials_file import parse_profile
from daypass.aws.holding.obtain import Checked
from daypass.aws.holding.wanted import Wanted
from daypass.errors import DaypassError, SettingInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAX_BYTES: Final = 256 * 1024
MAX_ROLES: Final = 100
_TEXTS: Final[Mapping[str, str]] = {
    "role_arn": "role_arn",
    "role_session_name": "session_name",
    "audience": "audience",
    "region": "region",
    "scope": "scope",
    "chain_role_arn": "chain_role_arn",
}
_KEYS: Final = ("profile", "duration_seconds", *_TEXTS)


class Entry(NamedTuple):
    """A role and the profile that its session goes to."""

    profile: str
    wanted: Wanted


def read_roles(path: Path) -> list[Entry]:
    """The roles of a file, checked.

    Raises:
        SettingInvalid: with the file, the role's number and the key that is wrong.
        FileUnsafe, FileUnavailable: when it cannot be read.
    """
    text = files.read_bounded(path, MAX_BYTES)
    try:
        document = tomllib.loads(text.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _invalid(path, "", f"it is not TOML: {str(error).lower()}") from None
    roles = document.get("role")
    for name in document:
        if name != "role":
            raise _invalid(path, name, "it is not known here; each role begins with [[role]]")
    if not isinstance(roles, list) or not roles or not all(isinstance(role, dict) for role in roles):
        raise _invalid(path, "role", "there is no role; each begins with [[role]]")
    if len(roles) > MAX_ROLES:
        raise _invalid(path, "role", f"there are {len(roles)} roles, and at most {MAX_ROLES} are taken")
    found = [_entry(path, number, role) for number, role in enumerate(roles, start=1)]
    for number, entry in enumerate(found, start=1):
        first = next(n for n, other in enumerate(found, start=1) if other.profile == entry.profile)
        if first != number:
            raise _invalid(path, f"role {number}, profile", f"role {first} goes to `{entry.profile}` already")
    return found


def _entry(path: Path, number: int, role: Mapping[str, object]) -> Entry:
    def no(key: str, reason: str) -> SettingInvalid:
        return _invalid(path, f"role {number}, {key}", reason)

    for key in role:
        if key not in _KEYS:
            raise no(key, f"it is not known; a role has {', '.join(_KEYS)}")
    for key in ("profile", "role_arn"):
        if key not in role:
            raise no(key, "it is missing")
    for key in ("profile", *_TEXTS):
        if key in role and not isinstance(role[key], str):
            raise no(key, "it is not text")
    seconds = role.get("duration_seconds", 3600)
    if type(seconds) is not int:
        raise no("duration_seconds", "it is not a whole number of seconds")
    texts: dict[str, str] = {field: str(role[key]) for key, field in _texts_of(role)}
    wanted = Wanted(**texts, duration_seconds=str(seconds))
    try:
        profile = parse_profile(str(role["profile"]))
        Checked.of(wanted)
    except DaypassError as error:
        raise _invalid(path, f"role {number}", error.message, error.advice) from None
    return Entry(profile, wanted)


def _texts_of(role: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    return ((key, field) for key, field in _TEXTS.items() if key in role)


def _invalid(path: Path, key: str, reason: str, advice: str | None = None) -> SettingInvalid:
    place = f"`{path}`, {key}" if key else f"`{path}`"
    return SettingInvalid(f"{place}: {reason}", advice=advice, file=str(path), key=key, reason=reason)
