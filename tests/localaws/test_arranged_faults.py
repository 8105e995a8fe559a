"""Answers of AWS's own troubles, arranged by a test, and what real clients do then."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from daypass.cli.main import main
from support.local_aws import ACCOUNT
from support.node import run_module
from support.processes import BIN, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from support.local_aws import LocalAws

WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"
MARK = {"x-daypass-control": "1"}
REGION_DISABLED = (
    f"STS is not activated in this region for account:{ACCOUNT}. Your account administrator can activate STS in this"
    " region using the IAM Console."
)
ANSWERS = {
    "Throttling": (400, "Rate exceeded", "ClientError"),
    "RegionDisabledException": (403, REGION_DISABLED, "RegionDisabledException"),
    "IDPCommunicationError": (
        400,
        (
            "The request could not be fulfilled because the identity provider (IDP) that was asked to verify the"
            " incoming identity token could not be reached."
        ),
        "IDPCommunicationErrorException",
    ),
    "IDPRejectedClaim": (403, "Invalid OAuth access token.", "IDPRejectedClaimException"),
    "InternalFailure": (500, "The request processing has failed because of an unknown error.", "ClientError"),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server.", "ClientError"),
    "MissingParameter": (400, "A required parameter for the specified action is not supplied.", "ClientError"),
    "InvalidIdentityToken": (
        400,
        (
            "Couldn't retrieve verification key from your identity provider,"
            "  please reference AssumeRoleWithWebIdentity documentation for requirements"
        ),
        "InvalidIdentityTokenException",
    ),
    "ExpiredToken": (403, "The security token included in the request is expired", "ClientError"),
}


def steer(aws: LocalAws, method: str, content: object = None, status: int = 200) -> Any:
    body = b"" if content is None else json.dumps(content).encode()
    answer = aws.raw(method, "/_daypass/faults", body, MARK)
    assert answer.status == status, answer.body
    return json.loads(answer.body)


def arrange(aws: LocalAws, code: str, operation: str = WEB_IDENTITY, **more: Any) -> None:
    steer(aws, "POST", {"operation": operation, "code": code, **more})


@pytest.mark.parametrize("code", ANSWERS)
def test_the_answer_is_awss_and_the_next_call_is_served(ready: LocalAws, code: str) -> None:
    arrange(ready, code)
    with pytest.raises(ClientError) as caught:
        ready.assume()
    status, message, kind = ANSWERS[code]
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["Error"]["Message"]) == (code, message)
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], type(caught.value).__name__) == (status, kind)
    assert answer["Error"]["Type"] == ("Receiver" if status >= 500 else "Sender")
    assert ready.assume()["Credentials"]
    why = json.loads(ready.raw("GET", answer["ResponseMetadata"]["HTTPHeaders"]["x-daypass-why"]).body)
    assert why["detail"] == "this answer was asked for at /_daypass/faults"


def test_an_expired_token_is_told_with_awss_times(ready: LocalAws) -> None:
    now = int(ready.clock.stop().timestamp())
    arrange(ready, "ExpiredTokenException")
    with pytest.raises(ClientError) as caught:
        ready.assume()
    assert caught.value.response["Error"]["Message"] == (
        f"Token expired: current date/time {now - 300} must be before the expiration date/time {now - 301}"
    )


@pytest.mark.parametrize("code", ["Throttling", "InternalFailure", "ServiceUnavailable", "IDPCommunicationError"])
def test_boto3_tries_again(ready: LocalAws, code: str) -> None:
    arrange(ready, code, times=2)
    client = ready.client("sts", config=Config(retries={"mode": "standard", "total_max_attempts": 3}))
    given = {"RoleArn": ready.role_arn(), "RoleSessionName": "job", "WebIdentityToken": ready.token()}
    answer = client.assume_role_with_web_identity(**given)
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    assert steer(ready, "GET") == {"faults": []}


def test_the_aws_cli_tries_again_and_tells(ready: LocalAws, tmp_path: Path) -> None:
    given = {"AWS_ENDPOINT_URL": ready.url, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test"}
    environment = clean_environment(tmp_path, {**given, "AWS_DEFAULT_REGION": "eu-south-1", "AWS_MAX_ATTEMPTS": "2"})

    def call() -> subprocess.CompletedProcess[str]:
        asked = [str(BIN / "aws"), "sts", "get-caller-identity", "--query", "Account", "--output", "text"]
        return subprocess.run(asked, env=environment, capture_output=True, text=True, timeout=60, check=False)

    arrange(ready, "Throttling", "GetCallerIdentity")
    assert call().stdout.strip() == ACCOUNT
    arrange(ready, "RegionDisabledException", "sts:*", region="eu-west-1", times=9)
    arrange(ready, "RegionDisabledException", "sts:*", region="eu-south-1", times=9)
    refused = call()
    assert refused.returncode != 0
    assert (
        f"An error occurred (RegionDisabledException) when calling the GetCallerIdentity operation: {REGION_DISABLED}"
        in refused.stderr
    )


CHAIN = """
import { AssumeRoleCommand, AssumeRoleWithWebIdentityCommand, GetCallerIdentityCommand, STSClient }
  from "@aws-sdk/client-sts";
