"""AssumeRole over HTTP: every vector through boto3, chains of sessions, and the AWS CLI."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import botocore.auth
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.assume_role_vectors import ACCOUNT, CALLER_ROLE, AssumeRoleCase, assume_role_cases, build, document

if TYPE_CHECKING:
    from support.local_aws import LocalAws

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ALL = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]


def trusting(principal: str) -> str:
    return document([{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": ALL}])


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def caller_credentials(aws: LocalAws, caller: Any) -> dict[str, Any]:
    """What the caller of a case signs with: made by AssumeRole itself."""
    if caller == "administrator":
        return {"AccessKeyId": ACCOUNT, "SecretAccessKey": "test"}
    iam = aws.client("iam")
    iam.create_role(RoleName="runner", AssumeRolePolicyDocument=trusting(ROOT))
    if "permissions" in caller:
        iam.put_role_policy(RoleName="runner", PolicyName="own", PolicyDocument=document(caller["permissions"]))
    if "boundary" in caller:
        made = iam.create_policy(PolicyName="boundary", PolicyDocument=document(caller["boundary"]))
        iam.put_role_permissions_boundary(RoleName="runner", PermissionsBoundary=made["Policy"]["Arn"])
    given: dict[str, Any] = {"RoleArn": CALLER_ROLE, "RoleSessionName": "job"}
    if "policy" in caller:
        given["Policy"] = document(caller["policy"])
    if "source_identity" in caller:
        given["SourceIdentity"] = caller["source_identity"]
    if "tags" in caller:
        given |= {"Tags": as_list(caller["tags"]), "TransitiveTagKeys": caller.get("transitive", [])}
    credentials: dict[str, Any] = aws.client("sts").assume_role(**given)["Credentials"]
    return credentials


def ask(aws: LocalAws, case: AssumeRoleCase, credentials: dict[str, Any]) -> Any:
    """The parameters of a case through boto3, as they are."""
    client = aws.client("sts", credentials, config=Config(parameter_validation=False, retries={"max_attempts": 0}))
    client.meta.events.register("before-call.sts", lambda params, **_: params["body"].update(case.parameters))
    return client.assume_role()


@pytest.mark.parametrize("vector", assume_role_cases())
def test_the_answer_over_http_is_awss(aws: LocalAws, vector: dict[str, Any]) -> None:
    case = build(vector)
    aws.clock.stop()
    aws.start(case.observed)
    credentials = caller_credentials(aws, case.caller)
    if case.role is not None:
        there = aws.client("iam", {"AccessKeyId": case.account, "SecretAccessKey": "test"})
        there.create_role(
            RoleName="deploy",
            Path="/ci/",
            AssumeRolePolicyDocument=document(case.role["trust"]),
            MaxSessionDuration=case.role.get("max_session_seconds", 3600),
            Tags=as_list(case.role.get("tags", {})),
        )
    if "granted" not in case.expect:
        with pytest.raises(ClientError) as caught:
            ask(aws, case, credentials)
        answer = caught.value.response
        found = {
            "code": answer["Error"]["Code"],
            "status": answer["ResponseMetadata"]["HTTPStatusCode"],
            "message": answer["Error"]["Message"],
        }
        assert found == case.expect
        return
    answer, wanted = ask(aws, case, credentials), case.expect["granted"]
    assert answer["AssumedRoleUser"]["Arn"] == wanted["session_arn"]
    assert re.fullmatch("AROA[A-Z2-7]{17}:ci-1", answer["AssumedRoleUser"]["AssumedRoleId"])
    assert answer.get("PackedPolicySize") == wanted["packed_policy_size"]
    assert answer.get("SourceIdentity") == wanted["source_identity"]
    assert answer["Credentials"]["Expiration"] - aws.clock() == timedelta(seconds=wanted["duration_seconds"])
    who = aws.client("sts", answer["Credentials"]).get_caller_identity()
    assert who["Arn"] == wanted["session_arn"]
    assert who["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert who["Account"] == case.account


def test_a_web_identity_goes_on_through_two_roles(aws: LocalAws) -> None:
    """Token, role, next role, next: source identity and transitive tags stay, other tags and federated keys do not."""
    iam = aws.client("iam")
    aws.prepare()
    federated = json.loads(aws.policy())
    federated["Statement"][0]["Action"] = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
    iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=json.dumps(federated))
    iam.create_role(RoleName="second", AssumeRolePolicyDocument=trusting(aws.role_arn()))
    iam.create_role(RoleName="third", AssumeRolePolicyDocument=trusting(aws.role_arn("second")))
    aws.permit(
        {
            "Effect": "Allow",
            "Action": "iam:ListRoles",
            "Resource": "*",
            "Condition": {
                "StringEquals": {"aws:PrincipalTag/team": "shop", "aws:SourceIdentity": "alice"},
                "Null": {
                    "aws:PrincipalTag/stage": "true",
                    "aws:FederatedProvider": "true",
                    f"{aws.issuer.url.removeprefix('https://')}:sub": "true",
                },
            },
        },
        role="third",
    )
    token = aws.token(
        **{
            "https://aws.amazon.com/tags": {
                "principal_tags": {"team": ["shop"], "stage": ["test"]},
                "transitive_tag_keys": ["team"],
            },
            "https://aws.amazon.com/source_identity": "alice",
        }
    )
    first = aws.assume(WebIdentityToken=token)["Credentials"]
    second = aws.client("sts", first).assume_role(RoleArn=aws.role_arn("second"), RoleSessionName="two")
    assert second["SourceIdentity"] == "alice"
    third = aws.client("sts", second["Credentials"]).assume_role(RoleArn=aws.role_arn("third"), RoleSessionName="three")
    assert third["SourceIdentity"] == "alice"
    assert aws.client("iam", third["Credentials"]).list_roles()["Roles"]
    with pytest.raises(ClientError, match="iam:ListRoles"):
        aws.client("iam", second["Credentials"]).list_roles()


def test_a_session_ends_with_its_own_time(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.client("iam").create_role(RoleName="runner", AssumeRolePolicyDocument=trusting(ROOT))
    given = aws.client("sts").assume_role(RoleArn=aws.role_arn("runner"), RoleSessionName="job", DurationSeconds=900)
    sts = aws.client("sts", given["Credentials"])
    assert sts.get_caller_identity()["Arn"].endswith("assumed-role/runner/job")
    aws.clock.ahead = timedelta(seconds=901)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: aws.clock().replace(tzinfo=None))
    with pytest.raises(ClientError) as caught:
        sts.get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "ExpiredToken"


def test_why_a_role_was_not_assumed_is_told(aws: LocalAws) -> None:
    iam = aws.client("iam")
    iam.create_role(RoleName="runner", AssumeRolePolicyDocument=trusting(ROOT))
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trusting(ROOT))
    given = aws.client("sts").assume_role(RoleArn=aws.role_arn("runner"), RoleSessionName="job")
    with pytest.raises(ClientError) as caught:
        aws.client("sts", given["Credentials"]).assume_role(RoleArn=aws.role_arn(), RoleSessionName="job")
    path = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-daypass-why"]
    told = json.loads(aws.raw("GET", path).body)
    assert "the caller's identity-based policy does not allow it" in told["detail"]
    assert "no identity-based policy allows it" in told["words"]


@pytest.mark.parametrize("name", ["ProvidedContexts", "MinimumSessionTokenSize"])
def test_what_is_not_implemented_says_so(aws: LocalAws, name: str) -> None:
    given: dict[str, Any] = {
        "ProvidedContexts": [{"ProviderArn": f"arn:aws:iam::aws:contextProvider/{name}", "ContextAssertion": "abcd"}],
        "MinimumSessionTokenSize": 100,
    }
    with pytest.raises(ClientError) as caught:
        aws.client("sts").assume_role(RoleArn=aws.role_arn(), RoleSessionName="job", **{name: given[name]})
    assert caught.value.response["Error"]["Code"] == "NotImplemented"


@pytest.mark.skipif(shutil.which("aws") is None, reason="there is no AWS CLI")
def test_the_aws_cli_follows_a_chain_of_profiles(aws: LocalAws, tmp_path: Any) -> None:
    """`role_arn` with `source_profile`, as people write it in ~/.aws/config."""
    iam = aws.client("iam")
    iam.create_role(RoleName="runner", AssumeRolePolicyDocument=trusting(ROOT))
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trusting(aws.role_arn("runner")))
    config = tmp_path / "config"
    config.write_text(
        f"[profile base]\naws_access_key_id = {ACCOUNT}\naws_secret_access_key = test\n"
        f"[profile runner]\nrole_arn = {aws.role_arn('runner')}\nsource_profile = base\nrole_session_name = one\n"
        f"[profile deploy]\nrole_arn = {aws.role_arn()}\nsource_profile = runner\nrole_session_name = two\n"
    )
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = ["aws", "sts", "get-caller-identity", "--profile", "deploy", "--output", "json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/two"
