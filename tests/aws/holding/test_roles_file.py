"""`daypass-roles.toml`: what it takes, what it says of the rest, and that its schema says the same."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

import daypass.aws.holding
from daypass.aws.holding.roles_file import read_roles
from daypass.aws.holding.wanted import Wanted
from daypass.errors import FileUnavailable, SettingInvalid

SCHEMA = json.loads((Path(daypass.aws.holding.__file__).parent / "roles.schema.json").read_text())
A, B = "arn:aws:iam::111122223333:role/ci", "arn:aws:iam::444455556666:role/ci"
GOOD = f"""
[[role]]
profile = "a"
role_arn = "{A}"

[[role]]
profile = "b"
role_arn = "{B}"
duration_seconds = 900
region = "eu-central-1"
audience = "x"
scope = "s"
role_session_name = "me"
chain_role_arn = "{A}"
"""
BAD = [
    ("", "no role"),
    ("role = 1", "no role"),
    ("role = []", "no role"),
    ("role = [1]", "no role"),
    ("roles = 1", "`roles`|roles: it is not known"),
    ('[[role]]\nprofile = "a"', "role 1, role_arn: it is missing"),
    (f'[[role]]\nrole_arn = "{A}"', "role 1, profile: it is missing"),
    (f'[[role]]\nprofile = "a"\nrole_arn = "{A}"\nrole_name = "x"', "role 1, role_name: it is not known"),
    (f'[[role]]\nprofile = 1\nrole_arn = "{A}"', "role 1, profile: it is not text"),
    (f'[[role]]\nprofile = "a b"\nrole_arn = "{A}"', "role 1: `a b`"),
    (f'[[role]]\nprofile = "DEFAULT"\nrole_arn = "{A}"', "role 1"),
    ('[[role]]\nprofile = "a"\nrole_arn = "x"', "role 1: `x`"),
    (f'[[role]]\nprofile = "a"\nrole_arn = "{A}"\nduration_seconds = "900"', "duration_seconds: it is not a whole"),
    (f'[[role]]\nprofile = "a"\nrole_arn = "{A}"\nduration_seconds = true', "duration_seconds: it is not a whole"),
    (f'[[role]]\nprofile = "a"\nrole_arn = "{A}"\nduration_seconds = 899', "899"),
    (f'[[role]]\nprofile = "a"\nrole_arn = "{A}"\nregion = "x"', "`x` is not an AWS region"),
    (f'[[role]]\nprofile = "a"\nrole_arn = "{A}"\naudience = ""', "audience is empty"),
    (f'[[role]]\nprofile = "a"\nrole_arn = "{A}"\nchain_role_arn = "{B}"\nduration_seconds = 3601', "3600 seconds"),
]


def test_roles_are_read(tmp_path: Path) -> None:
    path = tmp_path / "daypass-roles.toml"
    path.write_text(GOOD)
    first, second = read_roles(path)
    assert (first.profile, first.wanted) == ("a", Wanted(A))
    assert second.wanted == Wanted(B, "900", "me", "x", "eu-central-1", "s", A)
    jsonschema.validate(tomllib.loads(GOOD), SCHEMA)


@pytest.mark.parametrize(("text", "words"), BAD)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "daypass-roles.toml"
    path.write_text(text)
    with pytest.raises(SettingInvalid, match=words) as refused:
        read_roles(path)
    assert str(path) in refused.value.message
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(tomllib.loads(text)), "the schema says so too"


@pytest.mark.parametrize("content", [b"[[role", b"\xff", b"a = 1\na = 2"])
def test_what_is_no_toml_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "daypass-roles.toml"
    path.write_bytes(content)
    with pytest.raises(SettingInvalid, match="not TOML"):
        read_roles(path)
    with pytest.raises(FileUnavailable):
        read_roles(tmp_path / "none")


def test_a_profile_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "daypass-roles.toml"
    path.write_text(GOOD.replace('"b"', '"a"'))
    with pytest.raises(SettingInvalid, match="role 2, profile: role 1 goes to `a` already"):
        read_roles(path)