const { url, first, second } = JSON.parse(process.env.ASKED);
const keys = (given) => ({
  accessKeyId: given.AccessKeyId, secretAccessKey: given.SecretAccessKey, sessionToken: given.SessionToken,
});
const client = (credentials) => new STSClient({ endpoint: url, region: "us-east-1", maxAttempts: 3, credentials });
const login = await client().send(new AssumeRoleWithWebIdentityCommand(first));
const next = await client(keys(login.Credentials)).send(new AssumeRoleCommand(second));
const who = await client(keys(next.Credentials)).send(new GetCallerIdentityCommand({}));
let long;
try {
  await client(keys(login.Credentials)).send(new AssumeRoleCommand({ ...second, DurationSeconds: 3601 }));
} catch (error) {
  long = `${error.name}: ${error.message}`;
}
console.log(JSON.stringify({ attempts: login.$metadata.attempts, arn: who.Arn, long }));
"""


def test_javascript_tries_again_and_chains_roles(ready: LocalAws) -> None:
    arrange(ready, "Throttling", times=2)
    arn = ready.role_arn()
    trust = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    ready.client("iam").create_role(RoleName="next", AssumeRolePolicyDocument=document, MaxSessionDuration=7200)
    ready.permit({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ready.role_arn("next")})
    asked = {
        "url": ready.url,
        "first": {"RoleArn": arn, "RoleSessionName": "job-1", "WebIdentityToken": ready.token()},
        "second": {"RoleArn": ready.role_arn("next"), "RoleSessionName": "job-2"},
    }
    done = run_module(CHAIN, environment={"ASKED": json.dumps(asked)})
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "attempts": 3,
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/next/job-2",
        "long": "ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by"
        " role chaining.",
    }


def test_other_services_say_it_in_their_own_way(ready: LocalAws) -> None:
    arrange(ready, "Throttling", "secretsmanager:*")
    arrange(ready, "Throttling", "s3:GET")
    with pytest.raises(ClientError) as caught:
        ready.client("secretsmanager").list_secrets()
    assert caught.value.response["Error"]["Code"] == "ThrottlingException"
    with pytest.raises(ClientError) as caught:
        ready.client("s3").list_buckets()
    assert caught.value.response["Error"]["Code"] == "SlowDown"
    assert ready.client("s3").list_buckets()["Buckets"] == []


def test_a_fault_lets_nobody_in(ready: LocalAws) -> None:
    """Who did not sign is told that, and uses up nothing."""
    arrange(ready, "Throttling", "sts:*")
    wrong = {"AccessKeyId": ACCOUNT, "SecretAccessKey": "wrong"}
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        ready.client("sts", wrong).get_caller_identity()
    assert len(steer(ready, "GET")["faults"]) == 1


def test_a_reset_and_a_word_clear_them(ready: LocalAws) -> None:
    arrange(ready, "Throttling", times=5)
    arrange(ready, "InternalFailure", message="our own words")
    assert [(one["code"], one["times"]) for one in steer(ready, "GET")["faults"]] == [
        ("Throttling", 5), ("InternalFailure", 1),
    ]  # fmt: skip
    assert steer(ready, "POST", {"clear": True}) == {"faults": []}
    arrange(ready, "Throttling", times=5)
    ready.raw("POST", "/_daypass/reset", b"", MARK)
    assert steer(ready, "GET") == {"faults": []}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"operation": "sts:AssumeRole"}, "missing"),
        ({"operation": "sts:AssumeRole", "code": "AccessGranted"}, "cannot be arranged"),
        ({"operation": "sts AssumeRole", "code": "Throttling"}, "is no operation"),
        ({"operation": "*", "code": "Throttling", "times": 0}, "whole number"),
        ({"operation": "*", "code": "Throttling", "times": True}, "whole number"),
        ({"operation": "*", "code": "Throttling", "region": 1}, "not a text"),
        ({"clear": True, "code": "Throttling"}, "nothing else"),
        ({"what": 1}, "not known"),
    ],
)
def test_what_cannot_be_arranged(aws: LocalAws, content: object, reason: str) -> None:
    assert reason in steer(aws, "POST", content, 400)["message"]
    assert steer(aws, "GET") == {"faults": []}


def test_by_the_command_line(
    ready: LocalAws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", ready.url)
    words = ["local-aws", "fault"]
    assert main([*words, "--operation", "AssumeRoleWithWebIdentity", "--code", "Throttling", "--times", "2"]) == 0
    assert capsys.readouterr().out == "AssumeRoleWithWebIdentity\tThrottling\t2\t\n"
    with pytest.raises(ClientError, match="Rate exceeded"):
        ready.assume()
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["faults"][0]["times"] == 1
    assert main([*words, "--clear"]) == 0
    assert main([*words, "--code", "Throttling"]) == 2
    assert main([*words, "--clear", "--code", "Throttling"]) == 2
    assert ready.assume()["Credentials"]


def test_no_container_is_started(ready: LocalAws) -> None:
    """moto would run a function's code in Docker, on this machine."""
    with pytest.raises(ClientError) as caught:
        ready.client("lambda").invoke(FunctionName="anything", Payload=b"{}")
    assert caught.value.response["Error"]["Code"].startswith("NotImplemented")
    assert "starts no containers" in caught.value.response["Error"]["Message"]
