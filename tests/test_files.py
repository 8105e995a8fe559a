"""The atomic writer and the careful readers, against real files of every unpleasant kind."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from daypass import files
from daypass.errors import FileUnavailable, FileUnsafe

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> set[str]:
    return set(os.listdir(folder))


@pytest.fixture(params=[0o022, 0o000, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach."""
    with tempfile.TemporaryDirectory() as text:
        os.chmod(text, 0o755)
        yield Path(text)


def test_a_new_file_and_its_folders_are_the_owners_only(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "a" / "b" / "file"
    files.write_atomic(path, b"secret")
    assert path.read_bytes() == b"secret"
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
    assert names(path.parent) == {"file"}


def test_a_file_that_was_open_to_all_is_not_any_more(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o666)
    files.write_atomic(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)


def test_another_mode_may_be_asked_for(tmp_path: Path, umask: int) -> None:
    files.write_atomic(tmp_path / "certificate", b"public", mode=0o644)
    assert mode(tmp_path / "certificate") == 0o644


def test_folders_that_exist_keep_their_modes(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    files.write_atomic(tmp_path / "file", b"")
    assert mode(tmp_path) == 0o755


def test_a_link_stays_and_its_file_is_replaced_beside_itself(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to("real/target")
    files.write_atomic(link, b"new")
    assert link.is_symlink()
    assert (target.read_bytes(), mode(target)) == (b"new", 0o600)
    assert names(tmp_path / "real") == {"target"}


def test_a_hard_link_elsewhere_keeps_the_old_bytes(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(b"old")
    os.link(path, other)
    files.write_atomic(path, b"secret")
    assert other.read_bytes() == b"old"


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def loop(path: Path) -> None:
    path.symlink_to(path)


def to_folder(path: Path) -> None:
    path.symlink_to(path.parent)


def to_device(path: Path) -> None:
    path.symlink_to("/dev/null")


def unix_socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # a socket's path is limited to about 100 characters
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, unix_socket, dangling, loop, to_folder, to_device])
def test_odd_files_are_refused_without_hanging(tmp_path: Path, make: object) -> None:
    assert callable(make)
    path = tmp_path / "odd"
    make(path)
    before = names(tmp_path)
    with pytest.raises(FileUnsafe):
        files.write_atomic(path, b"secret")
    with pytest.raises(FileUnsafe), files.locked(path, timeout_seconds=1):
        pytest.fail("locked")
    assert names(tmp_path) == before


@pytest.mark.timeout(10)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, unix_socket, dangling, loop, to_device])
def test_odd_files_are_not_read(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "odd")
    with pytest.raises((FileUnsafe, FileUnavailable)):
        files.read_private(tmp_path / "odd", max_bytes=10)
    with pytest.raises((FileUnsafe, FileUnavailable)):
        files.read_bounded(tmp_path / "odd", 10)


@as_root
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"theirs")
    path.chmod(0o600)
    os.chown(path, NOBODY, NOBODY)
    with pytest.raises(FileUnsafe, match="another user"):
        files.write_atomic(path, b"ours")
    with pytest.raises(FileUnsafe, match="another user"):
        files.read_private(path, max_bytes=10)
    assert path.read_bytes() == b"theirs"


@as_root
def test_a_link_that_another_user_made_is_not_followed(tmp_path: Path) -> None:
    target, link = tmp_path / "bashrc", tmp_path / "credentials"
    target.write_bytes(b"mine")
    link.symlink_to(target)
    os.lchown(link, NOBODY, NOBODY)
    with pytest.raises(FileUnsafe, match="another user"):
        files.write_atomic(link, b"overwritten")
    assert target.read_bytes() == b"mine"


@as_root
def test_a_folder_without_write_access_is_named_with_the_reason(open_folder: Path) -> None:
    os.seteuid(NOBODY)
    try:
        with pytest.raises(FileUnavailable, match="permission denied") as refused:
            files.write_atomic(open_folder / "file", b"x")
    finally:
        os.seteuid(0)
    assert str(open_folder) in refused.value.message
    assert refused.value.advice
    assert names(open_folder) == set()


def test_a_file_system_that_takes_no_files_is_named() -> None:
    with pytest.raises(FileUnavailable) as refused:
        files.write_atomic(Path("/proc/daypass/file"), b"x")
    assert "/proc/daypass" in refused.value.message


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EACCES])
def test_what_the_system_says_is_passed_on_with_a_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(FileUnavailable, match=os.strerror(number).lower()) as refused:
        files.write_atomic(path, b"new")
    assert refused.value.advice
    assert (path.read_bytes(), names(tmp_path)) == (b"old", {"file"})


