"""What journeys have in common that run commands: a server over TLS, a local AWS beside it, and its administrator."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from support.processes import DAYPASS, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from daypass.testing.local_aws import LocalAws
    from support.serving import Serving


@dataclass
class CommandStage:
    """Commands run in `folder`."""

    folder: Path
    serving: Serving
    aws: LocalAws

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`daypass …` as an administrator, or as whom the environment makes one."""
        given = {
            "DAYPASS_URL": self.serving.base,
            "DAYPASS_CA_BUNDLE": str(self.folder / "ca.pem"),
            "DAYPASS_ADMIN_TOKEN_FILE": str(self.folder / "data" / "admin-token"),
            "AWS_ENDPOINT_URL_STS": self.aws.endpoint_url,
            **environment,
        }
        return subprocess.run(
            [*DAYPASS, *arguments],
            env=clean_environment(self.folder, given),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def said(self, *arguments: str) -> Any:
        """What a command prints as JSON."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
