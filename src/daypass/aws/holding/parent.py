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
