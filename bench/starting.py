"""The local AWS: how soon it answers, what it takes before and after its services are used, and what keeping costs."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep
from typing import Self

import boto3
from botocore.config import Config

CORE_READY_SECONDS = 0.7
READY_SECONDS = 1.5
MEMORY_MB = 150
CALLS = 200


class _Started:
    """`daypass local-aws` in a process of its own, and the seconds until it answered."""

    def __init__(self, folder: Path, *options: str) -> None:
        ready = folder / "ready"
        begun = perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "daypass", "local-aws", "--port", "0", "--ready-file", str(ready), *options],
            stderr=subprocess.DEVNULL,
        )
        while not (ready.exists() and ready.read_text()):
            if self.process.poll() is not None or perf_counter() - begun > 30:
                raise SystemExit("the local AWS did not start")
            sleep(0.002)
        self.seconds = perf_counter() - begun
        self.url = ready.read_text().strip()

    @property
    def megabytes(self) -> float:
        """Resident memory."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024

    def client(self, service: str) -> object:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="111122223333",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def _row(what: str, value: float, unit: str, limit: float | None = None) -> dict:
    over = limit is not None and value > limit
    told = "" if limit is None else f"   limit {limit:g}{'  EXCEEDED' if over else ''}"
    print(f"  {what:<58} {value:>8.2f} {unit:<3}{told}")
    return {"what": what, "value": round(value, 3), "unit": unit, "limit": limit, "failures": int(over)}


def _tagging(started: _Started, role: str) -> float:
    """Milliseconds of one change of a role."""
    iam = started.client("iam")
    begun = perf_counter()
    for number in range(CALLS):
        iam.update_role(RoleName=role, Description=str(number))
    return (perf_counter() - begun) / CALLS * 1e3


def _trust(issuer: str) -> str:
    return (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:'
        f'oidc-provider/{issuer}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":'
        f'{{"{issuer}:sub":"one","{issuer}:aud":"sts.amazonaws.com"}}}}}}]}}'
    )


def section() -> list[dict]:
    """Print a line for each figure."""
    print("The local AWS from its start (the best of three):")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        best, least = 60.0, 10_000.0
        for number in range(3):
            (folder / str(number)).mkdir()
            with _Started(folder / str(number)) as started:
                best, least = min(best, started.seconds), min(least, started.megabytes)
        rows = [
            _row("ready, core", best, "s", CORE_READY_SECONDS),
            _row("memory before services are used", least, "MB", MEMORY_MB),
        ]
        times = {}
        for label, options in (("in memory", ()), ("with --data", ("--data", str(folder / "data")))):
            (folder / label).mkdir()
            with _Started(folder / label, *options) as started:
                begun = perf_counter()
                started.client("secretsmanager").create_secret(Name="one", SecretString="x")
                first = perf_counter() - begun
                if not options:
                    rows.append(_row("ready, with the first call of a service", best + first, "s", READY_SECONDS))
                    rows.append(_row("memory with Secrets Manager", started.megabytes, "MB"))
                iam = started.client("iam")
                iam.create_open_id_connect_provider(
                    Url="https://idp.example.com", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
                )
                iam.create_role(RoleName="bench", AssumeRolePolicyDocument=_trust("idp.example.com"))
                times[label] = _tagging(started, "bench")
        rows.append(_row("UpdateRole through boto3, in memory", times["in memory"], "ms"))
        rows.append(_row("UpdateRole through boto3, on disk before the answer", times["with --data"], "ms"))
    return rows


if __name__ == "__main__":
    section()
