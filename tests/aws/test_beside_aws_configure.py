"""`aws configure set` and our writer on one file: both real, and the AWS CLI held where it hurts (aws-cli #10648).

The AWS CLI takes no lock. It reads the file, empties it, and writes it again; strace makes each of these steps last.
"""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.configloader
import pytest

from daypass import files
from daypass.aws import credentials_file
from daypass.aws.credentials import Credentials
from daypass.aws.credentials_file import Locations, write_credentials
from daypass.secret import Secret
from support.processes import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BYSTANDERS = [f"bystander-{number}" for number in range(8)]
OURS = Credentials("ASIAEXAMPLEEXAMPLE12", Secret("ours"), Secret("t"), datetime(2030, 1, 1, tzinfo=UTC))


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    found = Locations.of({"HOME": str(tmp_path)})
    credentials = Path(found.credentials)
    credentials.parent.mkdir(mode=0o700)
    credentials.write_text("".join(f"[{name}]\naws_access_key_id = AKIA{name}\n" for name in BYSTANDERS))
    credentials.chmod(0o600)
    return found


def configure(home: Path, key: str, before: list[str]) -> subprocess.Popen[bytes]:
    command = ["aws", "configure", "set", "aws_access_key_id", key, "--profile", BYSTANDERS[0]]
    return subprocess.Popen([*before, *command], env=clean_environment(home), stderr=subprocess.PIPE)


@contextmanager
def held_at(locations: Locations, home: Path, injected: str, reached: Callable[[str], bool]) -> Iterator[None]:
    """The AWS CLI for the time that `injected` makes it wait, once it has come so far; ended after the block."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log = home / "trace"
    traced = [strace, "-f", "-qq", "-o", str(log), "-e", "trace=openat,write,close", "-P", str(locations.credentials)]
    if subprocess.run([*traced, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")
    with configure(home, "AKIATHEIRS", [*traced, "-e", f"inject={injected}"]) as process:
        end = time.monotonic() + 20
        while not reached(log.read_text() if log.exists() else ""):
            assert process.poll() is None, "it went by before it was seen"
            assert time.monotonic() < end
            time.sleep(0.005)
        yield
        assert process.wait(timeout=20) == 0


def kept(locations: Locations) -> dict[str, dict[str, str]]:
    """The profiles, as AWS's tools read them."""
    found = botocore.configloader.raw_config_parse(str(locations.credentials))
    assert isinstance(found, dict)
    return found


def test_what_was_emptied_to_be_written_is_not_taken_for_the_whole(locations: Locations, tmp_path: Path) -> None:
    def emptied(_: str) -> bool:
        return Path(locations.credentials).stat().st_size == 0

    with held_at(locations, tmp_path, "write:delay_enter=300000:when=1", emptied):
        write_credentials(OURS, profile="ours", locations=locations)
    found = kept(locations)
    assert found.keys() == {*BYSTANDERS, "ours"}
    assert found[BYSTANDERS[0]]["aws_access_key_id"] == "AKIATHEIRS"
    assert found["ours"]["aws_secret_access_key"] == "ours"


def test_what_aws_configure_takes_back_is_the_login_between_and_nothing_else(
    locations: Locations, tmp_path: Path
) -> None:
    """It has read the file before the login, and writes what it read: no lock of ours can keep it from that."""

    def read_twice(log: str) -> bool:
        return log.count("close(") >= 2

    with held_at(locations, tmp_path, "openat:delay_enter=400000:when=3", read_twice):
        write_credentials(OURS, profile="ours", locations=locations)
        assert "ours" in kept(locations)
    found = kept(locations)
    assert found.keys() == set(BYSTANDERS)
    assert found[BYSTANDERS[0]]["aws_access_key_id"] == "AKIATHEIRS"
    write_credentials(OURS, profile="ours", locations=locations)
    assert kept(locations).keys() == {*BYSTANDERS, "ours"}


def test_nobody_elses_profile_is_lost_however_they_meet(locations: Locations, tmp_path: Path) -> None:
    """The AWS CLI, one after the other, and our writer all the time."""
    done = threading.Event()
    written = 0

    def ours() -> None:
        nonlocal written
        while not done.is_set():
            write_credentials(OURS, profile="ours", locations=locations)
            written += 1

    thread = threading.Thread(target=ours)
    thread.start()
    try:
        for number in range(5):
            with configure(tmp_path, f"AKIA{number}", []) as process:
                while process.poll() is None:
                    # It may be empty or half written for a moment, as the AWS CLI leaves it; ours never.
                    assert set(kept(locations)) <= {*BYSTANDERS, "ours"}
                assert process.returncode == 0
    finally:
        done.set()
        thread.join()
    write_credentials(OURS, profile="ours", locations=locations)
    assert kept(locations).keys() == {*BYSTANDERS, "ours"}
    assert written > 10
    assert {path.name for path in Path(locations.credentials).parent.iterdir()} == {"credentials", "credentials.lock"}


def test_beside_a_writer_that_never_rests_a_login_still_comes_to_its_end(
    locations: Locations, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    def changed(*_: object) -> bool:
        nonlocal tries
        tries += 1
        return False

    monkeypatch.setattr(credentials_file, "_is_still", changed)
    write_credentials(OURS, profile="ours", locations=locations)
    assert kept(locations).keys() == {*BYSTANDERS, "ours"}
    assert 5 < tries < 50
    assert {path.name for path in Path(locations.credentials).parent.iterdir()} == {"credentials", "credentials.lock"}


def test_a_file_that_is_not_there_has_no_version(tmp_path: Path) -> None:
    assert files.version(tmp_path / "none") is None
    (tmp_path / "none").write_text("")
    before = files.version(tmp_path / "none")
    (tmp_path / "none").write_text("x")
    assert None is not before != files.version(tmp_path / "none")