def limited_to_four_kib() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    code = (
        "import sys, pathlib; from daypass import files; from daypass.errors import FileUnavailable\n"
        "try: files.write_atomic(pathlib.Path(sys.argv[1]), b'x' * 100_000)\n"
        "except FileUnavailable as e: print(e.message, e.advice)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        preexec_fn=limited_to_four_kib,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "file too large" in done.stdout, done.stderr
    assert str(path) in done.stdout
    assert (path.read_bytes(), names(tmp_path)) == (b"old", {"file"})


def test_killed_at_any_instant_the_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    versions = {bytes([letter]) * 200_000 for letter in b"abcd"}
    code = (
        "import sys, pathlib, itertools; from daypass import files; print(flush=True)\n"
        "for c in itertools.cycle(b'abcd'): files.write_atomic(pathlib.Path(sys.argv[1]), bytes([c]) * 200_000)\n"
    )
    for round_number in range(8):
        with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.01 + 0.007 * round_number)
            process.send_signal(signal.SIGKILL)
            process.wait()
        if path.exists():
            assert path.read_bytes() in versions
            assert mode(path) == 0o600
        for left in names(tmp_path) - {"file"}:
            assert mode(tmp_path / left) == 0o600
    files.write_atomic(path, b"and the next write succeeds")
    assert path.read_bytes() == b"and the next write succeeds"


@pytest.mark.parametrize("wide", [0o640, 0o604, 0o660, 0o606, 0o644, 0o601])
def test_a_secret_that_others_can_open_is_not_read(tmp_path: Path, wide: int) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"s3cret")
    path.chmod(wide)
    with pytest.raises(FileUnsafe) as refused:
        files.read_private(path, max_bytes=10)
    assert refused.value.advice == f"Run: chmod 600 {path}"
    assert "s3cret" not in str(refused.value)
    assert files.read_bounded(path, 10) == b"s3cret"


@pytest.mark.parametrize("narrow", [0o600, 0o400])
def test_a_secret_is_read(tmp_path: Path, narrow: int) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"s3cret")
    path.chmod(narrow)
    assert files.read_private(path, max_bytes=6) == b"s3cret"


def test_no_more_is_read_than_allowed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1234567")
    with pytest.raises(FileUnavailable, match="longer than 6 bytes"):
        files.read_bounded(path, 6)


def test_what_is_not_there_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileUnavailable) as absent:
        files.read_bounded(tmp_path / "absent", 6)
    assert absent.value.facts["missing"] is True
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileUnavailable) as below_file:
        files.read_bounded(tmp_path / "file" / "below", 6)
    assert below_file.value.facts["missing"] is False


def test_a_lock_is_held_by_one_and_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with files.locked(path, timeout_seconds=1):
        assert mode(tmp_path / "new" / "file.lock") == 0o600
        started = time.monotonic()
        with pytest.raises(FileUnavailable, match="locked") as busy, files.locked(path, timeout_seconds=0.2):
            pytest.fail("locked twice")
        assert 0.2 <= time.monotonic() - started < 2
        assert busy.value.advice
    with files.locked(path, timeout_seconds=0.2):
        pass
    assert (tmp_path / "new" / "file.lock").exists()


def test_a_link_and_its_file_have_one_lock(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("file")
    with (
        files.locked(tmp_path / "link", timeout_seconds=1),
        pytest.raises(FileUnavailable),
        files.locked(tmp_path / "file", timeout_seconds=0.05),
    ):
        pytest.fail("locked twice")


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bashrc").write_bytes(b"mine")
    (tmp_path / "file.lock").symlink_to("bashrc")
    with pytest.raises(FileUnsafe), files.locked(tmp_path / "file", timeout_seconds=1):
        pytest.fail("locked")


def test_waiters_get_the_lock_one_after_the_other(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "file", [0], [0]

    def work() -> None:
        for _ in range(5):
            with files.locked(path, timeout_seconds=20):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.002)
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_a_private_folder_is_made_and_narrowed(tmp_path: Path, umask: int) -> None:
    files.private_folder(tmp_path / "a" / "b")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)
    (tmp_path / "a" / "b").chmod(0o755)
    files.private_folder(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700


def test_a_shared_folder_is_not_taken_from_the_others(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(FileUnsafe, match="shared"):
        files.private_folder(shared)
    assert mode(shared) == 0o1777
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((FileUnsafe, FileUnavailable)):
        files.private_folder(tmp_path / "file")
