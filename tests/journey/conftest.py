"""One `daypass up` for all journeys of this folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from support.processes import DAYPASS, clean_environment, running, shell_variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


AWS_FILES = frozenset({"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"})


@dataclass(frozen=True, slots=True)
class World:
    """A running `daypass up`: its data folder, and the environments of its two workspaces."""

    folder: Path
    workspace: dict[str, str]
    stranger: dict[str, str]
    log: Path


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    base = tmp_path_factory.mktemp("up")
    data, log = base / "data", base / "up.log"
    command = [*DAYPASS, "up", "--data-folder", str(data), "--issuer-port", "0", "--aws-port", "0"]
    with running(command, environment=clean_environment(base), ready=data / "workspace.env", log=log):
        yield World(data, shell_variables(data / "workspace.env"), shell_variables(data / "stranger.env"), log)


@pytest.fixture
def workspace(world: World, tmp_path: Path) -> dict[str, str]:
    """The environment of a fresh shell in the demo workspace, with an empty home."""
    return _fresh(tmp_path, world.workspace)


@pytest.fixture
def stranger(world: World, tmp_path: Path) -> dict[str, str]:
    """The same for the workspace of another project."""
    return _fresh(tmp_path, world.stranger)


def _fresh(home: Path, variables: dict[str, str]) -> dict[str, str]:
    """Without the AWS files that `daypass up` names, so that those below the empty home are used."""
    kept = {name: value for name, value in variables.items() if name not in AWS_FILES}
    return clean_environment(home, kept | {"PATH": clean_environment(home)["PATH"]})
