"""What a session may do, asked over the wire by unmodified clients; each refusal in AWS's words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from support.local_aws import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.local_aws import LocalAws, Raw

USER = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/job-1"
NOT_ALLOWED = "because no identity-based policy allows the {action} action"
DENIED = "with an explicit deny in an identity-based policy"
READ = "secretsmanager:GetSecretValue"


def allow(action: Any, resource: Any = "*", **other: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **other}


def deny(action: Any, resource: Any = "*", **other: Any) -> dict[str, Any]:
    return {**allow(action, resource, **other), "Effect": "Deny"}


def text(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def refused(call: Callable[[], Any]) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def no(action: str, resource: str, because: str = NOT_ALLOWED) -> str:
    told = because.format(action=action)
    return f"User: {USER} is not authorized to perform: {action} on resource: {resource} {told}"


@pytest.fixture
def secret(ready: LocalAws) -> tuple[str, str]:
    """Name and ARN of a secret."""
    name = f"db-{uuid.uuid4()}"
    return name, ready.client("secretsmanager").create_secret(Name=name, SecretString="hunter2")["ARN"]


@pytest.fixture
def bucket(ready: LocalAws) -> str:
    name = f"b-{uuid.uuid4()}"
    s3 = ready.client("s3")
    s3.create_bucket(Bucket=name)
    for key in ("pub/a", "pub/b c+d", "private/x"):
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    return name


def session(aws: LocalAws, service: str, **login: Any) -> Any:
    return aws.client(service, aws.assume(**login)["Credentials"])


# ------------------------------------------------------------------------------------------------------ secrets


def test_without_a_policy_nothing_is_allowed(ready: LocalAws, secret: tuple[str, str]) -> None:
    client = session(ready, "secretsmanager")
    assert refused(lambda: client.get_secret_value(SecretId=secret[0])) == (
        "AccessDeniedException", 400, no(READ, secret[0]),
    )  # fmt: skip
    assert refused(lambda: client.get_secret_value(SecretId=secret[1]))[2] == no(READ, secret[1])
    assert refused(client.list_secrets)[2] == no("secretsmanager:ListSecrets", "*")
    assert session(ready, "sts").get_caller_identity()["Arn"] == USER


def test_a_secret_is_allowed_by_its_own_arn(ready: LocalAws, secret: tuple[str, str]) -> None:
    other = f"db-{uuid.uuid4()}"
    ready.client("secretsmanager").create_secret(Name=other, SecretString="x")
    ready.permit(allow(READ, secret[1]))
    client = session(ready, "secretsmanager")
    for name in (*secret, secret[1][:-7]):
        assert client.get_secret_value(SecretId=name)["SecretString"] == "hunter2"
    assert refused(lambda: client.get_secret_value(SecretId=other))[2] == no(READ, other)
    assert refused(lambda: client.describe_secret(SecretId=secret[0]))[0] == "AccessDeniedException"
    assert refused(lambda: client.get_secret_value(SecretId="not-there"))[2] == no(READ, "not-there")


def test_the_suffix_of_an_arn_may_be_left_open(ready: LocalAws, secret: tuple[str, str]) -> None:
    ready.permit(allow(READ, f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{secret[0]}-??????"))
    assert session(ready, "secretsmanager").get_secret_value(SecretId=secret[0])["SecretString"] == "hunter2"


def test_a_deny_on_the_arn_wins(ready: LocalAws, secret: tuple[str, str]) -> None:
    ready.permit(allow("*"), deny(READ, secret[1]))
    client = session(ready, "secretsmanager")
    for name in (*secret, secret[1][:-7]):
        assert refused(partial(client.get_secret_value, SecretId=name))[2].endswith(DENIED)
    assert client.describe_secret(SecretId=secret[0])["Name"] == secret[0]
    assert refused(lambda: client.batch_get_secret_value(SecretIdList=[secret[0]]))[2].endswith(DENIED)


def test_a_condition_on_another_region(ready: LocalAws, secret: tuple[str, str]) -> None:
    there = {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}
    ready.permit(allow(READ, secret[1], Condition=there))
    client = session(ready, "secretsmanager")
    assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[2] == no(READ, secret[0])
    ready.permit(allow(READ, secret[1], Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))
    assert client.get_secret_value(SecretId=secret[0])["SecretString"] == "hunter2"


def test_letter_case_of_an_action_has_no_meaning(ready: LocalAws, secret: tuple[str, str]) -> None:
    ready.permit(allow("SECRETSMANAGER:getsecretVALUE", secret[1]))
    assert session(ready, "secretsmanager").get_secret_value(SecretId=secret[0])["SecretString"] == "hunter2"


def test_creating_a_secret_is_on_its_name(ready: LocalAws) -> None:
    name = f"mine-{uuid.uuid4()}"
    arn = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:{name}-*"
    tagged = {"StringEquals": {"aws:RequestTag/team": "shop"}}
    ready.permit(allow(["secretsmanager:CreateSecret", "secretsmanager:TagResource"], arn, Condition=tagged))
    client = session(ready, "secretsmanager")
    create = {"Name": name, "SecretString": "x", "Tags": [{"Key": "team", "Value": "shop"}]}
    assert refused(lambda: client.create_secret(**{**create, "Tags": []}))[0] == "AccessDeniedException"
    assert refused(lambda: client.create_secret(**{**create, "Name": "other"}))[0] == "AccessDeniedException"
    made = client.create_secret(**create)["ARN"]
    by_tag = {"StringEquals": {"secretsmanager:ResourceTag/team": "shop", "aws:ResourceTag/team": "shop"}}
    ready.permit(allow(READ, "*", Condition=by_tag))
    assert client.get_secret_value(SecretId=made)["SecretString"] == "x"


def post(aws: LocalAws, target: str, body: bytes, query: str = "", **headers: str) -> Raw:
    """A signed request of a session to Secrets Manager, written by hand."""
    given = aws.assume()["Credentials"]
    request = AWSRequest(
        method="POST", url=f"{aws.url}/{query}", data=body, headers={"x-amz-target": target, **headers}
    )
    keys = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    SigV4Auth(keys, "secretsmanager", "us-east-1").add_auth(request)
    return aws.raw("POST", f"/{query}", body, dict(request.headers.items()))


def test_no_second_reading_of_a_request_gets_round_a_deny(ready: LocalAws, secret: tuple[str, str]) -> None:
    """moto takes operation and parameters out of query and form too, and names in any letter case."""
    name, arn = secret
    public = f"public-{uuid.uuid4()}"
    ready.client("secretsmanager").create_secret(Name=public, SecretString="public")
    ready.permit(allow("*"), deny("*", [arn]))
    body, other = (json.dumps({"SecretId": each}).encode() for each in (name, public))
    json_type, form = "application/x-amz-json-1.1", "application/x-www-form-urlencoded"
    asked = "secretsmanager.GetSecretValue"
    assert b"public" in post(ready, asked, other, **{"content-type": json_type}).body
    for attempt in (
        post(ready, asked, body, **{"content-type": json_type}),
        post(ready, asked, other, f"?SecretId={name}", **{"content-type": json_type}),
        post(ready, "secretsmanager.ListSecrets", other, f"?Action=GetSecretValue&SecretId={name}"),
        post(ready, asked, f"SecretId={name}".encode(), **{"content-type": form}),
        post(ready, "secretsmanager.getSecretValue", body, **{"content-type": json_type}),
        post(ready, "secretsmanager.x.GetSecretValue", body, **{"content-type": json_type}),
        post(ready, asked, other[:-1] + b', "SecretId": "' + name.encode() + b'"}', **{"content-type": json_type}),
        post(ready, asked, other, **{"content-type": json_type, "x_amz_target": "secretsmanager.DeleteSecret"}),
        post(ready, asked, b"[" + body + b"]", **{"content-type": json_type}),
        post(ready, asked, b'{"SecretId": ["' + name.encode() + b'"]}', **{"content-type": json_type}),
    ):
        assert b"hunter2" not in attempt.body
        assert attempt.status == 400 or b"public" in attempt.body or b"SecretList" in attempt.body, attempt


# ----------------------------------------------------------------------------------------------------------- S3


def test_objects_and_buckets_are_resources(ready: LocalAws, bucket: str) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    ready.permit(
        allow("s3:GetObject", f"{arn}/pub/*"),
        allow("s3:ListBucket", arn, Condition={"StringLike": {"s3:prefix": "pub/*"}}),
        allow("s3:PutObject", f"{arn}/up/${{aws:PrincipalTag/team}}/*"),
    )
    s3 = session(ready, "s3", WebIdentityToken=_tagged(ready))
    for key in ("pub/a", "pub/b c+d"):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(key)
    assert refused(lambda: s3.get_object(Bucket=bucket, Key="private/x")) == (
        "AccessDenied", 403, no("s3:GetObject", f'"{arn}/private/x"'),
    )  # fmt: skip
    assert refused(lambda: s3.head_object(Bucket=bucket, Key="private/x"))[1] == 403
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="pub/")["Contents"]] == [
        "pub/a", "pub/b c+d",
    ]  # fmt: skip
    assert refused(lambda: s3.list_objects_v2(Bucket=bucket))[2] == no("s3:ListBucket", f'"{arn}"')
    assert refused(s3.list_buckets)[2] == (
        f"User: {USER} is not authorized to perform: s3:ListAllMyBuckets"
        " because no identity-based policy allows the s3:ListAllMyBuckets action"
    )
    s3.put_object(Bucket=bucket, Key="up/shop/a", Body=b"1")
    assert refused(lambda: s3.put_object(Bucket=bucket, Key="up/other/a", Body=b"1"))[0] == "AccessDenied"
    acl = refused(lambda: s3.put_object(Bucket=bucket, Key="up/shop/a", Body=b"1", ACL="public-read"))
    assert acl[2] == no("s3:PutObjectAcl", f'"{arn}/up/shop/a"')
    delete = {"Objects": [{"Key": "up/shop/a"}]}
    assert refused(lambda: s3.delete_objects(Bucket=bucket, Delete=delete))[2] == (
        no("s3:DeleteObject", f'"{arn}/up/shop/a"')
    )
    assert refused(lambda: s3.get_bucket_policy(Bucket=bucket))[2] == no("s3:GetBucketPolicy", f'"{arn}"')


def _tagged(aws: LocalAws) -> str:
    """A token with a session tag, and a trust policy that lets it in."""
    document = json.loads(aws.policy())
    document["Statement"][0]["Action"] = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    aws.client("iam").update_assume_role_policy(RoleName="deploy", PolicyDocument=json.dumps(document))
    return aws.token(**{"https://aws.amazon.com/tags": {"principal_tags": {"team": ["shop"]}}})


def test_a_copy_reads_its_source(ready: LocalAws, bucket: str) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    ready.permit(allow("s3:*", f"{arn}/*"), deny("s3:GetObject", f"{arn}/private/*"))
    s3 = session(ready, "s3")
    for source in ({"Bucket": bucket, "Key": "private/x"}, f"/{bucket}/private/x"):
        told = refused(partial(s3.copy_object, Bucket=bucket, Key="pub/c", CopySource=source))
        assert told[2] == no("s3:GetObject", f'"{arn}/private/x"', DENIED)
    s3.copy_object(Bucket=bucket, Key="pub/c", CopySource={"Bucket": bucket, "Key": "pub/a"})
    assert s3.get_object(Bucket=bucket, Key="pub/c")["Body"].read() == b"pub/a"


def test_a_bucket_of_another_account_would_have_to_allow_it(ready: LocalAws) -> None:
    name = f"b-{uuid.uuid4()}"
    other = ready.client("s3", {"AccessKeyId": "999988887777", "SecretAccessKey": "test"})
    other.create_bucket(Bucket=name)
    other.put_object(Bucket=name, Key="k", Body=b"theirs")
    ready.permit(allow("*"))
    s3 = session(ready, "s3")
    assert refused(lambda: s3.get_object(Bucket=name, Key="k"))[2] == (
        no("s3:GetObject", f'"arn:aws:s3:::{name}/k"', "because no resource-based policy allows the {action} action")
    )
    mine = f"b-{uuid.uuid4()}"
    s3.create_bucket(Bucket=mine)
    copy = {"Bucket": mine, "Key": "k", "CopySource": {"Bucket": name, "Key": "k"}}
    assert "no resource-based policy" in refused(lambda: s3.copy_object(**copy))[2]


def test_a_header_with_underscores_copies_nothing(ready: LocalAws, bucket: str) -> None:
    """WSGI does not tell `x_amz_copy_source` from `x-amz-copy-source`."""
    ready.permit(allow("s3:*"), deny("s3:GetObject", f"arn:aws:s3:::{bucket}/private/*"))
    assert signed(ready, "PUT", f"/{bucket}/pub/c", x_amz_copy_source=f"{bucket}/private/x").status == 200
    assert signed(ready, "GET", f"/{bucket}/pub/c").body == b""


def test_an_upload_in_parts_is_one_permission(ready: LocalAws, bucket: str) -> None:
    ready.permit(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/big"))
    s3 = session(ready, "s3")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    part = {"Bucket": bucket, "Key": "big", "UploadId": upload}
    etag = s3.upload_part(**part, PartNumber=1, Body=b"x" * 100)["ETag"]
    assert refused(lambda: s3.list_parts(**part))[0] == "AccessDenied"
    s3.complete_multipart_upload(**part, MultipartUpload={"Parts": [{"ETag": etag, "PartNumber": 1}]})
    assert refused(lambda: s3.get_object(Bucket=bucket, Key="big"))[0] == "AccessDenied"


def test_a_presigned_url_obeys(ready: LocalAws, bucket: str) -> None:
    ready.permit(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/pub/*"))
    s3 = ready.client("s3", ready.assume()["Credentials"], config=Config(signature_version="s3v4"))

    def get(key: str) -> Raw:
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
        return ready.raw("GET", url.removeprefix(ready.url))

    assert get("pub/a").body == b"pub/a"
    answer = get("private/x")
    assert answer.status == 403
    assert b"<Code>AccessDenied</Code>" in answer.body
    assert b"is not authorized to perform: s3:GetObject" in answer.body
    ready.permit(deny("s3:*"))
    assert get("pub/a").status == 403


def signed(aws: LocalAws, method: str, target: str, **headers: str) -> Raw:
    """A signed S3 request of a session, its target sent as it is."""
    given = aws.assume()["Credentials"]
    keys = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    request = AWSRequest(method=method, url=f"{aws.url}{target}", headers=headers)
    S3SigV4Auth(keys, "s3", "us-east-1").add_auth(request)
    return aws.raw(method, target, b"", dict(request.headers.items()))


def test_no_second_reading_of_a_path_gets_round_a_deny(ready: LocalAws, bucket: str) -> None:
    ready.permit(allow("*"), deny("s3:*", f"arn:aws:s3:::{bucket}/private/*"))
    assert signed(ready, "GET", f"/{bucket}/pub/a").body == b"pub/a"
    for target in (
        f"/{bucket}/private/x",
        f"/{bucket}/private%2Fx",
        f"/{bucket}%2Fprivate/x",
        f"//{bucket}/private/x",
        f"/{bucket}/private/x;a",
        f"/{bucket}/private/x?unknown",
        f"/{bucket}/private/x?acl&tagging",
        f"/%62{bucket[1:]}/private/x",
    ):
        answer = signed(ready, "GET", target)
        assert (answer.status, b"private/x" in answer.body.replace(b"/private/x&quot;", b"")) == (403, False), target
    host = f"{bucket}.localhost:{ready.port}"
    answer = signed(ready, "GET", "/private/x", host=host)
    assert answer.status == 403
    assert signed(ready, "GET", "/pub/a", host=host).body == b"pub/a"


# ---------------------------------------------------------------------------------------- sessions and boundaries


def test_a_session_policy_takes_away(ready: LocalAws, secret: tuple[str, str]) -> None:
    ready.permit(allow("*"))
    client = session(ready, "secretsmanager", Policy=text(deny("*")))
    assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[2] == (
        no(READ, secret[0], "with an explicit deny in a session policy")
    )
    client = session(ready, "secretsmanager", Policy=text(allow("s3:*")))
    assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[2] == (
        no(READ, secret[0], "because no session policy allows the {action} action")
    )
    assert session(ready, "secretsmanager", Policy=text(allow(READ))).get_secret_value(SecretId=secret[0])
    assert session(ready, "sts", Policy=text(deny("*"))).get_caller_identity()["Arn"] == USER


def test_a_session_policy_gives_nothing(ready: LocalAws, secret: tuple[str, str]) -> None:
    client = session(ready, "secretsmanager", Policy=text(allow("*")))
    assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[2] == no(READ, secret[0])


def test_a_managed_session_policy(ready: LocalAws, secret: tuple[str, str]) -> None:
    ready.permit(allow("*"))
    iam = ready.client("iam")
    arn = iam.create_policy(PolicyName="only-read", PolicyDocument=text(allow(READ, secret[1])))["Policy"]["Arn"]
    answer = ready.assume(PolicyArns=[{"arn": arn}])
    assert answer["PackedPolicySize"] > ready.assume()["PackedPolicySize"]
    client = ready.client("secretsmanager", answer["Credentials"])
    assert client.get_secret_value(SecretId=secret[0])["SecretString"] == "hunter2"
    assert "no session policy allows" in refused(client.list_secrets)[2]
    iam.delete_policy(PolicyArn=arn)
    assert "no session policy allows" in refused(lambda: client.get_secret_value(SecretId=secret[0]))[2]
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        ready.assume(PolicyArns=[{"arn": arn}])


def test_a_boundary_limits(ready: LocalAws, secret: tuple[str, str]) -> None:
    iam = ready.client("iam")
    ready.permit(allow("*"))
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=text(allow("s3:*"), deny("sqs:*")))["Policy"]["Arn"]
    client = session(ready, "secretsmanager")
    assert client.get_secret_value(SecretId=secret[0])
    iam.put_role_permissions_boundary(RoleName="deploy", PermissionsBoundary=arn)
    assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[2] == (
        no(READ, secret[0], "because no permissions boundary allows the {action} action")
    )
    denying = iam.create_policy(PolicyName="limit2", PolicyDocument=text(deny("*")))["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="deploy", PermissionsBoundary=denying)
    assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[2] == (
        no(READ, secret[0], "with an explicit deny in a permissions boundary")
    )
    iam.delete_role_permissions_boundary(RoleName="deploy")
    assert client.get_secret_value(SecretId=secret[0])


def test_attached_policies_count_at_once(ready: LocalAws, secret: tuple[str, str]) -> None:
    iam, client = ready.client("iam"), session(ready, "secretsmanager")
    administrator = {"RoleName": "deploy", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    iam.attach_role_policy(**administrator)
    assert client.get_secret_value(SecretId=secret[0])
    iam.detach_role_policy(**administrator)
    assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[0] == "AccessDeniedException"


def test_a_role_of_the_same_name_is_another_role(ready: LocalAws, secret: tuple[str, str]) -> None:
    """A role takes its sessions with it, as on AWS."""
    client, iam = session(ready, "secretsmanager"), ready.client("iam")
    iam.delete_role(RoleName="deploy")
    assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[0] == "UnrecognizedClientException"
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=ready.policy())
    ready.permit(allow("*"))
    assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[0] == "UnrecognizedClientException"
    assert session(ready, "secretsmanager").get_secret_value(SecretId=secret[0])


# ----------------------------------------------------------------------------------------------- IAM and context


def test_iam_is_asked_too(ready: LocalAws) -> None:
    arn = ready.role_arn()
    ready.permit(allow("iam:GetRole", arn))
    iam = session(ready, "iam")
    assert iam.get_role(RoleName="DEPLOY")["Role"]["Arn"] == arn
    assert refused(lambda: iam.put_role_policy(RoleName="deploy", PolicyName="p", PolicyDocument=text(allow("*")))) == (
        "AccessDenied", 403, no("iam:PutRolePolicy", arn),
    )  # fmt: skip
    assert refused(iam.list_roles)[2] == no("iam:ListRoles", f"arn:aws:iam::{ACCOUNT}:role/")
    assert refused(lambda: iam.get_role(RoleName="other"))[2] == no("iam:GetRole", ready.role_arn("other"))


def test_the_context_of_a_session(ready: LocalAws, secret: tuple[str, str]) -> None:
    """One condition for each key: all of them hold, and with any of them turned around none of it does."""
    now = ready.clock.stop()
    answer = ready.assume()
    client = ready.client("secretsmanager", answer["Credentials"])
    prefix = ready.issuer.url.removeprefix("https://")
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    ready.client("iam").get_role(RoleName="deploy")
    expected = {
        "aws:PrincipalArn": ready.role_arn(),
        "aws:userid": answer["AssumedRoleUser"]["AssumedRoleId"],
        "aws:PrincipalAccount": ACCOUNT,
        "aws:PrincipalType": "AssumedRole",
        "aws:SourceIp": "127.0.0.1",
        "aws:CurrentTime": stamp,
        "aws:RequestedRegion": "us-east-1",
        "aws:SecureTransport": "false",
        "aws:FederatedProvider": ready.provider_arn,
        "aws:TokenIssueTime": stamp,
        f"{prefix}:sub": "workspace:one",
        f"{prefix}:aud": "sts.amazonaws.com",
        "secretsmanager:SecretId": secret[1],
    }
    ready.permit(allow(READ, "*", Condition={"StringEquals": expected}))
    assert client.get_secret_value(SecretId=secret[0])
    for key, value in expected.items():
        ready.permit(allow(READ, "*", Condition={"StringEquals": expected, "StringNotEquals": {key: value}}))
        assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[0] == "AccessDeniedException", key


def test_what_the_token_told_besides(ready: LocalAws, secret: tuple[str, str]) -> None:
    """Authentication methods, source identity, and a session tag in the place of the role's own."""
    document = json.loads(ready.policy())
    document["Statement"][0]["Action"] = [
        f"sts:{action}" for action in ("AssumeRoleWithWebIdentity", "SetSourceIdentity", "TagSession")
    ]
    iam = ready.client("iam")
    iam.delete_role(RoleName="deploy")
    iam.create_role(
        RoleName="deploy",
        AssumeRolePolicyDocument=json.dumps(document),
        Tags=[{"Key": "Team", "Value": "of the role"}, {"Key": "own", "Value": "o"}],
    )
    prefix = ready.issuer.url.removeprefix("https://")
    condition = {
        "ForAnyValue:StringEquals": {f"{prefix}:amr": "mfa"},
        "StringEquals": {"aws:SourceIdentity": "ada", "aws:PrincipalTag/team": "shop", "aws:PrincipalTag/own": "o"},
    }
    ready.permit(allow(READ, "*", Condition=condition))
    claims: dict[str, Any] = {
        "amr": ["pwd", "mfa"],
        "https://aws.amazon.com/source_identity": "ada",
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["shop"]}},
    }
    client = session(ready, "secretsmanager", WebIdentityToken=ready.token(**claims))
    assert client.get_secret_value(SecretId=secret[0])["SecretString"] == "hunter2"
    for name, other in (
        ("amr", ["pwd"]),
        ("https://aws.amazon.com/source_identity", "bob"),
        ("https://aws.amazon.com/tags", {}),
    ):
        client = session(ready, "secretsmanager", WebIdentityToken=ready.token(**{**claims, name: other}))
        assert refused(partial(client.get_secret_value, SecretId=secret[0]))[0] == "AccessDeniedException", name


