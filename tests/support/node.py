"""JavaScript clients: their modules are pinned in `tests/node/`, and `make test` installs them where npm is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(__file__).parents[1] / "node"


def demand_node() -> str:
    """The Node.js binary; skips the test where there is none, or where the modules are not installed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    if not (FOLDER / "node_modules" / ".ready").exists():
        pytest.skip("the JavaScript clients are not installed: `make test` installs them where npm is")
    return node


def run_module(
    source: str, *, environment: Mapping[str, str], folder: Path = FOLDER, seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run the text of an ES module in `folder`, which sees the modules of `tests/node/`.

    Its environment is `environment` and PATH alone. The caller judges the exit status.
    """
    return subprocess.run(
        [demand_node(), "--input-type=module", "--eval", source],
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
        cwd=folder,
        env={"PATH": os.environ["PATH"], **environment},
    )
