"""A job of hours with sessions of one hour, all of its processes under one accelerated clock: no call is refused.

`daypass up`, the agent, profiles with a `credential_process`, long-lived clients of boto3 and of the JavaScript SDK,
and the AWS CLI started anew. DAYPASS_JOB_HOURS sets how long the job is; `make soak-compressed` has twelve.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import boto3
import pytest

from support.fast_clock import CALLING, fast_clock, missing
from support.node import FOLDER as NODE_FOLDER
from support.processes import DAYPASS, clean_environment, running, shell_variables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fast_clock import FastClock

    Environment = dict[str, str]

REASON: Final = missing()
HOURS: Final = float(os.environ.get("DAYPASS_JOB_HOURS", "3"))
pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(REASON is not None, reason=str(REASON)),
    pytest.mark.timeout(120 + 120 * HOURS),
]

STEP_SECONDS: Final = 300 if HOURS <= 3 else 120
SHORTEST_STEP_SECONDS: Final = 0.25  # of real time, in which the agent does what became due
CLIENTS: Final = 2 if HOURS <= 3 else 6
PAUSE_SECONDS: Final = 2.0 if HOURS <= 3 else 0.5  # of real time, between two commands of the AWS CLI
WINDOW_SECONDS: Final = 2400
"""A session of an hour is replaced when it is 40 minutes old at the soonest."""
ROLES: Final = ("demo-workspace", "second")

BOTO3 = f"""
import json, os, sys, time
{CALLING}
import boto3
sts, calls, faults = boto3.Session().client("sts"), 0, []
while not os.path.exists(sys.argv[1]):
    with calling():
        try:
            assert sys.argv[2] in sts.get_caller_identity()["Arn"]
        except Exception as fault:
            faults.append(f"{{type(fault).__name__}}: {{fault}}"[:300])
    calls += 1
    time.sleep(0.05)
