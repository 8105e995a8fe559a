"""A writer that is killed, or meets a full disk, at every step: the files always parse and lose no profile.

Once with strace, which kills at every system call that can change a file; and once inside this process's child, which
needs no strace: it ends, without any clean-up, at the n-th call of the functions behind those.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.configloader
import pytest

from daypass.aws.credentials import Credentials
from daypass.aws.credentials_file import Locations, remove_profile, write_credentials, write_process, write_region
from daypass.errors import FileUnavailable
from daypass.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND = "/bin/daypass idp credentials aws --role-arn arn:aws:iam::111122223333:role/ci"
PROFILES = {f"p{number}": f"{number}" * 40 for number in range(20)}
CHANGING = ("open", "write", "fsync", "replace", "fchmod", "unlink", "mkdir", "close")


def credentials(marker: str) -> Credentials:
    return Credentials("ASIAEXAMPLEEXAMPLE12", Secret(marker * 40), Secret("t"), datetime(2030, 1, 1, tzinfo=UTC))


def everything(locations: Locations, marker: str) -> None:
    """A change of each kind, in both files."""
    write_credentials(credentials(marker), profile="new", locations=locations)
    write_region("eu-central-1", profile="new", locations=locations)
    write_process(COMMAND, profile="p1", locations=locations)
    remove_profile("p2", locations=locations)


@pytest.fixture
def locations(tmp_path: Path) -> Locations:
    found = Locations.of({"HOME": str(tmp_path)})
    for name, key in PROFILES.items():
        write_credentials(credentials(key[0]), profile=name, locations=found)
    write_region("us-east-1", profile="p0", locations=found)
    return found


def demand_whole(locations: Locations) -> None:
    """Both files parse; every profile is as it was before or is meant to be."""
    kept = botocore.configloader.raw_config_parse(str(locations.credentials))
    config = botocore.configloader.raw_config_parse(str(locations.config))
    for name, key in PROFILES.items():
        if name == "p2" and name not in kept:
            continue
        if name == "p1" and name not in kept:
            assert config["profile p1"]["credential_process"] == COMMAND, "never without any credentials"
            continue
        assert kept[name]["aws_secret_access_key"] == (key[0] * 40)
        assert kept[name]["expiration"]
    assert config["profile p0"] == {"region": "us-east-1"}
    new = kept.get("new", {})
    assert new == {} or new["aws_secret_access_key"] == "n" * 40
    for path in map(Path, (locations.credentials, locations.config)):
        assert path.stat().st_mode & 0o777 == 0o600


def in_child(work: Callable[[], object]) -> int:
    """Carry out in a child that ends at once, with what it is told by `os._exit`, 0 otherwise."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - a child of pytest must not come back into pytest
            os._exit(99)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def failing_at(number: int, fault: Callable[[], None]) -> None:
    """From now on the `number`-th call of any function of CHANGING is preceded by `fault`."""
    count = 0

    def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == number:
                fault()
            return function(*arguments, **options)

        return call

    for name in CHANGING:
        setattr(os, name, wrapped(getattr(os, name)))


def test_killed_before_each_step_nothing_is_lost(locations: Locations) -> None:
    """CWE-367's cousin: aws-cli #10648 truncates in place, and a kill there loses every profile."""
    for number in range(1, 500):

        def killed_at(number: int = number) -> None:
            failing_at(number, lambda: os._exit(7))
            everything(locations, "n")

        status = in_child(killed_at)
        demand_whole(locations)
        assert status in (0, 7)
        if status == 0:
            assert number > 60, "the steps were really met"
            break
    else:
        pytest.fail("it never got to its end")


@pytest.mark.parametrize("number_of_error", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_each_step_may_fail_and_nothing_is_lost(locations: Locations, number_of_error: int) -> None:
    def fault() -> None:
        raise OSError(number_of_error, os.strerror(number_of_error))

    for number in range(1, 500, 3):

        def failing(number: int = number) -> None:
            failing_at(number, fault)
            try:
                everything(locations, "n")
            except (FileUnavailable, OSError):
                os._exit(7)

        status = in_child(failing)
        demand_whole(locations)
        left = {name for name in os.listdir(Path(locations.credentials).parent) if name.endswith(".tmp")}
        # Where even taking the new file away fails, it stays, closed to others; nothing else may.
        assert len(left) <= number // 3 + 1
        if status == 0:
            break
    else:
        pytest.fail("it never got to its end")


def test_on_a_full_disk_the_old_file_stays_and_the_reason_is_said(locations: Locations) -> None:
    """RLIMIT_FSIZE is what a full disk is to a process that writes: the n-th byte is refused."""
    size = Path(locations.credentials).stat().st_size
    before = Path(locations.credentials).read_bytes()
    for limit in (0, 1, size // 2, size):

        def limited(limit: int = limit) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            try:
                write_credentials(credentials("n"), profile="new", locations=locations)
            except FileUnavailable as error:
                os._exit(7 if "too large" in error.message else 8)

        assert in_child(limited) == 7
        assert Path(locations.credentials).read_bytes() == before
        assert [name for name in os.listdir(Path(locations.credentials).parent) if name.endswith(".tmp")] == []


WRITER = """
import sys
sys.path[:0] = sys.argv[2].split(":")
from test_interrupted_writes import everything, Locations
everything(Locations.of({"HOME": sys.argv[1]}), "n")
"""
# Those of the writer that can change what is on disk; each is entered, and then the process is dead.
SYSCALLS = "write,fsync,rename,renameat,renameat2,fchmod,unlink,unlinkat,mkdir,flock,ftruncate"


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_killed_at_every_system_call_nothing_is_lost(locations: Locations, tmp_path: Path) -> None:
    path = ":".join([os.path.dirname(__file__), *(entry for entry in sys.path if entry)])
    writer = [sys.executable, "-I", "-c", WRITER, str(tmp_path), path]
    traced = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", f"trace={SYSCALLS}"]
    tried = subprocess.run([*traced, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("strace may not trace here")
    killed = 0
    for call in SYSCALLS.split(","):  # strace counts each system call for itself
        for number in range(1, 100):
            done = subprocess.run(
                [*traced, "-e", f"inject={call}:signal=KILL:when={number}", *writer], capture_output=True, check=False
            )
            demand_whole(locations)
            if done.returncode == 0:
                break
            assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
            killed += 1
        else:
            pytest.fail(f"{call} has no end")
    assert killed > 15, "the writer was really killed, call by call"
