"""The one atomic, owner-only way to write a file, and the one careful way to read what somebody else may have touched.

A file written here is the old one or the new one, at every instant and after every crash, and nobody but its owner
can open it. A path that is a symbolic link is followed only when we (or root) made the link and own the regular file
it ends at. Pipes, folders, devices and files of another user are refused before they are opened, so nothing hangs.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time

from daypass.errors import FileUnavailable, FileUnsafe
from daypass.light_typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Final

    AnyPath = str | os.PathLike[str]

_MAX_LINKS: Final = 40  # what Linux itself follows (path_resolution(7))
_ADVICE: Final = {
    errno.ENOSPC: "Free some space on that disk and run the same command again.",
    errno.EDQUOT: "Free some space in your quota and run the same command again.",
    errno.EFBIG: "Raise the limit on file sizes (ulimit -f) and run the same command again.",
    errno.EROFS: "That file system is read-only; name a file on another one.",
    errno.EACCES: "Check the owner and modes of the file and of the folders above it.",
    errno.EPERM: "Check the owner, modes and attributes of the file and of the folders above it.",
    errno.ENOENT: "Check the name; nothing is there.",
}


class Version(NamedTuple):
    """See `version`. `changed_ns` is in nanoseconds since 1970, by the file system's clock."""

    device: int
    inode: int
    size: int
    changed_ns: int


