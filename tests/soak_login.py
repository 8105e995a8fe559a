"""A long job in real time: an agent, clients of AWS's own, sessions of 15 minutes, and not one expired call.

    python tests/soak_login.py                       # 30 minutes, 200 processes
    python tests/soak_login.py --minutes 5 --processes 20

It starts `daypass up`, an agent with sessions of 15 minutes, and processes of boto3 and the AWS CLI that ask who they
are again and again, through the endpoint and through a `credential_process` profile. At the end it prints the calls,
the failures and the sessions that STS gave, which are bounded by the refresh windows. The exit status is 1 when any
call failed, or STS was asked more often than that.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SESSION_SECONDS = 900
# A session of 15 minutes is replaced when it is 375 seconds old at the soonest; agent and processes share the cache.
WINDOW_SECONDS = 375
BOTO3 = """
import boto3, json, sys, time
end, pause, calls, faults = time.time() + float(sys.argv[1]), float(sys.argv[2]), 0, []
sts = boto3.Session().client("sts")
while time.time() < end:
    try:
        sts.get_caller_identity()
    except Exception as fault:
        faults.append(f"{type(fault).__name__}: {fault}"[:200])
    calls += 1
    time.sleep(pause)
print(json.dumps({"calls": calls, "faults": faults}))
"""


def main() -> int:
    """Run it; the exit status is 1 when a call failed or STS was asked too often."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--processes", type=int, default=200)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "DAYPASS_"))}
        clean |= {"HOME": name, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        return soak(folder, clean, chosen.minutes * 60, chosen.processes)


def soak(folder: Path, clean: dict[str, str], seconds: float, processes: int) -> int:
    """Start everything, wait, count."""
    data, log = folder / "data", (folder / "up.log").open("wb")
    daypass = [sys.executable, "-m", "daypass"]
    up = subprocess.Popen(
        [*daypass, "up", "--data-folder", data, "--issuer-port", "0", "--aws-port", "0"],
        env=clean,
        stdout=log,
        stderr=log,
    )
    try:
        while not (data / "workspace.env").exists():
            if up.poll() is not None:
                raise SystemExit((folder / "up.log").read_text())
            time.sleep(0.1)
        shell = f"set -a; . {data}/workspace.env; unset AWS_SHARED_CREDENTIALS_FILE AWS_CONFIG_FILE; env -0"
        workspace = environment_of(shell, clean)
        wish = ["-d", str(SESSION_SECONDS)]
        subprocess.run(
            [*daypass, "idp", "login", "aws", "--refreshing", "-p", "held", *wish], env=workspace, check=True
        )
        agent = subprocess.Popen(
            [*daypass, "idp", "agent", *wish, "--parent", str(os.getpid())],
            env=workspace,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert agent.stdout is not None
        exports = agent.stdout.readline() + agent.stdout.readline()
        through_agent = environment_of(f"{exports}\nenv -0", workspace)
        calls, faults = run_clients(workspace | {"AWS_PROFILE": "held"}, through_agent, seconds, processes)
        agent.terminate()
        agent.wait(20)
        given = tokens_issued(data, workspace)
    finally:
        up.terminate()
        up.wait(20)
        log.close()
    most = math.ceil(seconds / WINDOW_SECONDS) + 1
    tell(f"{calls} calls, {len(faults)} failed; STS asked {given} times in {seconds / 60:g} minutes, at most {most}")
    for fault in sorted(set(faults))[:10]:
        tell(f"  {fault}")
    return int(bool(faults) or not calls or given > most)


def tell(text: str) -> None:
    """Print a line of the result."""
    sys.stdout.write(text + "\n")


def tokens_issued(data: Path, workspace: dict[str, str]) -> int:
    """How often STS was asked, by the identity provider's audit log: each time with a token of its own."""
    operator = workspace | {"DAYPASS_ADMIN_TOKEN_FILE": str(data / "identity-provider" / "admin-token")}
    operator.pop("DAYPASS_TOKEN_FILE")
    listed = subprocess.run(
        [sys.executable, "-m", "daypass", "audit", "list"], env=operator, capture_output=True, text=True, check=True
    )
    return listed.stdout.count("token.issue")


def run_clients(process: dict[str, str], agent: dict[str, str], seconds: float, count: int) -> tuple[int, list[str]]:
    """Long-lived boto3 clients, nine of ten, and the AWS CLI anew each time, in both ways of holding."""
    end, faults, calls = time.monotonic() + seconds, list[str](), 0
    pause = max(2.0, count / 10)
    started = []
    for number in range(max(1, count * 9 // 10)):
        environment = agent if number % 2 else process
        command = [sys.executable, "-c", BOTO3, str(end - time.monotonic()), str(pause)]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    while time.monotonic() < end:
        for environment in (agent, process):
            identity = ["aws", "sts", "get-caller-identity"]
            done = subprocess.run(identity, env=environment, capture_output=True, text=True, check=False)
            calls += 1
            if done.returncode:
                faults.append(f"aws: {done.stderr.strip()[:200]}")
        time.sleep(1)
    for each in started:
        out, err = each.communicate()
        if each.returncode:
            faults.append(f"boto3: {err.decode()[-200:]}")
            continue
        told = json.loads(out)
        calls += told["calls"]
        faults += told["faults"]
    return calls, faults


def environment_of(script: str, environment: dict[str, str]) -> dict[str, str]:
    """The environment that a script makes, which ends with `env -0`."""
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, check=True)
    return dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)


if __name__ == "__main__":
    sys.exit(main())
