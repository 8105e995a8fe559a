"""AWS's credentials and config files: one profile of ours, everything else untouched.

Source: AWS CLI user guide, Configuration and credential file settings. botocore reads no expiry from the file; ours
is kept under `expiration`, which AWS's tools leave alone, so that `daypass` can tell when a login has ended.
"""

from __future__ import annotations

import configparser
import os
import re
import time
from functools import partial

from daypass import files
from daypass.aws import sections
from daypass.aws.config_glance import home_of, located
from daypass.errors import FileUnavailable, FileUnsafe, ProfileNameInvalid, ProfileTaken
from daypass.light_typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final, Self

    from daypass.aws.credentials import Credentials

MAX_BYTES: Final = 8 * 1024 * 1024
LOCK_SECONDS: Final = 30.0
_SETTLING_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 0.02
_MOST_TRIES: Final = 20
_PROFILE: Final = re.compile(r"[A-Za-z0-9_./%@:+-]{1,128}")
_PROFILE_SECTION: Final = re.compile(r"profile\s+")
_KEYS: Final = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_security_token", "expiration")
_PROCESS: Final = "credential_process"
_OUR_PROCESS: Final = " idp credentials aws "
# What AWS's tools use before a credential_process of the same profile.
_BEFORE_PROCESS: Final = (
    "role_arn",
    "web_identity_token_file",
    "sso_session",
    "sso_start_url",
    "login_session",
    "aws_access_key_id",
)


_ALL_BEFORE: Final = (*_BEFORE_PROCESS, _PROCESS)


# What botocore, and with it the AWS CLI, uses before the keys of the same profile.
_BEFORE_KEYS: Final = ("role_arn", "web_identity_token_file", "sso_session", "sso_start_url")


class Beside(NamedTuple):
    """What a profile has besides keys of ours: the id of a key that is to be replaced, and a setting that goes before.

    None: there is no such thing.
    """

    foreign_key_id: str | None
    setting_before: str | None


