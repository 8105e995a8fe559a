"""From a token to a session to what the session may use, by unmodified boto3 and AWS CLI over real sockets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import botocore.auth
import pytest
from botocore.exceptions import ClientError

from daypass.localaws.app import LocalAwsConfig, build
from daypass.tokens.key_set import KeySet
from support.asgi import served
from support.tokens import private_key

if TYPE_CHECKING:
    from pathlib import Path

    from support.local_aws import LocalAws

ACCOUNT = "111122223333"
NOT_VALIDATED = (
    "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for"
    " requirements."
)
UNVERIFIED_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity"
    " documentation for requirements"
)


def refused(call: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value


def code_and_message(fault: ClientError) -> tuple[str, str]:
    error = fault.response["Error"]
    return error["Code"], error["Message"]


def test_a_token_buys_a_session(ready: LocalAws) -> None:
    answer = ready.assume(DurationSeconds=900)
    credentials = answer["Credentials"]
    assert re.fullmatch("ASIA[A-Z0-9]{16}", credentials["AccessKeyId"])
    assert timedelta(seconds=895) < credentials["Expiration"] - ready.clock() <= timedelta(seconds=900)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/job-1"
    assert re.fullmatch("AROA[A-Z0-9]{17}:job-1", answer["AssumedRoleUser"]["AssumedRoleId"])
    assert answer["Provider"] == ready.provider_arn
    assert answer["Audience"] == "sts.amazonaws.com"
    assert answer["SubjectFromWebIdentityToken"] == "workspace:one"
    assert answer["PackedPolicySize"] == 25
    identity = ready.client("sts", credentials).get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["Account"] == ACCOUNT
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]


def test_a_get_buys_a_session_too(ready: LocalAws) -> None:
    query = urlencode(
        {
            "Action": "AssumeRoleWithWebIdentity",
            "Version": "2011-06-15",
            "RoleArn": ready.role_arn(),
            "RoleSessionName": "job-1",
            "WebIdentityToken": ready.token(),
        }
    )
    answer = ready.raw("GET", f"/?{query}", headers={"accept": "application/json"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/xml"
    assert b"<AccessKeyId>ASIA" in answer.body


def test_a_session_reads_a_secret(ready: LocalAws) -> None:
    name = f"db-{uuid.uuid4()}"
    ready.client("secretsmanager").create_secret(Name=name, SecretString="hunter2")
    ready.permit({"Effect": "Allow", "Action": "*", "Resource": "*"})
    session = ready.client("secretsmanager", ready.assume()["Credentials"])
    assert session.get_secret_value(SecretId=name)["SecretString"] == "hunter2"
    elsewhere = ready.client("secretsmanager", {"AccessKeyId": "999988887777", "SecretAccessKey": "test"})
    assert refused(lambda: elsewhere.get_secret_value(SecretId=name)).response["Error"]["Code"] == (
        "ResourceNotFoundException"
    )


def test_the_region_is_that_of_the_signature(ready: LocalAws) -> None:
    name = f"db-{uuid.uuid4()}"
    there = ready.client("secretsmanager", region_name="eu-west-1")
    assert ":eu-west-1:" in there.create_secret(Name=name, SecretString="x")["ARN"]
    here = ready.client("secretsmanager")
    assert code_and_message(refused(lambda: here.get_secret_value(SecretId=name)))[0] == "ResourceNotFoundException"


def test_the_aws_cli_logs_in_and_reads(ready: LocalAws, tmp_path: Path) -> None:
    """The login by web identity provider of the CLI itself: token file and role in the environment."""
    name = f"cli-{uuid.uuid4()}"
    ready.client("secretsmanager").create_secret(Name=name, SecretString="from the cli")
    ready.permit({"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "s3:*"], "Resource": "*"})
    (tmp_path / "token").write_text(ready.token())
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": ready.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ROLE_ARN": ready.role_arn(),
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_SESSION_NAME": "from-cli",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def cli(*arguments: str) -> str:
        command = [sys.executable, "-m", "awscli", *arguments]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    identity = json.loads(cli("sts", "get-caller-identity"))
    assert identity["Arn"].endswith(":assumed-role/deploy/from-cli")
    value = cli(
        "secretsmanager", "get-secret-value", "--secret-id", name, "--query", "SecretString", "--output", "text"
    )
    assert value == "from the cli\n"
    bucket = f"cli-{uuid.uuid4()}"
    (tmp_path / "big").write_bytes(os.urandom(9 * 1024 * 1024))
    cli("s3", "mb", f"s3://{bucket}")
    cli("s3", "cp", "--quiet", str(tmp_path / "big"), f"s3://{bucket}/grün/a b+c")
    cli("s3", "cp", "--quiet", f"s3://{bucket}/grün/a b+c", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == (tmp_path / "big").read_bytes()


# ---------------------------------------------------------------------------------------------------- refusals


def test_junk_is_not_a_token(ready: LocalAws) -> None:
    """Emulators say yes to `????` and `token`."""
    for junk in ("not-a-jwt", "????", "a.b.c", "x" * 20_000):
        code, message = code_and_message(refused(lambda junk=junk: ready.assume(WebIdentityToken=junk)))
        assert code == "InvalidIdentityToken"
        assert message == (
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
        )


def test_a_refused_subject_and_a_missing_role_look_the_same(ready: LocalAws) -> None:
    wrong = refused(lambda: ready.assume(WebIdentityToken=ready.token(sub="workspace:two")))
    missing = refused(lambda: ready.assume(RoleArn=ready.role_arn("nobody")))
    for fault in (wrong, missing):
        assert code_and_message(fault) == ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        assert fault.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_why_is_told_under_the_request_id(ready: LocalAws) -> None:
    fault = refused(lambda: ready.assume(WebIdentityToken=ready.token(sub="workspace:two")))
    metadata = fault.response["ResponseMetadata"]
    path = metadata["HTTPHeaders"]["x-daypass-why"]
    assert path == f"/_daypass/why/{metadata['RequestId']}"
    text = ready.raw("GET", path).body.decode()
    told = json.loads(text)
    assert told["code"] == "AccessDenied"
    assert told["decision"]["allowed"] is False
    assert "workspace:two" in told["words"]
    assert "workspace:one" in told["words"]
    assert told["explanation"]["allowed"] is False
    assert [step["verdict"] for step in told["explanation"]["steps"]] == ["yes", "yes", "yes", "no"]
    assert told["edit"]["safe"] is True
    assert "if it should get in, the smallest safe edit:" in told["words"]
    assert "eyJ" not in text
    assert ready.raw("GET", f"/_daypass/why/{uuid.uuid4()}").status == 404


def test_an_unknown_issuer_is_named(ready: LocalAws) -> None:
    fault = refused(lambda: ready.assume(WebIdentityToken=ready.token(iss=ready.issuer.url + "/")))
    assert code_and_message(fault) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {ready.issuer.url}/",
    )


def test_a_forged_token_is_refused(ready: LocalAws) -> None:
    forged = ready.issuer.token(now=ready.clock().timestamp(), key=private_key(name="attacker"))
    assert code_and_message(refused(lambda: ready.assume(WebIdentityToken=forged))) == (
        "InvalidIdentityToken",
        UNVERIFIED_KEY,
    )
    head, payload, signature = ready.token().split(".")
    bent = ".".join((head, payload, ("A" if signature[0] != "A" else "B") + signature[1:]))
    assert code_and_message(refused(lambda: ready.assume(WebIdentityToken=bent))) == (
        "InvalidIdentityToken",
        NOT_VALIDATED,
    )


def test_an_issuer_that_does_not_answer(ready: LocalAws) -> None:
    ready.issuer.documents = {}
    fault = refused(ready.assume)
    assert code_and_message(fault) == ("InvalidIdentityToken", UNVERIFIED_KEY)
    told = ready.raw("GET", fault.response["ResponseMetadata"]["HTTPHeaders"]["x-daypass-why"])
    assert "404" in json.loads(told.body)["detail"]


def test_keys_that_were_changed_are_found(ready: LocalAws) -> None:
    ready.assume()
    following = private_key(name="following")
    ready.issuer.documents["/keys"] = KeySet([following.public]).document()
    ready.issuer.key = following
    ready.assume()
    assert ready.issuer.fetches == 2


def test_an_expired_token(ready: LocalAws) -> None:
    now = int(ready.clock().timestamp())
    fault = refused(lambda: ready.assume(WebIdentityToken=ready.token(iat=now - 900, exp=now - 600)))
    code, message = code_and_message(fault)
    assert code == "ExpiredTokenException"
    assert message.startswith("Token expired: current date/time ")


def test_parameters_outside_their_limits(ready: LocalAws) -> None:
    fault = refused(lambda: ready.assume(RoleSessionName="a/b", DurationSeconds=99_999))
    assert code_and_message(fault)[0] == "ValidationError"
    assert code_and_message(fault)[1] == (
        "2 validation errors detected: Value 'a/b' at 'roleSessionName' failed to satisfy constraint: Member must"
        r" satisfy regular expression pattern: [\w+=,.@-]*; Value '99999' at 'durationSeconds' failed to satisfy"
        " constraint: Member must have value less than or equal to 43200"
    )


@pytest.mark.parametrize("version", [None, "2010-05-08", "1999-01-01"])
def test_another_version_is_no_way_round_the_signature(ready: LocalAws, version: str | None) -> None:
    form = {"Action": "AssumeRoleWithWebIdentity", **({"Version": version} if version else {})}
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert ready.raw("POST", "/", urlencode(form).encode(), headers).status == 403


# ---------------------------------------------------------------------------------------- sessions and their end


def test_an_expired_session_is_refused_everywhere(ready: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = ready.assume(DurationSeconds=900)["Credentials"]
    bucket = f"b-{uuid.uuid4()}"
    ready.client("s3").create_bucket(Bucket=bucket)
    ready.clock.ahead = timedelta(seconds=901)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: ready.clock().replace(tzinfo=None))
    for service, call, expected in (
        ("sts", lambda c: c.get_caller_identity(), ("ExpiredToken", 403)),
        ("iam", lambda c: c.list_roles(), ("ExpiredToken", 403)),
        ("secretsmanager", lambda c: c.list_secrets(), ("ExpiredTokenException", 400)),
        ("s3", lambda c: c.list_objects_v2(Bucket=bucket), ("ExpiredToken", 400)),
    ):
        fault = refused(lambda service=service, call=call: call(ready.client(service, credentials)))
        assert (fault.response["Error"]["Code"], fault.response["ResponseMetadata"]["HTTPStatusCode"]) == expected
    sts = refused(lambda: ready.client("sts", credentials).get_caller_identity())
    assert code_and_message(sts)[1] == "The security token included in the request is expired"


def test_a_session_without_its_token_or_with_anothers(ready: LocalAws) -> None:
    one, two = ready.assume()["Credentials"], ready.assume()["Credentials"]
    text = one["SessionToken"]
    altered = text[:-6] + ("AAAAAA" if text[-6:] != "AAAAAA" else "BBBBBB")
    for token in (None, "test", two["SessionToken"], altered):
        client = ready.client("sts", {**one, "SessionToken": token})
        fault = refused(client.get_caller_identity)
        assert code_and_message(fault) == (
            "InvalidClientTokenId",
            "The security token included in the request is invalid.",
        )


def test_credentials_of_another_instance_are_refused(ready: LocalAws) -> None:
    credentials = ready.assume()["Credentials"]
    with served(build(LocalAwsConfig(), ready.clock)) as port:
        other = ready.client("sts", credentials, endpoint_url=f"http://127.0.0.1:{port}")
        assert code_and_message(refused(other.get_caller_identity))[0] == "SignatureDoesNotMatch"


# ------------------------------------------------------------------------------------------------ XML reflection

HOSTILE = [
    "]]></SubjectFromWebIdentityToken><Arn>arn:aws:iam::1:root</Arn>",
    "<![CDATA[x]]>",
    "&lt;&amp;&#0;",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>&e;",
    "\"'<>&",
    "😀 ü \u2028",
]


@pytest.mark.parametrize("subject", HOSTILE)
def test_what_a_token_says_comes_back_as_text(ready: LocalAws, subject: str) -> None:
    """CVE-2020-16250: reflected text was read as another answer."""
    policy = json.loads(ready.policy())
    del policy["Statement"][0]["Condition"]
    ready.client("iam").update_assume_role_policy(RoleName="deploy", PolicyDocument=json.dumps(policy))
    answer = ready.assume(WebIdentityToken=ready.token(sub=subject))
    assert answer["SubjectFromWebIdentityToken"] == subject
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/job-1"


@pytest.mark.parametrize("text", [*HOSTILE, "a\r\nb\tc"])
def test_what_a_caller_says_comes_back_as_text(ready: LocalAws, text: str) -> None:
    fault = refused(lambda: ready.assume(RoleSessionName=text))
    assert f"Value '{text}' at 'roleSessionName'" in code_and_message(fault)[1]
    assert code_and_message(fault)[0] == "ValidationError"


@pytest.mark.parametrize("text", ["\x00\x01", "\ufffe\uffff", "a\x0bb"])
def test_what_xml_cannot_carry_is_replaced(ready: LocalAws, text: str) -> None:
    fault = refused(lambda: ready.assume(RoleSessionName=text))
    assert "\ufffd" in code_and_message(fault)[1]