def write_atomic(path: AnyPath, data: bytes, *, mode: int = 0o600, still: Callable[[], bool] = lambda: True) -> bool:
    """Replace the whole content of `path`, or make it, so that a reader finds the old bytes or the new ones.

    The bytes go to a new file in the same folder, to disk, and then take the name (rename(2)). Missing folders are
    made with mode 0700; folders that exist keep their modes. `mode` holds whatever the umask and the old file's modes
    are. A symbolic link stays one: the file it ends at is replaced.

    `still` is asked at the last moment; with its no everything is left as it was.

    Returns:
        Whether the file was replaced.

    Raises:
        FileUnsafe: when `path` is not a regular file of ours, or a link that may not be followed.
        FileUnavailable: when the system does not take the bytes. The old file is untouched, nothing is left behind.
    """
    target = _target(path)
    folder, name = os.path.split(target)
    with _reported(target, "written"):
        _make_folders(folder)
        temporary = os.path.join(folder, f".{name[:200]}.{os.urandom(8).hex()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600)
        try:
            try:
                os.fchmod(descriptor, mode)
                _write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if not still():
                os.unlink(temporary)
                return False
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(folder)
    return True


def version(path: AnyPath) -> Version | None:
    """Which content a file has, without reading it: another one after every change. None when nothing is there.

    Raises:
        FileUnavailable: when the system does not tell.
    """
    try:
        with _reported(os.path.abspath(path), "inspected"):
            status = os.stat(path)
    except FileUnavailable as error:
        if error.facts.get("missing"):
            return None
        raise
    return Version(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def remove(path: AnyPath) -> None:
    """Take the name away, if it is there. A link is taken away, not what it leads to.

    Raises:
        FileUnavailable: when the system does not.
    """
    with _reported(os.path.abspath(path), "removed"), contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def lead_nowhere(descriptor: int) -> None:
    """Let a descriptor that can no longer be written to take everything and keep nothing.

    What Python still holds for it would otherwise make a complaint, and a status of its own, at exit.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def read_private(path: AnyPath, *, max_bytes: int) -> bytes:
    """The bytes of a file that holds a secret: a regular file of ours that nobody else can read or write.

    Raises:
        FileUnsafe: when group or others have any mode on it, another user owns it, or it is not a regular file.
        FileUnavailable: when it cannot be read, or is longer than `max_bytes`.
    """
    return _read(path, max_bytes=max_bytes, private=True)


def read_bounded(path: AnyPath, max_bytes: int) -> bytes:
    """The bytes of any regular file, without hanging on a pipe and without reading more than `max_bytes`.

    Raises:
        FileUnsafe: when it is not a regular file.
        FileUnavailable: when it cannot be read, or is longer than `max_bytes`. Its `facts` hold `missing=True` when
            nothing has that name.
    """
    return _read(path, max_bytes=max_bytes, private=False)


def private_folder(path: AnyPath) -> None:
    """Make a folder that only its owner can enter, with those above it; take wider modes from one that exists.

    Raises:
        FileUnsafe: when it is not a folder, belongs to another user, or is shared on purpose (the sticky bit, `/`).
        FileUnavailable: when the system does not make it.
    """
    text = os.path.abspath(path)
    with _reported(text, "made"):
        _make_folders(text)
        status = os.stat(text)
        if not stat.S_ISDIR(status.st_mode):
            raise FileUnsafe(f"`{text}` is not a folder", path=text)
        if status.st_uid != os.geteuid():
            raise FileUnsafe(f"the folder `{text}` belongs to another user", path=text)
        if stat.S_IMODE(status.st_mode) & 0o077:
            if status.st_mode & stat.S_ISVTX or os.path.dirname(text) == text:
                raise FileUnsafe(
                    f"the folder `{text}` is shared with other users",
                    advice="Name a folder of its own for it.",
                    path=text,
                )
            os.chmod(text, 0o700)


def public_folder(path: AnyPath) -> None:
    """Make a folder that anybody may enter, with those above it; folders that exist keep their modes.

    Raises:
        FileUnavailable: when the system does not make it.
    """
    text = os.path.abspath(path)
    with _reported(text, "made"):
        _make_folders(text, mode=0o755)


def private_file(path: AnyPath, *, create: bool = True) -> None:
    """Make an empty file that only its owner can open, or demand that the one that is there is such. Follows no link.

    For files that a library then writes itself, such as a database. Without `create`, none need be there.

    Raises:
        FileUnsafe: when group or others have any mode on it, another user owns it, or it is not a regular file.
        FileUnavailable: when the system does not make it.
    """
    text = os.path.abspath(path)
    with _reported(text, "made"):
        if create:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with contextlib.suppress(FileExistsError):
                descriptor = os.open(text, flags, 0o600)
                try:
                    os.fchmod(descriptor, 0o600)
                finally:
                    os.close(descriptor)
        try:
            status = os.lstat(text)
        except FileNotFoundError:
            return
    _demand_our_regular_file(text, status)
    _demand_closed_modes(text, status)


@contextlib.contextmanager
def locked(path: AnyPath, *, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock that all writers of `path` take: flock(2) on `<path>.lock`, beside the file that a link ends at.

    The lock ends with the process, however it ends. Its file stays, because deleting it would let two hold it.

    Raises:
        FileUnavailable: when another process held it for all of `timeout_seconds` (its `facts` hold `locked=True`), or
            it cannot be made.
        FileUnsafe: when the lock's path, or `path`, is something we must not open.
    """
    target = _target(path)
    lock = target + ".lock"
    deadline = time.monotonic() + timeout_seconds
    descriptor = _open_lock(lock)
    try:
        while not _try_lock(descriptor, target):
            if time.monotonic() >= deadline:
                raise FileUnavailable(
                    f"another process has kept `{target}` locked for {timeout_seconds:g} seconds",
                    advice=f"Find it with: fuser {lock}; or wait for it to end, and run the same command again.",
                    path=target,
                    locked=True,
                )
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def _target(path: AnyPath) -> str:
    """The absolute path that is replaced in the end, after its links have been judged."""
    text = os.path.abspath(path)
    followed = False
    for _ in range(_MAX_LINKS):
        with _reported(text, "inspected"):
            try:
                status = os.lstat(text)
            except FileNotFoundError:
                if followed:
                    raise FileUnsafe(
                        f"`{os.fspath(path)}` is a link to `{text}`, which is not there",
                        advice="Make that file with mode 0600, or remove the link.",
                        path=text,
                    ) from None
                return text
            if not stat.S_ISLNK(status.st_mode):
                _demand_our_regular_file(text, status, link=os.path.abspath(path) if followed else None)
                return text
            if status.st_uid not in (os.geteuid(), 0):
                raise FileUnsafe(f"`{text}` is a link that another user made", path=text)
            text = os.path.normpath(os.path.join(os.path.realpath(os.path.dirname(text)), os.readlink(text)))
            followed = True
    raise FileUnsafe(f"`{os.fspath(path)}` is a link that never ends at a file", advice="Remove the link.", path=text)


def _demand_our_regular_file(path: str, status: os.stat_result, *, link: str | None = None) -> None:
    led = "" if link is None else f", and `{link}` is a link to it"
    if not stat.S_ISREG(status.st_mode):
        raise FileUnsafe(
            f"`{path}` is {_kind(status.st_mode)}, not a regular file{led}", advice="Name a regular file.", path=path
        )
    if status.st_uid != os.geteuid():
        raise FileUnsafe(
            f"`{path}` belongs to another user{led}",
            advice="Name a file of your own, or have its owner changed.",
            path=path,
        )


def _demand_closed_modes(path: str, status: os.stat_result) -> None:
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise FileUnsafe(
            f"`{path}` holds a secret and has mode {stat.S_IMODE(status.st_mode):04o}, so others can open it",
            advice=f"Run: chmod 600 {path}",
            path=path,
        )


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISLNK, "a link"),
    )
    return next((word for test, word in kinds if test(mode)), "a device")