class Locations(NamedTuple):
    """Where the two files are. `folder` is `~/.aws` when one of them is there, which is made private; else None."""

    credentials: str
    config: str
    folder: str | None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """As AWS's tools find them: `AWS_SHARED_CREDENTIALS_FILE`, `AWS_CONFIG_FILE`, or in `~/.aws`."""
        return cls(
            credentials=located(environ, "AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config=located(environ, "AWS_CONFIG_FILE", "config"),
            folder=os.path.join(home_of(environ), ".aws"),
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


def look_beside(profile: str, *, locations: Locations) -> Beside:
    """What is to be said to who logs in to a profile; nothing of a config file that cannot be read.

    Raises:
        ProfileNameInvalid: see `parse_profile`.
        FileUnavailable, FileUnsafe: when the credentials file cannot be read, or AWS's tools could not read it.
    """
    name = parse_profile(profile)
    keys = _keys_of(locations.credentials, lambda found: found == name)
    try:
        settings = read_config(name, locations=locations)
    except (FileUnavailable, FileUnsafe):
        settings = {}
    key_id = keys.get("aws_access_key_id") if not _is_ours(keys) else None
    return Beside(key_id, next((key for key in _BEFORE_KEYS if key in settings or key in keys), None))


def write_region(region: str, *, profile: str, locations: Locations) -> None:
    """Put a region into a profile of the config file. Raises as `write_credentials` does."""
    header, is_section = _config_section(parse_profile(profile))
    _edit(locations.config, header, {"region": region}, is_section, locations)


def write_process(command: str, *, profile: str, locations: Locations) -> None:
    """Let a profile of the config file get its credentials from a command, and take keys of ours out of its way.

    Args:
        command: one line, as `credential_process` has it.
        profile: its name.
        locations: the two files.

    Raises:
        ProfileTaken: when the profile has something else that AWS's tools would use instead.
        And as `write_credentials` does.
    """
    name = parse_profile(profile)
    header, is_section = _config_section(name)
    keys = _keys_of(locations.credentials, lambda found: found == name)
    if not keys.keys().isdisjoint(_KEYS) and not _is_ours(keys):
        raise ProfileTaken(
            f"the profile `{name}` has keys in `{locations.credentials}` that Daypass did not write",
            advice="AWS's tools use them before any credential_process; name another profile with --profile.",
            profile=name,
        )
    settings = _keys_of(locations.config, is_section)
    before = next((key for key in _BEFORE_PROCESS if key in settings), None)
    foreign = settings.get(_PROCESS) if not is_our_process(settings.get(_PROCESS, command)) else None
    if before is not None or foreign is not None:
        raise ProfileTaken(
            f"the profile `{name}` in `{locations.config}` has a {before or _PROCESS} that Daypass did not write",
            advice="Name another profile with --profile, or take that line out.",
            profile=name,
        )
    _edit(locations.config, header, {_PROCESS: command}, is_section, locations)
    if not keys.keys().isdisjoint(_KEYS):
        _edit(locations.credentials, name, dict.fromkeys(_KEYS), lambda found: found == name, locations)


def gives_credentials(profile: str, *, locations: Locations) -> str | None:
    """The file from which AWS's tools would take credentials for a profile before they ask any endpoint, if one does.

    Raises:
        FileUnavailable: when one of them cannot be read, or AWS's tools could not read it.
    """
    _, is_section = _config_section(parse_profile(profile))
    if "aws_access_key_id" in _keys_of(locations.credentials, lambda found: found == profile):
        return locations.credentials
    return None if _keys_of(locations.config, is_section).keys().isdisjoint(_ALL_BEFORE) else locations.config


def config_without_credentials(profile: str, *, locations: Locations) -> bytes | None:
    """The config file without what gives a profile credentials; None when nothing in it does.

    Raises:
        FileUnavailable: when it cannot be read, or AWS's tools could not read it.
    """
    header, is_section = _config_section(parse_profile(profile))
    if _keys_of(locations.config, is_section).keys().isdisjoint(_ALL_BEFORE):
        return None
    content = _content(locations.config)
    return sections.remove_keys(content, is_section=is_section, header=header, keys=_ALL_BEFORE)


def remove_profile(profile: str, *, locations: Locations) -> tuple[list[str], str | None]:
    """Take away what `write_credentials` and `write_process` wrote: these keys, and a section that is empty then.

    Returns:
        The files that were changed, and the command that the profile had.

    Raises:
        ProfileTaken: when its keys, or its process, are not ours; nothing is changed then.
        And as `write_credentials` does.
    """
    name = parse_profile(profile)
    header, is_section = _config_section(name)
    keys = _keys_of(locations.credentials, lambda found: found == name)
    held = not keys.keys().isdisjoint(_KEYS)
    command = _keys_of(locations.config, is_section).get(_PROCESS)
    if (held and not _is_ours(keys)) or (command is not None and not is_our_process(command)):
        raise ProfileTaken(
            f"the credentials of the profile `{name}` were not written by Daypass",
            advice="They are left as they are; take them out by hand if they are to go.",
            profile=name,
        )
    changed = []
    if held:
        _edit(locations.credentials, name, dict.fromkeys(_KEYS), lambda found: found == name, locations)
        changed.append(locations.credentials)
    if command is not None:
        _edit(locations.config, header, {_PROCESS: None}, is_section, locations)
        changed.append(locations.config)
    return changed, command


def our_profiles(locations: Locations) -> list[str]:
    """The profiles of both files whose credentials `daypass` wrote, by name."""
    found = {name for name, keys in _sections(locations.credentials).items() if _is_ours(keys)}
    for section, keys in _sections(locations.config).items():
        name = section if section == "default" else _PROFILE_SECTION.sub("", section).strip("'\" ")
        if is_our_process(keys.get(_PROCESS, "")) and _PROFILE.fullmatch(name):
            found.add(name)
    return sorted(found)


def is_our_process(command: str) -> bool:
    """Whether a `credential_process` is the one that `daypass idp login aws --refreshing` writes."""
    return _OUR_PROCESS in f" {command} "


def _is_ours(keys: Mapping[str, str]) -> bool:
    return "expiration" in keys and keys.get("aws_access_key_id", "").startswith("ASIA")


def _config_section(name: str, kind: str = "profile") -> tuple[str, Callable[[str], bool]]:
    header = name if (kind, name) == ("profile", "default") else f"{kind} {name}"
    quoted = re.compile(rf"{kind}\s+(['\"]?){re.escape(name)}\1\s*")
    return header, lambda found: found == header or quoted.fullmatch(found) is not None


def _keys_of(path: str, is_section: Callable[[str], bool]) -> dict[str, str]:
    return next((keys for name, keys in _sections(path).items() if is_section(name)), {})


def _sections(path: str) -> dict[str, dict[str, str]]:
    return _parsed(path, _content(path))


def read_config(name: str, *, kind: str = "profile", locations: Locations) -> Mapping[str, str]:
    """What a section of the config file says: that of a profile, or `[services NAME]`. Nothing when it is not there.

    Raises:
        FileUnavailable: when the file cannot be read, or AWS's tools could not read it.
    """
    _, is_section = _config_section(name, kind)
    return _keys_of(locations.config, is_section)


def read_region(*, profile: str, locations: Locations) -> str | None:
    """The region that a profile has in the config file; None when it has none.

    Raises:
        ProfileNameInvalid: see `parse_profile`.
        FileUnavailable: when the file cannot be read, or AWS's tools could not read it.
    """
    return read_config(parse_profile(profile), locations=locations).get("region") or None


def _edit(
    path: str,
    header: str,
    values: Mapping[str, str | None],
    is_section: Callable[[str], bool],
    locations: Locations,
) -> None:
    folder = os.path.dirname(path)
    if folder == locations.folder:
        files.private_folder(folder)
    with files.locked(path, timeout_seconds=LOCK_SECONDS):
        for left in reversed(range(_MOST_TRIES)):
            version, before = _settled(path)
            try:
                if any(value is not None for value in values.values()):
                    after = sections.set_keys(before, is_section=is_section, header=header, values=values)
                else:
                    after = sections.remove_keys(before, is_section=is_section, header=header, keys=values.keys())
            except FileUnavailable as error:
                raise FileUnavailable(f"`{path}`: {error.message}", advice=error.advice, path=path) from None
            _demand_only_ours_changed(path, before, after, is_section, values)
            # Beside a program that never rests the last try is made in any case: a login must come to its end.
            if files.write_atomic(path, after, still=partial(_is_still, path, version) if left else _always):
                return


def _settled(path: str) -> tuple[files.Version | None, bytes]:
    """The file's content, and which one that is.

    `aws configure set` takes no lock: it empties the file, and then writes it. What is read in between is no content
    but the lack of one, and would be written back as if it were the whole.
    """
    for _ in range(int(_SETTLING_SECONDS / _LOOK_SECONDS)):
        version, content = files.version(path), _content(path)
        old = version is None or abs(time.time() - version.changed_ns / 1e9) > _SETTLING_SECONDS
        if old or (content and _can_be_read(path, content)):
            return version, content
        time.sleep(_LOOK_SECONDS)
    return files.version(path), _content(path)


def _is_still(path: str, version: files.Version | None) -> bool:
    return files.version(path) == version


def _always() -> bool:
    return True


def _can_be_read(path: str, content: bytes) -> bool:
    try:
        _parsed(path, content)
    except FileUnavailable:
        return False
    return True


def _content(path: str) -> bytes:
    try:
        return files.read_bounded(path, MAX_BYTES)
    except FileUnavailable as error:
        if error.facts.get("missing"):
            return b""
        raise


def _demand_only_ours_changed(
    path: str, before: bytes, after: bytes, is_section: Callable[[str], bool], values: Mapping[str, str | None]
) -> None:
    """Read both texts as botocore does, and refuse to write what would not be read as it is meant."""
    old, new = _parsed(path, before), _parsed(path, after)
    ours = {name for name in new if is_section(name)}
    wanted = {key: value for key, value in values.items() if value is not None}
    others_same = {name: keys for name, keys in old.items() if not is_section(name)} == {
        name: keys for name, keys in new.items() if name not in ours
    }
    found = new[min(ours)] if ours else {}
    if len(ours) > 1 or not others_same or not wanted.items() <= found.items() or _kept_too_much(found, values):
        raise FileUnavailable(
            f"`{path}` has a form that cannot be changed without changing its meaning",
            advice="Give every section and key a line of its own without indentation.",
            path=path,
        )


def _kept_too_much(found: Mapping[str, str], values: Mapping[str, str | None]) -> bool:
    return any(key in found for key, value in values.items() if value is None)


def _parsed(path: str, document: bytes) -> dict[str, dict[str, str]]:
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
            path=path,
            line=line,
        ) from None
    return {name: dict(parser.items(name)) for name in parser.sections()}
