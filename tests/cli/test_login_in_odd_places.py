"""Logins whose files cannot be written as usual, as whole commands: full and read-only disks, odd files, odd names.

The small disks are real ones: a tmpfs in a mount namespace of the test's own (mount_namespaces(7)).
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.configloader
import pytest

from support.processes import DAYPASS, clean_environment
from support.services import (
    ROLE,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    WORKLOAD_SECRET,
    Service,
    https_service,
    platform,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGIN = ["idp", "login", "aws"]
MINE = "[mine]\naws_access_key_id = AKIAMINE\naws_secret_access_key = x\n"
SECRETS = (WORKLOAD_SECRET, SECRET_ACCESS_KEY, SESSION_TOKEN, "eyJ")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with https_service(tmp_path, platform) as running:
        yield running


@pytest.fixture
def environ(tmp_path: Path, service: Service) -> dict[str, str]:
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True, mode=0o700)
    secret = tmp_path / "secret"
    secret.write_text(WORKLOAD_SECRET)
    secret.chmod(0o600)
    return clean_environment(
        home,
        {
            "DAYPASS_URL": service.url + "/idp",
            "DAYPASS_TOKEN_FILE": str(secret),
            "DAYPASS_CA_BUNDLE": str(service.authority),
            "AWS_ENDPOINT_URL_STS": service.url,
            "AWS_CA_BUNDLE": str(service.authority),
            "IDP_AWS_ROLE_ARN": ROLE,
        },
    )


def aws_folder(environ: dict[str, str]) -> Path:
    return Path(environ["HOME"]) / ".aws"


def daypass(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([*DAYPASS, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done


def on_a_small_disk(environ: dict[str, str], *script: str) -> subprocess.CompletedProcess[str]:
    """Run a script where ~/.aws is a disk of 16 KiB with one profile in it."""
    where = shlex.quote(str(aws_folder(environ)))
    begin = f"""
    mount -t tmpfs -o size=16k,mode=700 tmpfs {where}
    cd {where}
    umask 077
    printf {shlex.quote(MINE)} > credentials
    daypass() {{ {shlex.join(DAYPASS)} "$@"; }}
    """
    tried = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False) if UNSHARE else None
    if tried is None or tried.returncode:
        pytest.skip("mount namespaces cannot be made here (unshare -rm)")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-ec", begin + "\n".join(script)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not any(secret in done.stderr for secret in SECRETS)
    return done


UNSHARE = shutil.which("unshare")
FILL = "cat /dev/zero > fill 2> /dev/null || true"
TELL = "echo $status; ls -A; cat credentials"


@pytest.mark.parametrize(
    ("command", "file"), [("idp login aws", "credentials"), ("idp login aws -p other --refreshing", "config")]
)
def test_on_a_full_disk_the_profiles_stay_and_the_next_step_is_said(
    environ: dict[str, str], command: str, file: str
) -> None:
    """Threat 71; a tmpfs without a free page is what a full disk is to a writer: ENOSPC from write(2)."""
    done = on_a_small_disk(environ, FILL, f"status=0; daypass {command} || status=$?", TELL)
    assert done.returncode == 0, done.stderr
    status, *left = done.stdout.removesuffix(MINE).splitlines()
    assert (status, set(left)) == ("3", {"credentials", f"{file}.lock", "fill"})
    assert done.stdout.endswith(MINE)
    assert f"{file}` cannot be written: no space left on device" in done.stderr
    assert "Free some space on that disk and run the same command again." in done.stderr


def test_without_an_inode_left_nothing_changes(environ: dict[str, str]) -> None:
    script = ("mount -o remount,nr_inodes=2 .", "status=0; daypass idp login aws || status=$?", TELL)
    done = on_a_small_disk(environ, *script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"3\ncredentials\n{MINE}"
    assert "no space left on device" in done.stderr


def test_after_space_is_made_the_same_command_works(environ: dict[str, str]) -> None:
    done = on_a_small_disk(
        environ,
        FILL,
        "daypass idp login aws 2> /dev/null || true",
        "rm fill",
        "daypass idp login aws > /dev/null",
        TELL,
    )
    assert done.returncode == 0, done.stderr
    assert MINE in done.stdout
    assert f"aws_secret_access_key = {SECRET_ACCESS_KEY}\n" in done.stdout


def test_a_read_only_disk_is_named(environ: dict[str, str]) -> None:
    done = on_a_small_disk(environ, "mount -o remount,ro .", "status=0; daypass idp login aws || status=$?", TELL)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"3\ncredentials\n{MINE}"
    assert "read-only file system" in done.stderr
    assert "name a file on another one" in done.stderr


def test_a_cache_on_a_full_disk_stops_nobody(environ: dict[str, str]) -> None:
    environ |= {"XDG_CACHE_HOME": str(aws_folder(environ) / "cache")}
    done = on_a_small_disk(
        environ, FILL, "daypass idp credentials aws", "ls -A cache/daypass/aws | grep -c 'json$' || true"
    )
    assert done.returncode == 0, done.stderr
    printed, kept = done.stdout.splitlines()
    assert json.loads(printed)["SecretAccessKey"] == SECRET_ACCESS_KEY
    assert kept == "0"
    assert "no space left on device; going on without" in done.stderr


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        before = Path.cwd()
        os.chdir(path.parent)  # a socket's path has at most 107 bytes
        made.bind(path.name)
        os.chdir(before)


def folder(path: Path) -> None:
    path.mkdir()


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("not-there"))


def loop(path: Path) -> None:
    path.symlink_to(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/null")


def foreign(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    path.write_text(MINE)
    os.chown(path, 65534, 65534)


ODD = [fifo, listening, folder, dangling, loop, device, foreign]


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("name", ["credentials", "config"])
def test_an_odd_file_is_named_and_left_alone(environ: dict[str, str], name: str, make: object) -> None:
    """Threat 72, CWE-59; a pipe must not hang the job."""
    assert callable(make)
    path = aws_folder(environ) / name
    make(path)
    before = path.lstat()
    refreshing = ["--refreshing"] if name == "config" else []
    done = daypass(environ, *LOGIN, *refreshing)
    assert done.returncode == 3, done.stderr
    assert f"`{path}" in done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)
    after = path.lstat()
    assert (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, before.st_size)
    assert {each.name for each in path.parent.iterdir()} <= {name, f"{name}.lock", "credentials.lock"}


@pytest.mark.parametrize(
    "command", [["idp", "token-file", "--path"], ["idp", "env", "aws", "--gitlab-dotenv"]], ids=["token", "dotenv"]
)
@pytest.mark.parametrize("make", [fifo, folder, dangling])
def test_files_that_the_user_names_are_judged_alike(
    environ: dict[str, str], tmp_path: Path, command: list[str], make: object
) -> None:
    assert callable(make)
    path = tmp_path / "named"
    make(path)
    done = daypass(environ, *command, str(path))
    assert done.returncode == 3, done.stderr
    assert f"`{path}" in done.stderr
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)


def test_a_link_to_a_file_of_ours_stays_a_link(environ: dict[str, str], tmp_path: Path) -> None:
    """Dotfiles that live in a repository of their own."""
    real = tmp_path / "dotfiles" / "credentials"
    real.parent.mkdir()
    real.write_text(MINE)
    real.chmod(0o600)
    link = aws_folder(environ) / "credentials"
    link.symlink_to(real)
    assert daypass(environ, *LOGIN).returncode == 0
    assert link.is_symlink()
    assert real.read_text().startswith(MINE)
    assert botocore.configloader.raw_config_parse(str(link))["default"]["aws_secret_access_key"] == SECRET_ACCESS_KEY


@pytest.mark.parametrize("name", ["a b", "été", "$(id)", "x;y", "100%", "-r", "*", 'q"q', "q'q", "~"])
def test_a_home_with_an_odd_name_holds_credentials_like_any_other(
    environ: dict[str, str], tmp_path: Path, name: str
) -> None:
    home = tmp_path / name / "home"
    home.mkdir(parents=True)
    environ |= {"HOME": str(home)}
    assert daypass(environ, *LOGIN).returncode == 0
    done = daypass(environ, *LOGIN, "-p", "ci", "--refreshing")
    assert done.returncode == 0, done.stderr
    made = botocore.configloader.raw_config_parse(str(home / ".aws" / "config"))["profile ci"]["credential_process"]
    asked = subprocess.run(
        ["sh", "-c", made],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(asked.stdout)["SessionToken"] == SESSION_TOKEN
    assert (home / ".aws" / "credentials").stat().st_mode & 0o777 == 0o600


def test_a_newline_in_the_name_of_the_file_adds_no_line_to_what_is_said(
    environ: dict[str, str], tmp_path: Path
) -> None:
    odd = tmp_path / "x\ndaypass: done"
    odd.mkdir()
    done = daypass(environ | {"AWS_SHARED_CREDENTIALS_FILE": str(odd)}, *LOGIN)
    assert done.returncode == 3
    assert "\ndaypass: done" not in done.stderr
    assert "\\ndaypass: done" in done.stderr
