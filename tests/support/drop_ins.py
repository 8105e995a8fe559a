"""Run what people paste into a platform's configuration, in the shell that the platform uses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from support.node import FOLDER
from support.processes import BIN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GITHUB_SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
JENKINS_SHELL = ("dash", "-xe")
# What gitlab-ci-local takes from Node.js 22, for the Node.js 20 of Debian.
_OLDER_NODE = "Set.prototype.union ??= function (other) { return new Set([...this, ...other]); };"


def run(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path, seconds: float = 90
) -> subprocess.CompletedProcess[str]:
    """Run a command; its whole log, as a platform shows it, is `stdout`."""
    return subprocess.run(
        command,
        env=dict(environment),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )


def run_script(
    shell: Sequence[str], script: str, *, environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Write the script into a file, as runners do, and give it to the shell."""
    file = folder / "step-script"
    file.write_text(script)
    return run([*shell, str(file)], environment=environment, folder=folder)


def gitlab_ci_local(node: str) -> list[str]:
    """The command of GitLab's local runner; skips the test where it is not installed."""
    program = FOLDER / "node_modules" / "gitlab-ci-local" / "dist" / "index.js"
    if not program.exists():
        pytest.skip("gitlab-ci-local is not installed: `make test` installs it where npm is")
    for needed in ("git", "rsync"):
        if shutil.which(needed) is None:
            pytest.skip(f"{needed}, which gitlab-ci-local runs, is not installed; .ci/run installs it")
    return [node, "--import", f"data:text/javascript,{quote(_OLDER_NODE)}", str(program)]


def assignments(file: Path) -> dict[str, str]:
    """The variables in a file of GitHub's: NAME=value, or NAME<<DELIMITER with the value on the lines up to it."""
    found: dict[str, str] = {}
    waiting: tuple[str, str] | None = None
    for line in file.read_text().splitlines():
        if waiting is not None:
            name, delimiter = waiting
            if line == delimiter:
                waiting = None
            else:
                found[name] = f"{found[name]}\n{line}" if name in found else line
            continue
        name, several, delimiter = line.partition("<<")
        if several and "=" not in name:
            waiting = (name, delimiter)
        else:
            name, _, value = line.partition("=")
            found[name] = value
    return found


def without_daypass(folder: Path) -> dict[str, str]:
    """An environment whose PATH has Python and the AWS CLI and no Daypass, and in which pip has one folder of wheels.

    The wheel is this very project; what it depends on is taken from the environment of the tests.
    """
    wheels, tools = folder / "wheels", folder / "tools"
    tools.mkdir(parents=True)
    (tools / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    (tools / "aws").symlink_to(BIN / "aws")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    root = Path(__file__).parents[2]
    done = run(build, environment=os.environ, folder=root)
    assert done.returncode == 0, done.stdout
    return {
        "PATH": f"{tools}:/usr/bin:/bin",
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_NO_DEPS": "1",
        # pip sees the tests' own packages by PYTHONPATH, Daypass among them.
        "PIP_IGNORE_INSTALLED": "1",
    }
