"""AWS's credentials and config files: one profile of ours, everything else untouched.

Source: AWS CLI user guide, Configuration and credential file settings. botocore reads no expiry from the file; ours
is kept under `expiration`, which AWS's tools leave alone, so that `daypass` can tell when a login has ended.
"""

from __future__ import annotations

import configparser
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from daypass import files
from daypass.aws import sections
from daypass.errors import FileUnavailable, ProfileNameInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.aws.credentials import Credentials

MAX_BYTES: Final = 8 * 1024 * 1024
LOCK_SECONDS: Final = 30.0
_PROFILE: Final = re.compile(r"[A-Za-z0-9_./%@:+-]{1,128}")


@dataclass(frozen=True, slots=True)
class Locations:
    """Where the two files are. `folder` is `~/.aws` when one of them is there, which is made private; else None."""

    credentials: Path
    config: Path
    folder: Path | None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """As AWS's tools find them: `AWS_SHARED_CREDENTIALS_FILE`, `AWS_CONFIG_FILE`, or in `~/.aws`."""
        home = environ.get("HOME") or os.path.expanduser("~")
        folder = Path(home) / ".aws"

        def located(name: str, default: str) -> Path:
            text = environ.get(name)
            if not text:
                return folder / default
            return Path(home + text[1:] if text == "~" or text.startswith("~/") else os.path.expanduser(text))

        return cls(
            credentials=located("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config=located("AWS_CONFIG_FILE", "config"),
            folder=folder,
        )


def parse_profile(text: str) -> str:
    """A profile name, unchanged: 1 to 128 of the characters that AWS's SDKs agree on.

    Raises:
        ProfileNameInvalid: for anything else, and for `DEFAULT`, whose keys configparser gives to all profiles.
    """
    if not _PROFILE.fullmatch(text) or text == configparser.DEFAULTSECT:
        raise ProfileNameInvalid(
            f"`{text}` is not a profile name that AWS's tools all read",
            advice="It has 1 to 128 of the characters A-Z a-z 0-9 _ . / % @ : + -, and is not DEFAULT.",
            profile=text,
        )
    return text


def write_credentials(credentials: Credentials, *, profile: str, locations: Locations) -> None:
    """Put credentials into a profile of the credentials file.

    Raises:
        ProfileNameInvalid: see `parse_profile`.
        FileUnsafe: when the file is not one of ours to write.
        FileUnavailable: when it is locked too long, cannot be written, or is not a file that AWS's tools can read.
    """
    name = parse_profile(profile)
    values: dict[str, str | None] = {
        "aws_access_key_id": credentials.access_key_id,
        "aws_secret_access_key": credentials.secret_access_key.reveal(),
        "aws_session_token": credentials.session_token.reveal(),
        # The old name of the session token; a stale one would be sent by old tools.
        "aws_security_token": None,
        "expiration": credentials.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    _edit(locations.credentials, name, values, lambda header: header == name, locations)


def write_region(region: str, *, profile: str, locations: Locations) -> None:
    """Put a region into a profile of the config file. Raises as `write_credentials` does."""
    header, is_section = _config_section(parse_profile(profile))
    _edit(locations.config, header, {"region": region}, is_section, locations)


def read_region(*, profile: str, locations: Locations) -> str | None:
    """The region that a profile has in the config file; None when it has none.

    Raises:
        ProfileNameInvalid: see `parse_profile`.
        FileUnavailable: when the file cannot be read, or AWS's tools could not read it.
    """
    _, is_section = _config_section(parse_profile(profile))
    found = _parsed(locations.config, _content(locations.config))
    return next((keys["region"] for name, keys in found.items() if is_section(name) and keys.get("region")), None)


def _config_section(name: str) -> tuple[str, Callable[[str], bool]]:
    """The header of a profile in the config file, and what else is one of it."""
    header = name if name == "default" else f"profile {name}"
    quoted = re.compile(rf"profile\s+(['\"]?){re.escape(name)}\1\s*")
    return header, lambda found: found == header or quoted.fullmatch(found) is not None


def _edit(
    path: Path,
    header: str,
    values: Mapping[str, str | None],
    is_section: Callable[[str], bool],
    locations: Locations,
) -> None:
    if path.parent == locations.folder:
        files.private_folder(path.parent)
    with files.locked(path, timeout_seconds=LOCK_SECONDS):
        before = _content(path)
        try:
            after = sections.set_keys(before, is_section=is_section, header=header, values=values)
        except FileUnavailable as error:
            raise FileUnavailable(f"`{path}`: {error.message}", advice=error.advice, path=str(path)) from None
        _demand_only_ours_changed(path, before, after, is_section, values)
        files.write_atomic(path, after)


def _content(path: Path) -> bytes:
    try:
        return files.read_bounded(path, MAX_BYTES)
    except FileUnavailable as error:
        if error.facts.get("missing"):
            return b""
        raise


def _demand_only_ours_changed(
    path: Path, before: bytes, after: bytes, is_section: Callable[[str], bool], values: Mapping[str, str | None]
) -> None:
    """Read both texts as botocore does, and refuse to write what would not be read as it is meant."""
    old, new = _parsed(path, before), _parsed(path, after)
    ours = {name for name in new if is_section(name)}
    wanted = {key: value for key, value in values.items() if value is not None}
    others_same = {name: keys for name, keys in old.items() if name not in ours} == {
        name: keys for name, keys in new.items() if name not in ours
    }
    if len(ours) != 1 or not others_same or not wanted.items() <= new[ours.pop()].items():
        raise FileUnavailable(
            f"`{path}` has a form that cannot be changed without changing its meaning",
            advice="Give every section and key a line of its own without indentation.",
            path=str(path),
        )


def _parsed(path: Path, document: bytes) -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser()
    text = document.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        faults = getattr(error, "errors", None)
        line = faults[0][0] if faults else getattr(error, "lineno", None)
        raise FileUnavailable(
            f"AWS's tools cannot read `{path}`" + (f", line {line}" if line else ""),
            advice="Mend or remove that line; nothing was written.",
            path=str(path),
            line=line,
        ) from None
    return {name: dict(parser.items(name)) for name in parser.sections()}
