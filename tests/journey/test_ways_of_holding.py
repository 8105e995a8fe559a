"""Each way of holding credentials, read by the AWS CLI, boto3 and the JavaScript SDK, against the local AWS.

The token is that of a Daypass workload, the endpoints speak TLS, and nothing is configured but what Daypass wrote.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from support.node import run_module
from support.processes import DAYPASS, bash, running, shell_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Environment = dict[str, str]

BOTO3 = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
PROFILES = "import boto3, json; print(json.dumps(boto3.Session().available_profiles))"
# The SDK's own chain, with the authority that signed the endpoint's certificate.
NODE = """
import { STSClient, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
const sts = new STSClient({ region: "us-east-1", endpoint: process.env.AWS_ENDPOINT_URL });
console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);
"""


def done(command: list[str], environment: Environment) -> str:
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def asked_by_cli(environment: Environment) -> str:
    return done(["aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"], environment).strip()


def asked_by_boto3(environment: Environment) -> str:
    return done([sys.executable, "-c", BOTO3], environment).strip()


def asked_by_javascript(environment: Environment) -> str:
    without_path = {name: value for name, value in environment.items() if name != "PATH"}
    ended = run_module(
        NODE,
        environment={**without_path, "PATH": environment["PATH"], "NODE_EXTRA_CA_CERTS": environment["AWS_CA_BUNDLE"]},
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@contextmanager
def profile_keys(environment: Environment, _: Path) -> Iterator[Environment]:
    done([*DAYPASS, "idp", "login", "aws", "-p", "held"], environment)
    yield environment | {"AWS_PROFILE": "held"}


@contextmanager
def credential_process(environment: Environment, _: Path) -> Iterator[Environment]:
    done([*DAYPASS, "idp", "login", "aws", "-p", "held", "--refreshing", "--region", "us-east-1"], environment)
    yield environment | {"AWS_PROFILE": "held"}


@contextmanager
def variables(environment: Environment, folder: Path) -> Iterator[Environment]:
    (folder / "held.env").write_text(done([*DAYPASS, "idp", "env", "aws"], environment))
    yield environment | shell_variables(folder / "held.env")


@contextmanager
def container_endpoint(environment: Environment, folder: Path) -> Iterator[Environment]:
    script = 'eval "$(daypass idp agent --background)"; env -0 > env; mkfifo end; : > ready; cat end'
    command = ["bash", "-ec", script]
    with subprocess.Popen(command, env=environment, cwd=folder) as shell:
        for _ in range(600):
            if (folder / "ready").exists() or shell.poll() is not None:
                break
            subprocess.run(["sleep", "0.05"], check=True)
        pairs = (entry.partition("=") for entry in (folder / "env").read_text().split("\0") if entry)
        try:
            yield {name: value for name, _, value in pairs}
        finally:
            (folder / "end").write_text("")  # also for a test that is skipped half-way: the shell waits for it
        assert shell.wait(timeout=20) == 0


@contextmanager
def token_file(environment: Environment, folder: Path) -> Iterator[Environment]:
    path = folder / "web-identity-token"
    command = [*DAYPASS, "idp", "token-file", "--path", str(path), "--watch"]
    with running(command, environment=environment, ready=path, log=folder / "token-file.log"):
        role = {"AWS_ROLE_ARN": environment["IDP_AWS_ROLE_ARN"], "AWS_WEB_IDENTITY_TOKEN_FILE": str(path)}
        yield environment | role


WAYS = [profile_keys, credential_process, variables, container_endpoint, token_file]


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_every_sdk_reads_it(workspace: Environment, tmp_path: Path, way: Callable[..., object]) -> None:
    with way(workspace, tmp_path) as given:  # type: ignore[attr-defined]  # all of WAYS are context managers
        # Only credential_process needs the workload's own secret later.
        needs_token = way is credential_process
        environment = {name: text for name, text in given.items() if needs_token or name != "DAYPASS_TOKEN_FILE"}
        for asked in (asked_by_cli, asked_by_boto3, asked_by_javascript):
            arn = asked(environment)
            assert ":assumed-role/demo-workspace/" in arn, (asked.__name__, arn)


def test_a_command_gets_them_in_both_ways(workspace: Environment, tmp_path: Path) -> None:
    script = """
    daypass idp exec aws -- aws sts get-caller-identity --query Arn --output text
    daypass idp exec aws --refreshing -- aws sts get-caller-identity --query Arn --output text
    daypass idp agent -- aws sts get-caller-identity --query Arn --output text
    """
    stale = {"AWS_ACCESS_KEY_ID": "AKIASTALE", "AWS_SECRET_ACCESS_KEY": "stale", "AWS_SESSION_TOKEN": "stale"}
    keys = tmp_path / ".aws" / "credentials"
    keys.parent.mkdir()
    keys.write_text("[default]\naws_access_key_id = AKIASTALE\naws_secret_access_key = stale\n")
    ended = bash(script, environment=workspace | stale, folder=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert [line.split("/")[1] for line in ended.stdout.split()] == ["demo-workspace"] * 3
    assert len(set(ended.stdout.split())) == 1, "all of them used one session"


def test_a_hundred_logins_at_once_into_one_file(workspace: Environment, tmp_path: Path) -> None:
    """aws-cli #10648: parallel writers lose profiles. DAYPASS_PARALLEL_LOGINS sets how many; `make soak` has 100."""
    count = int(os.environ.get("DAYPASS_PARALLEL_LOGINS", "16"))
    names = [f"job-{number}" for number in range(count)]
    started = [
        subprocess.Popen(
            [*DAYPASS, "idp", "login", "aws", "-p", name, *(["--refreshing"] if number % 2 else [])],
            env=workspace,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for number, name in enumerate(names)
    ]
    for process in started:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    listed = json.loads(done([sys.executable, "-c", PROFILES], workspace))
    assert sorted(listed) == sorted(names)
    for name in (names[0], names[1]):
        assert "demo-workspace" in asked_by_cli(workspace | {"AWS_PROFILE": name})


def test_the_credentials_of_the_process_are_the_cached_ones(workspace: Environment) -> None:
    first, second = (json.loads(done([*DAYPASS, "idp", "credentials", "aws"], workspace)) for _ in range(2))
    assert first == second
