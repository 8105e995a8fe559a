"""Ending with the process one works for, however that process ends."""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING, Final

from daypass.errors import UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_SECONDS: Final = 1.0
_SHELLS: Final = frozenset({"ash", "bash", "busybox", "dash", "fish", "ksh", "ksh93", "mksh", "sh", "zsh", "zsh5"})


def parse_process(text: str) -> int:
    """The number of a process that runs.

    Raises:
        UsageInvalid: when it is none.
    """
    if not text.isascii() or not text.isdigit() or not 1 < int(text) < 1 << 22:
        raise UsageInvalid(f"`{text}` is not the number of a process", advice="In a shell, $$ is the shell's own.")
    if not _runs(int(text)):
        raise UsageInvalid(f"there is no process {text}", advice="In a shell, $$ is the shell's own.")
    return int(text)


def starting_process() -> int:
    """The process that started this one; the shell itself, where a subshell of it did.

    `$(daypass …)` is run by the shell, or, in bash with `2>/dev/null` and in all with `|| exit`, by a copy of the shell
    that ends at once. Such a copy has the shell's own stack (proc_pid_stat(5), startstack): it was forked and ran
    nothing else.
    """
    process = os.getppid()
    above, stack = _origin(process)
    while stack and above > 1 and _origin(above)[1] == stack:
        process, above = above, _origin(above)[0]
    return process


def _origin(process: int) -> tuple[int, str]:
    """The number of a shell's parent, and where its own stack begins; 0 and nothing for what is no shell."""
    try:
        if os.path.basename(os.readlink(f"/proc/{process}/exe")) not in _SHELLS:
            return 0, ""
        with open(f"/proc/{process}/stat", encoding="latin-1") as file:
            fields = file.read().rpartition(")")[2].split()
        return int(fields[1]), fields[25] if int(fields[25]) else ""
    except (OSError, ValueError, IndexError):
        return 0, ""


def when_ended(process: int, then: Callable[[], None]) -> None:
    """Call `then` once the process has ended, in a thread that keeps nobody from ending.

    On Linux a file descriptor of the process tells it (pidfd_open(2)), so that another process which gets the same
    number later is not mistaken for it; elsewhere its number is asked for each second.
    """
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        then()
        return
    except (OSError, AttributeError):
        descriptor = -1

    def wait() -> None:
        if descriptor >= 0:
            select.select([descriptor], [], [])
            os.close(descriptor)
        else:
            pause = threading.Event()
            while _runs(process):
                pause.wait(_POLL_SECONDS)
        then()

    threading.Thread(target=wait, name=f"until {process} ends", daemon=True).start()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
