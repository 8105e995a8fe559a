"""Start the product's own commands as processes, and talk to them as a shell would."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BIN = Path(sys.executable).parent
DAYPASS = [sys.executable, "-m", "daypass"]


def clean_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment with an empty home, this interpreter's commands on the path, and nothing of AWS or Daypass."""
    kept = {k: v for k, v in os.environ.items() if k in {"LANG", "TZ", "PYTHONPATH", "COVERAGE_PROCESS_CONFIG"}}
    return {
        **kept,
        "HOME": str(home),
        "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
        "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
        **(extra or {}),
    }


@contextmanager
def running(
    command: Sequence[str], *, environment: Mapping[str, str], ready: Path, log: Path, seconds: float = 30
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; entered when the file `ready` exists. A server that does not stop fails."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=dict(environment), stdout=output, stderr=output)
    try:
        end = time.monotonic() + seconds
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{' '.join(command)} is not ready (status {process.poll()}):\n{log.read_text()}")
            time.sleep(0.05)
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def shell_variables(path: Path) -> dict[str, str]:
    """What a file of `export NAME=value` lines sets, as bash understands it."""
    done = subprocess.run(
        ["bash", "-c", 'set -a; . "$1"; env -0', "bash", str(path)],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    pairs = (entry.partition("=") for entry in done.stdout.decode().split("\0") if entry)
    return {name: value for name, _, value in pairs if name not in {"PATH", "PWD", "SHLVL", "_"}}


def bash(
    script: str, *, environment: Mapping[str, str], folder: Path, seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a script in a real bash, as a runner does."""
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        env=dict(environment),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed; .ci/run installs it")