def test_older_sessions_are_revoked(ready: LocalAws, secret: tuple[str, str]) -> None:
    """The policy that the console writes for "Revoke active sessions"."""
    now = ready.clock.stop()
    client = session(ready, "secretsmanager")
    ready.permit(allow(READ))
    assert client.get_secret_value(SecretId=secret[0])
    moment = (now + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready.permit(deny("*", Condition={"DateLessThan": {"aws:TokenIssueTime": moment}}), name="revoke")
    assert refused(lambda: client.get_secret_value(SecretId=secret[0]))[2].endswith(DENIED)
    ready.clock.ahead = timedelta(seconds=2)
    assert session(ready, "secretsmanager").get_secret_value(SecretId=secret[0])


def test_the_whole_decision_is_told(ready: LocalAws, secret: tuple[str, str]) -> None:
    ready.permit(allow(READ, "*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}))
    client = session(ready, "secretsmanager")
    with pytest.raises(ClientError) as caught:
        client.get_secret_value(SecretId=secret[0])
    path = caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-daypass-why"]
    told = json.loads(ready.raw("GET", path).body)
    assert told["message"] == no(READ, secret[0])
    assert told["decision"]["allowed"] is False
    assert told["decision"]["silent"] == ["identity-based policy"]
    [policy] = told["decision"]["policies"]
    [condition] = policy["statements"][0]["conditions"]
    assert (policy["policy"], condition["wanted"], condition["found"]) == (
        "inline policy permissions", ["eu-west-1"], ["us-east-1"],
    )  # fmt: skip
    assert "StringEquals aws:RequestedRegion: wanted eu-west-1; found us-east-1 (value differs)" in told["words"]


def test_the_aws_cli_is_refused_in_awss_words(ready: LocalAws, secret: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "token").write_text(ready.token())
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": ready.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ROLE_ARN": ready.role_arn(),
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_SESSION_NAME": "job-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = [sys.executable, "-m", "awscli", "secretsmanager", "get-secret-value", "--secret-id", secret[0]]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "(AccessDeniedException) when calling the GetSecretValue operation: " + no(READ, secret[0]) in done.stderr
    ready.permit(allow(READ, secret[1]))
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert "hunter2" in done.stdout, done.stderr