def _make_folders(folder: str, mode: int = 0o700) -> None:
    """Make a folder and those above it, of that mode whatever the umask is; leave those that exist as they are."""
    if os.path.isdir(folder):
        return
    above = os.path.dirname(folder)
    if above != folder:
        _make_folders(above, mode)
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
        os.chmod(folder, mode)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: str) -> None:
    """Make the new name last (fsync(2)). Some file systems cannot; the content is already on disk then."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _read(path: AnyPath, *, max_bytes: int, private: bool) -> bytes:
    text = os.path.abspath(path)
    with _reported(text, "read"):
        # O_NONBLOCK, because opening a pipe for reading waits for a writer. It changes nothing for a regular file.
        descriptor = os.open(text, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise FileUnsafe(
                    f"`{text}` is {_kind(status.st_mode)}, not a regular file", advice="Name a regular file.", path=text
                )
            if private:
                _demand_our_regular_file(text, status)
                _demand_closed_modes(text, status)
            chunks = bytearray()
            while chunk := os.read(descriptor, max_bytes + 1 - len(chunks)):
                chunks += chunk
                if len(chunks) > max_bytes:
                    raise FileUnavailable(f"`{text}` is longer than {max_bytes} bytes", path=text)
            return bytes(chunks)
        finally:
            os.close(descriptor)


def _open_lock(lock: str) -> int:
    with _reported(lock, "locked"):
        _make_folders(os.path.dirname(lock))
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(lock, flags, 0o600)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise FileUnsafe(f"the lock `{lock}` is a link", path=lock) from None
            raise
        try:
            status = os.fstat(descriptor)
            _demand_our_regular_file(lock, status)
            os.fchmod(descriptor, 0o600)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _try_lock(descriptor: int, target: str) -> bool:
    with _reported(target, "locked"):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextlib.contextmanager
def _reported(path: str, verb: str) -> Iterator[None]:
    """Turn what the system says into the one error that names the path, the reason and the next step."""
    try:
        yield
    except OSError as error:
        number = error.errno or 0
        raise FileUnavailable(
            f"`{path}` cannot be {verb}: {(error.strerror or 'unknown error').lower()}",
            advice=_ADVICE.get(number),
            path=path,
            errno=number,
            missing=number == errno.ENOENT,
        ) from None
