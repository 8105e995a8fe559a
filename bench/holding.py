"""Holding credentials, from cold: what a start of an SDK waits for, as ratios to a bare interpreter of the same run.

Bytecode is compiled, as an installation does; the platform and STS are processes on loopback.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep

from bench.from_cold import best, row

WARM_RATIO = 2.2
COLD_RATIO = 4.5


def _up(folder: Path, environment: dict[str, str]) -> tuple[subprocess.Popen, dict[str, str]]:
    data = folder / "data"
    process = subprocess.Popen(
        [sys.executable, "-m", "daypass", "up", "--data-folder", data, "--issuer-port", "0", "--aws-port", "0"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    begun = perf_counter()
    while not (data / "workspace.env").exists():
        if process.poll() is not None or perf_counter() - begun > 60:
            raise SystemExit("`daypass up` did not start")
        sleep(0.05)
    text = subprocess.run(
        ["bash", "-c", f"set -a; . {data}/workspace.env; env -0"], env=environment, capture_output=True, check=True
    ).stdout.decode()
    return process, dict(entry.split("=", 1) for entry in text.split("\0") if entry)


def section() -> list[dict]:
    """Print a line for each figure."""
    print("Holding credentials, from cold:")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "DAYPASS_", "PYTHONDONT"))}
        plain |= {"HOME": name, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
        process, up = _up(folder, plain)
        try:
            return _measured(up | plain | {"PATH": f"{Path(sys.executable).parent}:{plain['PATH']}"})
        finally:
            process.terminate()
            process.wait(20)


def _measured(environment: dict[str, str]) -> list[dict]:
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        environment.pop(name, None)
    daypass = [str(Path(sys.executable).parent / "daypass"), "idp"]
    keys, refreshing = environment | {"AWS_PROFILE": "keys"}, environment | {"AWS_PROFILE": "refreshing"}
    subprocess.run([*daypass, "login", "aws", "-p", "keys"], env=environment, check=True, capture_output=True)
    login = [*daypass, "login", "aws", "-p", "refreshing", "--refreshing"]
    subprocess.run(login, env=environment, check=True, capture_output=True)
    identity = ["aws", "sts", "get-caller-identity"]
    got = best(
        {
            "base": ([sys.executable, "-I", "-c", "pass"], environment),
            "warm": ([*daypass, "credentials", "aws"], environment),
            "cold": ([*daypass, "credentials", "aws", "--no-cache"], environment),
            "keys": (identity, keys),
            "process": (identity, refreshing),
        },
        {"warm": WARM_RATIO, "cold": COLD_RATIO},
        base="base",
        also=lambda least: least["process"] <= _allowed(least),
    )
    base = got["base"]
    rows = [
        row("python -I -c pass", base, base, None),
        row("idp credentials aws, from the cache", got["warm"], base, WARM_RATIO),
        row("idp credentials aws, a token and STS over TLS", got["cold"], base, COLD_RATIO),
        row("aws sts get-caller-identity, keys in a profile", got["keys"], base, None),
    ]
    rows.append(row("the same through credential_process", got["process"], base, round(_allowed(got) / base, 2)))
    return rows


def _allowed(got: dict[str, float]) -> float:
    """Milliseconds that a credential_process may take: a child costs its start beside its run; a bare one is that."""
    return got["keys"] + got["warm"] + got["base"]


if __name__ == "__main__":
    raise SystemExit(int(any(each["failures"] for each in section())))
