"""Whose end a process waits for: the shell's that started it, however the shell did."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

SHELLS = [shell for shell in ("bash", "dash", "zsh", "busybox") if shutil.which(shell)]
ASK = f"{sys.executable} -c 'from daypass.aws.holding.parent import starting_process as s; print(s())'"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("before", ["", "trap : EXIT;", "set -eu;"])
@pytest.mark.parametrize("behind", ["", "2>/dev/null", "|| exit 1", "; true", "| cat"])
def test_a_command_substitution_was_started_by_its_shell(shell: str, before: str, behind: str) -> None:
    """In bash `$(… 2>/dev/null)` is run by a copy of the shell, which has ended before the next line."""
    command = [shell, "sh"] if shell == "busybox" else [shell]
    script = f"{before} echo $$; x=$({ASK} {behind}); echo $x; true"
    done = subprocess.run([*command, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    own, found = done.stdout.split()
    assert own == found


@pytest.mark.parametrize("shell", SHELLS)
def test_another_shell_is_another_process(shell: str) -> None:
    command = "busybox sh" if shell == "busybox" else shell
    inner = f"echo $$; x=$({ASK} || exit 1); echo $x; true".replace("'", "'\\''")
    script = f"{command} -c '{inner}'; true"
    done = subprocess.run([*command.split(), "-c", script], capture_output=True, text=True, timeout=60, check=True)
    own, found = done.stdout.split()
    assert own == found


def test_a_fork_that_is_no_shell_is_a_process_of_its_own() -> None:
    """A worker's agent ends with the worker, and not with the server that forked it."""
    code = (
        "import os\n"
        "from daypass.aws.holding.parent import starting_process\n"
        "reader, writer = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    if os.fork() == 0:\n"
        "        os.write(writer, f'{starting_process()} {os.getppid()}'.encode())\n"
        "        os._exit(0)\n"
        "    os.wait(); os._exit(0)\n"
        "os.wait(); print(os.read(reader, 100).decode())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    found, parent = done.stdout.split()
    assert found == parent
