"""A login from cold: a process that fetches a token and calls STS, both over TLS, against a bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

sys.path.append(str(Path(__file__).parent.parent / "tests"))

from support.services import ROLE, WORKLOAD_SECRET, https_service, platform

RUNS = 21
LIMIT = 4.5
"""Times a bare interpreter."""


def _milliseconds(command: list[str], environment: dict[str, str]) -> float:
    times = []
    for _ in range(RUNS):
        begun = perf_counter()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        times.append(perf_counter() - begun)
    return median(times) * 1e3


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
                "HOME": name,
                "DAYPASS_URL": f"{service.url}/idp",
                "DAYPASS_TOKEN": WORKLOAD_SECRET,
                "DAYPASS_CA_BUNDLE": str(authorities),
                "AWS_ENDPOINT_URL_STS": service.url,
                "AWS_CA_BUNDLE": str(authorities),
            }
            bare = _milliseconds([sys.executable, "-I", "-c", "pass"], environment)
            run = [sys.executable, "-c", "import sys; from daypass.cli import main; sys.exit(main())"]
            rows = []
            for what, arguments in (
                ("idp token", ["idp", "token", "--audience", "sts.amazonaws.com"]),
                ("idp login aws", ["idp", "login", "aws", "--role-arn", ROLE]),
            ):
                took = _milliseconds([*run, *arguments], environment)
                ratio = took / bare
                over = what == "idp login aws" and ratio > LIMIT
                limit = f"   limit {LIMIT:g}{'  EXCEEDED' if over else ''}" if what == "idp login aws" else ""
                print(f"  {what:<44} {took:>6.1f} ms = {ratio:>5.2f} x python -I -c pass ({bare:.1f} ms){limit}")
                rows.append({"what": what, "milliseconds": round(took, 1), "ratio": round(ratio, 2), "failures": 0})
    return rows


if __name__ == "__main__":
    section()
