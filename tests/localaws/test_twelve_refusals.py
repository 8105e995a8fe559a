"""Twelve bad requests, each through the AWS CLI, boto3 and the JavaScript SDK: the clients' users read AWS's words."""

from __future__ import annotations

import json
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ParamValidationError

from daypass.localaws.app import LocalAwsConfig, build
from daypass.testing.conformance import cases, issuers, run, vectors
from daypass.testing.conformance.endpoint import Endpoint
from support.asgi import served
from support.local_aws import Clock
from support.node import run_module
from support.processes import BIN, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import trustme

TWELVE: Final = {
    "not a JWT": "token_shape::opaque",
    "bad signature": "verification::tampered",
    "alg none": "token_shape::algorithm-none",
    "expired": "times::expired",
    "wrong aud": "verification::audience-not-registered",
    "sub outside the policy": "trust::policy-denies",
    "issuer without provider": "provider::none",
    "absent role": "trust::role-absent",
    "duration over the role's maximum": "trust::duration-over-maximum",
    "duration under 900": "parameters::duration-short",
    "bad session name": "parameters::session-name-pattern",
    "tags without TagSession": "trust::tags-without-tag-session",
}
REFUSED_BY_THE_CLIENT: Final = "duration under 900"


class Bad(NamedTuple):
    """A bad request, in an account of its own that holds what it needs."""

    parameters: dict[str, Any]
    code: str
    status: int
    message: str


class Twelve(NamedTuple):
    url: str
    bad: dict[str, Bad]


@pytest.fixture(scope="module")
def twelve(ca: trustme.CA, ca_file: Path) -> Iterator[Twelve]:
    clock = Clock()
    now = clock.stop()
    by_name = {vector.name: vector.content for vector in vectors.read()}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    with (
        served(build(LocalAwsConfig(trust=(ca_file,)), clock)) as port,
        issuers.serve(context) as issuing,
    ):
        url = f"http://127.0.0.1:{port}"
        found = {}
        for number, (about, name) in enumerate(TWELVE.items()):
            account = f"1111000000{number:02d}"
            case = cases.build(by_name[name], issuer=issuing.url(str(number)), now=now, account=account)
            issuing.publish(str(number), case.key_set, case.fault)
            with Endpoint("ours", url, Credentials(account, "test")) as endpoint:
                assert run.prepare(endpoint, case, issuing.url(str(number))) is None
            parameters: dict[str, Any] = dict(case.parameters)
            if "DurationSeconds" in parameters:
                parameters["DurationSeconds"] = int(parameters["DurationSeconds"])
            wanted = case.expect
            found[about] = Bad(parameters, wanted["code"], wanted["status"], wanted["message"])
        yield Twelve(url, found)


def boto3_client(url: str, *, validation: bool) -> Any:
    config = Config(parameter_validation=validation, retries={"max_attempts": 0})
    client = boto3.client(
        "sts",
        endpoint_url=url,
        region_name="us-east-1",
        config=config,
        aws_access_key_id="not-used",
        aws_secret_access_key="not-used",
    )
    return closing(client)


@pytest.mark.parametrize("about", TWELVE)
def test_boto3(twelve: Twelve, about: str) -> None:
    bad = twelve.bad[about]
    with boto3_client(twelve.url, validation=False) as client, pytest.raises(ClientError) as caught:
        client.assume_role_with_web_identity(**bad.parameters)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["Error"]["Message"]) == (bad.code, bad.message)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == bad.status
    assert answer["Error"]["Type"] == "Sender"
    modelled = {"InvalidIdentityToken": "InvalidIdentityTokenException"}.get(bad.code, bad.code)
    assert type(caught.value).__name__ in (modelled, "ClientError")


def test_boto3_refuses_one_by_itself(twelve: Twelve) -> None:
    with boto3_client(twelve.url, validation=True) as client:
        for about, bad in twelve.bad.items():
            expected = ParamValidationError if about == REFUSED_BY_THE_CLIENT else ClientError
            with pytest.raises(expected):
                client.assume_role_with_web_identity(**bad.parameters)


def aws_cli(url: str, bad: Bad, home: Path, *, validation: bool) -> subprocess.CompletedProcess[str]:
    home.mkdir()
    config = home / "config"
    config.write_text(f"[default]\nparameter_validation = {str(validation).lower()}\n")
    named = {
        "RoleArn": "--role-arn",
        "RoleSessionName": "--role-session-name",
        "WebIdentityToken": "--web-identity-token",
        "DurationSeconds": "--duration-seconds",
    }
    options = [word for name, value in bad.parameters.items() for word in (named[name], str(value))]
    environment = {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1", "AWS_CONFIG_FILE": str(config)}
    return subprocess.run(
        [str(BIN / "aws"), "sts", "assume-role-with-web-identity", *options],
        env=clean_environment(home, {**environment, "AWS_MAX_ATTEMPTS": "1"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def told_by_the_cli(
    twelve: Twelve, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("cli")
    with ThreadPoolExecutor(4) as pool:
        asked = {
            about: pool.submit(aws_cli, twelve.url, bad, folder / str(number), validation=False)
            for number, (about, bad) in enumerate(twelve.bad.items())
        }
        bad = twelve.bad[REFUSED_BY_THE_CLIENT]
        asked["validated"] = pool.submit(aws_cli, twelve.url, bad, folder / "validated", validation=True)
        return {about: each.result() for about, each in asked.items()}


@pytest.mark.parametrize("about", TWELVE)
def test_the_aws_cli(twelve: Twelve, told_by_the_cli: dict[str, subprocess.CompletedProcess[str]], about: str) -> None:
    bad, done = twelve.bad[about], told_by_the_cli[about]
    assert done.returncode in (254, 255)
    assert done.stdout == ""
    said = f"An error occurred ({bad.code}) when calling the AssumeRoleWithWebIdentity operation: {bad.message}"
    assert said in done.stderr


def test_the_aws_cli_refuses_one_by_itself(told_by_the_cli: dict[str, subprocess.CompletedProcess[str]]) -> None:
    done = told_by_the_cli["validated"]
    assert done.returncode != 0
    assert "Parameter validation failed" in done.stderr


ASK_ALL = """
import { STSClient, AssumeRoleWithWebIdentityCommand } from "@aws-sdk/client-sts";
const { url, requests } = JSON.parse(process.env.ASKED);
const client = new STSClient({ endpoint: url, region: "us-east-1", maxAttempts: 1 });
const told = {};
for (const [about, parameters] of Object.entries(requests)) {
  try {
    await client.send(new AssumeRoleWithWebIdentityCommand(parameters));
    told[about] = { granted: true };
  } catch (error) {
    told[about] = { name: error.name, message: error.message, status: error.$metadata?.httpStatusCode };
  }
}
console.log(JSON.stringify(told));
"""


@pytest.fixture(scope="module")
def told_by_javascript(twelve: Twelve) -> dict[str, Any]:
    requests = {about: bad.parameters for about, bad in twelve.bad.items()}
    done = run_module(ASK_ALL, environment={"ASKED": json.dumps({"url": twelve.url, "requests": requests})})
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize("about", TWELVE)
def test_the_javascript_sdk(twelve: Twelve, told_by_javascript: dict[str, Any], about: str) -> None:
    bad = twelve.bad[about]
    name = {"InvalidIdentityToken": "InvalidIdentityTokenException"}.get(bad.code, bad.code)
    assert told_by_javascript[about] == {"name": name, "message": bad.message, "status": bad.status}
