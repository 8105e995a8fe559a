"""One clock that runs ahead of the real one, for as many processes as a test starts: libfaketime, told by a file.

All clocks are ahead by the same time: the wall clock, the monotonic one and that of the boot. What waits for a moment
wakes when the moved clock gets there; time limits of sockets are real ones. The clock moves only while nobody is in the
middle of a call: a call of a second is a second in the long job, too, and not the minutes that go by beside it.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

WAITS: Final = Path(__file__).with_name("waits.c")
_DEBIAN: Final = "/usr/lib/*-linux-gnu/faketime/libfaketimeMT.so.1"

CALLING: Final = '''
import contextlib, fcntl, os

@contextlib.contextmanager
def calling(folder=os.environ.get("FAST_CLOCK")):
    """A call: the clock stands still. `turn` keeps the clock from waiting for ever behind those who call."""
    with open(f"{folder}/turn") as turn, open(f"{folder}/lock") as lock:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(lock, fcntl.LOCK_SH)
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield
'''
"""What a Python client takes in, to make its calls with. It finds the clock by the environment."""


def missing() -> str | None:
    """Why there can be no such clock here, or None."""
    if _library() is None:
        return "libfaketime is not installed (its package of Python, or Debian's faketime)"
    if shutil.which("cc") is None:
        return "there is no C compiler (cc) for what libfaketime leaves out"
    return None


def _library() -> Path | None:
    package = importlib.util.find_spec("libfaketime")
    if package is not None and package.origin is not None:
        found = next(Path(package.origin).parent.glob("vendor/libfaketime/src/libfaketime.so.1"), None)
        if found is not None:
            return found
    return next(Path("/").glob(_DEBIAN.removeprefix("/")), None)


@contextmanager
def fast_clock(folder: Path) -> Iterator[FastClock]:
    """A clock below `folder`, until the block ends."""
    with _shared_memory(f"daypass-{folder.parent.name}-{os.getpid()}") as names:
        yield FastClock(folder, names)


@contextmanager
def _shared_memory(name: str) -> Iterator[str]:
    """What libfaketime's processes share. Each would make its own, and one that is killed leaves that behind."""
    semaphore, memory = f"/{name}.semaphore", Path("/dev/shm") / name
    library = ctypes.CDLL(None, use_errno=True)
    library.sem_open.restype = ctypes.c_void_p
    made = library.sem_open(semaphore.encode(), os.O_CREAT | os.O_EXCL, 0o600, 1)
    assert made, os.strerror(ctypes.get_errno())
    try:
        # Two counters, then times in seconds and nanoseconds; -1 nanoseconds: the first process sets it.
        memory.write_bytes(bytes(16) + (bytes(8) + b"\xff" * 8) * 4)
        yield f"{semaphore} /{name}"
    finally:
        library.sem_close(ctypes.c_void_p(made))
        library.sem_unlink(semaphore.encode())
        memory.unlink(missing_ok=True)


class FastClock:
    """What runs with `environ` sees this clock."""

    def __init__(self, folder: Path, shared: str) -> None:
        self._folder = folder
        folder.mkdir()
        for name in ("turn", "lock"):
            (folder / name).touch()
        self.ahead_seconds = 0
        self._tell()
        waits = folder / "waits.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", waits, WAITS], check=True)
        self.environ: Final = {
            "LD_PRELOAD": f"{waits} {_library()}",
            "FAKETIME_TIMESTAMP_FILE": str(folder / "ahead"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_SHARED": shared,
            "FAST_CLOCK": str(folder),
        }

    def advance(self, seconds: int) -> None:
        """Let time go by for everybody at once, after the calls that are under way."""
        with self._held("turn", fcntl.LOCK_EX), self._held("lock", fcntl.LOCK_EX):
            self.ahead_seconds += seconds
            self._tell()

    @contextmanager
    def calling(self) -> Iterator[None]:
        """A call: the clock stands still until the block ends."""
        with self._held("turn", fcntl.LOCK_EX):
            lock = (self._folder / "lock").open()
            fcntl.flock(lock, fcntl.LOCK_SH)
        with lock:
            yield

    def _tell(self) -> None:
        new = self._folder / "ahead.new"
        new.write_text(f"{self.ahead_seconds:+d}\n")
        os.replace(new, self._folder / "ahead")

    @contextmanager
    def _held(self, name: str, how: int) -> Iterator[None]:
        with (self._folder / name).open() as file:
            fcntl.flock(file, how)
            yield