print(json.dumps({{"calls": calls, "faults": faults}}))
"""
# Node.js has no flock(2): each call is made when it is asked for by a line. The SDK mends its clock by the Date of the
# last answer, which uvicorn makes once in a second: minutes of the moved clock.
NODE = """
import { createInterface } from "node:readline";
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
const sts = new STSClient({ region: "us-east-1", endpoint: process.env.AWS_ENDPOINT_URL });
for await (const line of createInterface({ input: process.stdin })) {
  sts.config.systemClockOffset = 0;
  try {
    console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);
  } catch (error) {
    console.log(`${error.name}: ${error.message}`);
  }
}
"""


@dataclass(slots=True)
class Job:
    """What is shared by the clients, and what they met."""

    clock: FastClock
    ended: Path
    calls: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def met(self, who: str, fault: str | None) -> None:
        self.calls[who] = self.calls.get(who, 0) + 1
        if fault is not None:
            self.faults.append(f"{who}, {self.clock.ahead_seconds / 60:g} min: {fault}"[:400])


@contextmanager
def up(base: Path, clock: FastClock) -> Iterator[tuple[Environment, Environment]]:
    """The whole product under the clock: the environments of the workspace, and of its operator."""
    data = base / "data"
    command = [*DAYPASS, "up", "--data-folder", str(data), "--issuer-port", "0", "--aws-port", "0"]
    environment = clean_environment(base, clock.environ)
    with running(command, environment=environment, ready=data / "workspace.env", log=base / "up.log"):
        given = shell_variables(data / "workspace.env")
        kept = {name: value for name, value in given.items() if name != "AWS_CONFIG_FILE"}
        kept.pop("AWS_SHARED_CREDENTIALS_FILE")
        workspace = clean_environment(base, {**kept, **clock.environ})
        operator = workspace | {"DAYPASS_ADMIN_TOKEN_FILE": str(data / "identity-provider" / "admin-token")}
        operator.pop("DAYPASS_TOKEN_FILE")
        yield workspace, operator


def second_role(workspace: Environment) -> str:
    """A role that trusts whom the first one trusts."""
    iam = boto3.client(
        "iam",
        endpoint_url=workspace["AWS_ENDPOINT_URL"],
        verify=workspace["AWS_CA_BUNDLE"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    trusted = iam.get_role(RoleName=ROLES[0])["Role"]["AssumeRolePolicyDocument"]
    made = iam.create_role(RoleName=ROLES[1], AssumeRolePolicyDocument=json.dumps(trusted))["Role"]["Arn"]
    iam.close()
    return str(made)


def daypass(environment: Environment, *arguments: str) -> str:
    done = subprocess.run(
        [*DAYPASS, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def agent(folder: Path, workspace: Environment, roles_file: Path, name: str) -> Iterator[Environment]:
    """The agent for all roles; the environment of those who use the one that is called `name`."""
    command = [*DAYPASS, "idp", "agent", "--roles", str(roles_file), "--parent", str(os.getpid())]
    with (
        (folder / "agent.log").open("wb") as log,
        subprocess.Popen(command, env=workspace, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        exports = folder / "agent.env"
        exports.write_bytes(process.stdout.readline() + process.stdout.readline())
        variables = shell_variables(exports)
        url = variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"].rpartition("/")[0] + f"/{name}"
        try:
            yield workspace | variables | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url}
        finally:
            process.terminate()
            assert process.wait(timeout=20) == 0, (folder / "agent.log").read_text()
    assert "Traceback" not in (folder / "agent.log").read_text()


def boto3_client(job: Job, environment: Environment, role: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BOTO3, str(job.ended), f":assumed-role/{role}/"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def aws_cli(job: Job, environment: Environment, role: str) -> None:
    with job.clock.calling():
        done = subprocess.run(
            ["aws", "sts", "get-caller-identity"], env=environment, capture_output=True, text=True, check=False
        )
    right = done.returncode == 0 and f":assumed-role/{role}/" in done.stdout
    job.met("AWS CLI", None if right else done.stderr.strip() or done.stdout)


def javascript(job: Job, environment: Environment, role: str, stack: ExitStack) -> Any:
    """Something that lets a long-lived JavaScript client make a call; does nothing where there is no Node.js."""
    if not (NODE_FOLDER / "node_modules" / ".ready").exists():
        return lambda: None
    process = subprocess.Popen(
        ["node", "--input-type=module", "--eval", NODE],
        env=environment | {"NODE_EXTRA_CA_CERTS": environment["AWS_CA_BUNDLE"], "NODE_NO_WARNINGS": "1"},
        cwd=NODE_FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.enter_context(process)
    assert process.stdin is not None
    assert process.stdout is not None
    to, back = process.stdin, process.stdout

    def call() -> None:
        with job.clock.calling():
            to.write("call\n")
            to.flush()
            told = back.readline()
        job.met("JavaScript SDK", None if f":assumed-role/{role}/" in told else told or "it ended")

    return call


def tokens_issued(operator: Environment) -> int:
    """How often STS was asked: each time with a token of its own."""
    return daypass(operator, "audit", "list").count("token.issue")


def write_roles(path: Path, arns: list[str]) -> None:
    path.write_text("".join(f'[[role]]\nprofile = "{arn.rpartition("/")[2]}"\nrole_arn = "{arn}"\n' for arn in arns))


def work(job: Job, through_process: Environment, through_agent: Environment) -> None:
    """All clients call, again and again, until the clock has gone on for so many hours."""
    with ExitStack() as stack:
        clients = [
            boto3_client(job, environment, role)
            for _ in range(CLIENTS)
            for environment, role in ((through_process, ROLES[0]), (through_agent, ROLES[1]))
        ]
        in_javascript = [
            javascript(job, through_process, ROLES[0], stack),
            javascript(job, through_agent, ROLES[1], stack),
        ]

        def anew() -> None:
            while not job.ended.exists():
                for environment, role in ((through_process, ROLES[0]), (through_agent, ROLES[1])):
                    aws_cli(job, environment, role)
                    time.sleep(PAUSE_SECONDS)

        starting = threading.Thread(target=anew)
        starting.start()
        try:
            while job.clock.ahead_seconds < HOURS * 3600:
                for call in in_javascript:
                    call()
                time.sleep(SHORTEST_STEP_SECONDS)
                job.clock.advance(STEP_SECONDS)
        finally:
            job.ended.touch()
            starting.join()
        for client in clients:
            out, err = client.communicate(timeout=60)
            assert client.returncode == 0, err
            told = json.loads(out)
            job.calls["boto3"] = job.calls.get("boto3", 0) + told["calls"]
            job.faults += [f"boto3: {fault}" for fault in told["faults"]]


def test_no_call_of_a_long_job_is_refused(tmp_path: Path) -> None:
    began = time.monotonic()
    with fast_clock(tmp_path / "clock") as clock, up(tmp_path, clock) as (workspace, operator):
        job = Job(clock, tmp_path / "ended")
        arns = [workspace["IDP_AWS_ROLE_ARN"], second_role(workspace)]
        write_roles(tmp_path / "daypass-roles.toml", arns)
        daypass(workspace, "idp", "login", "aws", "--roles", str(tmp_path / "daypass-roles.toml"), "--refreshing")
        with clock.calling():
            daypass(workspace, "idp", "login", "aws", "-p", "keys")
        before = tokens_issued(operator)
        with agent(tmp_path, workspace, tmp_path / "daypass-roles.toml", ROLES[1]) as through_agent:
            through_process = workspace | {"AWS_PROFILE": ROLES[0]}
            work(job, through_process, through_agent)
        given = tokens_issued(operator)
        control = subprocess.run(
            ["aws", "sts", "get-caller-identity", "--profile", "keys"],
            env=workspace,
            capture_output=True,
            text=True,
            check=False,
        )
    windows = math.ceil(HOURS * 3600 / WINDOW_SECONDS) + 1
    calls = ", ".join(f"{count} calls of {who}" for who, count in sorted(job.calls.items()))
    result = (
        f"{HOURS:g} hours in {time.monotonic() - began:.0f} s, sessions of one hour, {len(ROLES)} roles: "
        f"{calls}; {len(job.faults)} failed; "
        f"STS asked {given - before + len(ROLES)} times, at most {len(ROLES) * windows}"
    )
    sys.stdout.write(f"\n{result}\n")
    assert job.faults == []
    assert sum(job.calls.values()) > 10 * HOURS * CLIENTS
    # Logging in asked once for each role, and the agent found these sessions in the cache.
    assert len(ROLES) * HOURS < given - before + len(ROLES) <= len(ROLES) * windows
    # The same job with keys in a file: they end, so the clock was the servers' too, and a refusal would have been met.
    assert "ExpiredToken" in control.stderr
