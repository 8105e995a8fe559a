"""The credentials and config files as AWS's own library reads them back."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import botocore.configloader
import botocore.session
import pytest

from daypass import files
from daypass.aws.credentials import Credentials
from daypass.aws.credentials_file import Locations, write_credentials, write_region
from daypass.aws.endpoint import parse_region
from daypass.errors import FileUnavailable, FileUnsafe, ProfileNameInvalid, UsageInvalid
from daypass.secret import Secret

CREDENTIALS = Credentials(
    access_key_id="ASIAEXAMPLEEXAMPLE12",
    secret_access_key=Secret("wJalr/K7+MDENG%(x)s$HOME#no;comment"),
    session_token=Secret("FwoGZXIv/+=="),
    expires_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
)


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    return Locations.of({"HOME": str(tmp_path)})


def read_by_botocore(locations: Locations, profile: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str, str]:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(locations.credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(locations.config))
    found = botocore.session.Session(profile=profile).get_credentials()
    assert found is not None
    return found.access_key, found.secret_key, found.token


@pytest.mark.parametrize("profile", ["default", "prod", "a.b/c@d:e+f-g_h", "100%"])
def test_botocore_reads_what_was_written(locations: Locations, profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_credentials(CREDENTIALS, profile=profile, locations=locations)
    assert read_by_botocore(locations, profile, monkeypatch) == (
        CREDENTIALS.access_key_id,
        CREDENTIALS.secret_access_key.reveal(),
        CREDENTIALS.session_token.reveal(),
    )
    assert stat.S_IMODE(Path(locations.credentials).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(locations.credentials).parent.stat().st_mode) == 0o700


def test_the_expiry_is_kept_under_a_key_of_ours(locations: Locations) -> None:
    write_credentials(CREDENTIALS, profile="p", locations=locations)
    section = botocore.configloader.raw_config_parse(str(locations.credentials))["p"]
    assert section["expiration"] == "2026-01-02T03:04:05Z"


def test_other_profiles_and_comments_stay_and_stale_tokens_go(locations: Locations) -> None:
    Path(locations.credentials).parent.mkdir()
    Path(locations.credentials).write_bytes(
        b"# my keys\r\n[default]\r\naws_access_key_id = AKIADEFAULT\r\n\r\n[p]\r\naws_security_token = stale\r\n"
        b"region = x\r\n; end\r\n"
    )
    write_credentials(CREDENTIALS, profile="p", locations=locations)
    text = Path(locations.credentials).read_bytes()
    assert text.startswith(b"# my keys\r\n[default]\r\naws_access_key_id = AKIADEFAULT\r\n\r\n[p]\r\n")
    assert text.endswith(b"region = x\r\n; end\r\n")
    assert b"stale" not in text
    assert text.count(b"\n") == text.count(b"\r\n")


@pytest.mark.parametrize(
    "profile",
    ["", "x]\n[admin", "a b", "a=b", "a#b", "a;b", "[a]", "a]", "a\r", "a\0", "ä", "DEFAULT", "x" * 129, "a\n", "'a'"],
)
def test_profile_names_that_could_write_another_section_are_refused(locations: Locations, profile: str) -> None:
    with pytest.raises(ProfileNameInvalid):
        write_credentials(CREDENTIALS, profile=profile, locations=locations)
    assert not Path(locations.credentials).exists()


@pytest.mark.parametrize("region", ["", "eu-central-1\n[x]", "eu", "../x", "eu-central-1.evil.example", "EU-CENTRAL-1"])
def test_regions_that_are_none_are_refused(region: str) -> None:
    with pytest.raises(UsageInvalid):
        parse_region(region)


@pytest.mark.parametrize(
    ("before", "profile", "after"),
    [
        (b"", "default", b"[default]\nregion = eu-central-1\n"),
        (b"", "p", b"[profile p]\nregion = eu-central-1\n"),
        (b"[p]\nx=1\n", "p", b"[p]\nx=1\n\n[profile p]\nregion = eu-central-1\n"),
        (b'[profile "p"]\nregion=old\n', "p", b'[profile "p"]\nregion = eu-central-1\n'),
        (b"[profile   p]\nregion=old\noutput=json\n", "p", b"[profile   p]\nregion = eu-central-1\noutput=json\n"),
        (
            b"[default]\ns3 =\n  max = 1\n",
            "default",
            b"[default]\nregion = eu-central-1\ns3 =\n  max = 1\n",
        ),
    ],
)
def test_the_region_goes_into_the_config_files_profile(
    locations: Locations, before: bytes, profile: str, after: bytes
) -> None:
    Path(locations.config).parent.mkdir()
    Path(locations.config).write_bytes(before)
    write_region("eu-central-1", profile=profile, locations=locations)
    assert Path(locations.config).read_bytes() == after
    loaded = botocore.configloader.load_config(str(locations.config))
    assert loaded["profiles"][profile]["region"] == "eu-central-1"


@pytest.mark.parametrize(
    ("broken", "line"),
    [(b"key = 1\n[a]\n", 1), (b"[a]\nx=1\nloose\n", 3), (b"[a]\n[a]\n", 2), (b"[a]\nx=1\nx=2\n", 3)],
)
def test_a_file_that_aws_tools_cannot_read_is_left_alone_and_said_so(
    locations: Locations, broken: bytes, line: int
) -> None:
    Path(locations.credentials).parent.mkdir()
    Path(locations.credentials).write_bytes(broken)
    with pytest.raises(FileUnavailable, match="cannot read") as refused:
        write_credentials(CREDENTIALS, profile="p", locations=locations)
    assert refused.value.facts["line"] == line
    assert Path(locations.credentials).read_bytes() == broken


def test_a_pipe_in_place_of_the_file_does_not_hang(locations: Locations) -> None:
    Path(locations.credentials).parent.mkdir()
    os.mkfifo(locations.credentials)
    with pytest.raises(FileUnsafe, match="pipe"):
        write_credentials(CREDENTIALS, profile="p", locations=locations)


def test_the_users_own_folder_is_made_private_and_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".aws").mkdir(mode=0o755)
    (tmp_path / "shared").mkdir(mode=0o755)
    home = {"HOME": str(tmp_path)}
    write_credentials(CREDENTIALS, profile="p", locations=Locations.of(home))
    elsewhere = Locations.of({**home, "AWS_SHARED_CREDENTIALS_FILE": "~/shared/credentials"})
    write_credentials(CREDENTIALS, profile="p", locations=elsewhere)
    assert stat.S_IMODE((tmp_path / ".aws").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o755
    assert files.read_private(tmp_path / "shared" / "credentials", max_bytes=4096)
