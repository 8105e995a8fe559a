"""A login from cold: a process that fetches a token and calls STS, both over TLS, against a bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.from_cold import best, row

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from support.services import ROLE, WORKLOAD_SECRET, https_service, platform

LIMIT = 4.5
"""Times a bare interpreter."""


def section() -> list[dict]:
    """Print a line for each figure."""
    print("A login from cold, over TLS, with a folder of authorities:")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with https_service(folder, platform) as service:
            authorities = folder / "authorities"
            authorities.mkdir()
            (authorities / "a.pem").write_bytes(service.authority.read_bytes())
            subprocess.run(["openssl", "rehash", str(authorities)], check=True)
            environment = {
                **{key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ},
                "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
                "HOME": name,
                "DAYPASS_URL": f"{service.url}/idp",
                "DAYPASS_TOKEN": WORKLOAD_SECRET,
                "DAYPASS_CA_BUNDLE": str(authorities),
                "AWS_ENDPOINT_URL_STS": service.url,
                "AWS_CA_BUNDLE": str(authorities),
            }
            run = [sys.executable, "-c", "import sys; from daypass.cli import main; sys.exit(main())", "idp"]
            got = best(
                {
                    "base": ([sys.executable, "-I", "-c", "pass"], environment),
                    "token": ([*run, "token", "--audience", "sts.amazonaws.com"], environment),
                    "session": ([*run, "credentials", "aws", "--no-cache", "--role-arn", ROLE], environment),
                    "login": ([*run, "login", "aws", "--role-arn", ROLE], environment),
                },
                {"session": LIMIT, "login": LIMIT},
                base="base",
            )
    base = got["base"]
    return [
        row("idp token", got["token"], base, None),
        row("idp credentials aws, a token and STS", got["session"], base, LIMIT),
        row("idp login aws, the same and a profile written", got["login"], base, LIMIT),
    ]


if __name__ == "__main__":
    raise SystemExit(int(any(each["failures"] for each in section())))
