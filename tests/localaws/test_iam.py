"""IAM's own rules, texts and lists, by unmodified boto3."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from daypass.localaws import iam as local_iam
from daypass.localaws import model
from daypass.sts.observed import Observed

if TYPE_CHECKING:
    from support.local_aws import LocalAws

ACCOUNT = "111122223333"
NO_CHECKS = Config(parameter_validation=False, retries={"max_attempts": 0})
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/"
THUMBPRINTS = ["c" * 40]
"""With them IAM contacts nobody."""


@pytest.fixture
def iam(aws: LocalAws) -> Any:
    return aws.client("iam", config=NO_CHECKS)


def fault(call: Any, **arguments: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def policy(**other: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"{ARN}idp.example.com/t"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"idp.example.com/t:sub": "a"}},
        **other,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


# ---------------------------------------------------------------------------------------------------- providers


@pytest.mark.parametrize(
    ("url", "issuer"),
    [
        ("https://idp.example.com", "idp.example.com"),
        ("https://idp.example.com/", "idp.example.com/"),
        ("https://IDP.example.com/A/b", "IDP.example.com/A/b"),
        ("https://idp.example.com:443/t", "idp.example.com/t"),
        ("https://localhost:8443/idp", "localhost:8443/idp"),
        ("https://127.0.0.1:8443", "127.0.0.1:8443"),
    ],
)
def test_a_provider_is_its_url_without_scheme(iam: Any, url: str, issuer: str) -> None:
    arn = iam.create_open_id_connect_provider(Url=url, ThumbprintList=THUMBPRINTS)["OpenIDConnectProviderArn"]
    assert arn == ARN + issuer
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["Url"] == issuer
    assert (found["ClientIDList"], found["ThumbprintList"]) == ([], THUMBPRINTS)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]
    assert fault(iam.create_open_id_connect_provider, Url=url)[:2] == ("EntityAlreadyExists", 409)


@pytest.mark.parametrize(
    "url",
    ["http://idp.example.com", "idp.example.com", "https://idp.example.com:8443", "https://idp.example.com?x=1",
     "https://idp.example.com/#f", "https://me@idp.example.com", "https://", "https://idp.exämple.com",
     "https://localhost.example.com:8443"],
)  # fmt: skip
def test_urls_that_are_no_provider(iam: Any, url: str) -> None:
    assert fault(iam.create_open_id_connect_provider, Url=url)[:2] == ("InvalidInput", 400)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_a_query_has_amazons_text(iam: Any) -> None:
    assert fault(iam.create_open_id_connect_provider, Url="https://a.example/?q")[2] == "Unknown"


def test_client_ids_thumbprints_and_tags(iam: Any) -> None:
    tags = [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": ""}, {"Key": "B", "Value": "ü x"}]
    made = iam.create_open_id_connect_provider(
        Url="https://a.example", ClientIDList=["x", "y", "x"], ThumbprintList=["A" * 40, "z" * 40, "a" * 40], Tags=tags
    )
    assert made["Tags"] == tags
    arn = made["OpenIDConnectProviderArn"]

    def found() -> Any:
        return iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)

    assert found()["ClientIDList"] == ["x", "y"]
    assert found()["ThumbprintList"] == ["a" * 40, "z" * 40, "a" * 40]
    assert [tag["Key"] for tag in found()["Tags"]] == ["B", "a", "b"]
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="z")
    assert found()["ClientIDList"] == ["x", "y", "z"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="y")
    assert found()["ClientIDList"] == ["x", "z"]
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["B" * 40])
    assert found()["ThumbprintList"] == ["b" * 40]
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "a", "Value": "new"}])
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["b", "nothing"])
    page = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn, MaxItems=1)
    assert (page["IsTruncated"], page["Tags"]) == (True, [{"Key": "B", "Value": "ü x"}])
    rest = iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn, Marker=page["Marker"])
    assert (rest["IsTruncated"], rest["Tags"]) == (False, [{"Key": "a", "Value": "new"}])


def test_limits_of_a_provider_have_amazons_texts(iam: Any) -> None:
    create = iam.create_open_id_connect_provider
    assert fault(create, Url="https://a.example", ThumbprintList=["a" * 40] * 6) == (
        "InvalidInput", 400, "Thumbprint list must contain fewer than 5 entries.",
    )  # fmt: skip
    assert fault(create, Url="https://a.example", ClientIDList=[str(n) for n in range(101)]) == (
        "LimitExceeded", 409, "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100",
    )  # fmt: skip
    code, status, message = fault(create, Url="https://a.example/" + "a" * 300, ThumbprintList=["a" * 39])
    assert (code, status) == ("ValidationError", 400)
    assert message.startswith("2 validation errors detected: Value 'https://a.example/")
    assert "at 'thumbprintList.1.member' failed to satisfy constraint: Member must have length greater" in message
    assert fault(create, Url="https://a.example", Tags=[{"Key": "a<", "Value": ""}])[2] == (
        "1 validation error detected: Value 'a<' at 'tags.1.member.key' failed to satisfy constraint: Member must"
        r" satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+"
    )
    assert fault(create, Url="https://a.example", Tags=[{"Key": str(n), "Value": ""} for n in range(51)])[0] == (
        "ValidationError"
    )
    assert fault(create)[2] == (
        "1 validation error detected: Value null at 'url' failed to satisfy constraint: Member must not be null"
    )


def test_missing_providers_have_two_texts(iam: Any) -> None:
    arn = f"{ARN}nobody.example"
    assert fault(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) == (
        "NoSuchEntity", 404, f"OpenIDConnect Provider not found for arn {arn}",
    )  # fmt: skip
    assert fault(iam.delete_open_id_connect_provider, OpenIDConnectProviderArn=arn) == (
        "NoSuchEntity", 404, f"OpenId connect Provider {arn} cannot be found.",
    )  # fmt: skip
    made = iam.create_open_id_connect_provider(Url="https://a.example", ThumbprintList=THUMBPRINTS)[
        "OpenIDConnectProviderArn"
    ]
    assert fault(iam.update_open_id_connect_provider_thumbprint, OpenIDConnectProviderArn=made, ThumbprintList=[]) == (
        "InvalidInput", 400, "Thumbprint list must contain at least one entry.",
    )  # fmt: skip
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made)
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_accounts_do_not_see_each_other(aws: LocalAws, iam: Any) -> None:
    iam.create_open_id_connect_provider(Url="https://a.example", ThumbprintList=THUMBPRINTS)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=policy())
    other = aws.client("iam", {"AccessKeyId": "999988887777", "SecretAccessKey": "test"})
    assert other.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert other.list_roles()["Roles"] == []


# -------------------------------------------------------------------------------------------------------- roles


def test_the_life_of_a_role(iam: Any) -> None:
    made = iam.create_role(
        RoleName="Deploy", AssumeRolePolicyDocument=policy(), Path="/ci/", Description="ü", MaxSessionDuration=7200,
        Tags=[{"Key": "k", "Value": "v"}],
    )["Role"]  # fmt: skip
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/ci/Deploy"
    assert re.fullmatch("AROA[A-Z0-9]{17}", made["RoleId"])
    found = iam.get_role(RoleName="deploy")["Role"]
    assert {**found, "RoleLastUsed": None} == {**made, "RoleLastUsed": None}
    assert found["AssumeRolePolicyDocument"] == json.loads(policy())
    assert found["Tags"] == [{"Key": "k", "Value": "v"}]
    assert fault(iam.create_role, RoleName="DEPLOY", AssumeRolePolicyDocument=policy()) == (
        "EntityAlreadyExists", 409, "Role with name DEPLOY already exists.",
    )  # fmt: skip
    iam.update_role(RoleName="Deploy", MaxSessionDuration=3600)
    changed = policy(Sid="changed")
    iam.update_assume_role_policy(RoleName="Deploy", PolicyDocument=changed)
    found = iam.get_role(RoleName="Deploy")["Role"]
    assert (found["MaxSessionDuration"], found["Description"]) == (3600, "ü")
    assert found["AssumeRolePolicyDocument"] == json.loads(changed)
    inline = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
    iam.put_role_policy(RoleName="Deploy", PolicyName="p", PolicyDocument=inline)
    assert iam.list_role_policies(RoleName="Deploy")["PolicyNames"] == ["p"]
    assert iam.get_role_policy(RoleName="Deploy", PolicyName="p")["PolicyDocument"] == json.loads(inline)
    assert fault(iam.delete_role, RoleName="Deploy") == (
        "DeleteConflict", 409, "Cannot delete entity, must delete policies first.",
    )  # fmt: skip
    iam.delete_role_policy(RoleName="Deploy", PolicyName="p")
    assert fault(iam.get_role_policy, RoleName="Deploy", PolicyName="p")[0] == "NoSuchEntity"
    iam.delete_role(RoleName="Deploy")
    assert fault(iam.get_role, RoleName="Deploy") == (
        "NoSuchEntity", 404, "The role with name Deploy cannot be found.",
    )  # fmt: skip


def test_roles_are_listed_in_pages(iam: Any) -> None:
    for number in range(5):
        path = "/even/" if number % 2 == 0 else "/odd/"
        iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=policy(), Path=path)
    pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 2})
    assert [[role["RoleName"] for role in page["Roles"]] for page in pages] == [["r0", "r1"], ["r2", "r3"], ["r4"]]
    assert [role["RoleName"] for role in iam.list_roles(PathPrefix="/odd/")["Roles"]] == ["r1", "r3"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('{"Version": "2012-10-17" "Statement": []}', "This policy contains invalid Json"),
        (policy(Resource="*"), "Has prohibited field Resource"),
        (policy(Action="s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (policy(Condition={"StringEquals": {"a:b": "${team}"}}), "The local AWS cannot evaluate this policy yet: "),
    ],
)
def test_policies_that_are_not_taken(iam: Any, document: str, message: str) -> None:
    code, status, told = fault(iam.create_role, RoleName="r", AssumeRolePolicyDocument=document)
    assert (code, status) == ("MalformedPolicyDocument", 400)
    assert told.startswith(message)
    assert iam.list_roles()["Roles"] == []
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=policy())
    assert fault(iam.update_assume_role_policy, RoleName="r", PolicyDocument=document)[2] == told
    assert iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"] == json.loads(policy())


@pytest.mark.parametrize(
    "arguments",
    [
        {"RoleName": "a b"}, {"RoleName": "é"}, {"RoleName": "ab\n"}, {"RoleName": "a" * 65}, {"RoleName": ""},
        {"Path": "x/"}, {"MaxSessionDuration": 3599}, {"MaxSessionDuration": 46_800}, {"Description": "\u0100"},
    ],
)  # fmt: skip
def test_parameters_outside_the_model(iam: Any, arguments: dict[str, Any]) -> None:
    given = {"RoleName": "r", "AssumeRolePolicyDocument": policy(), **arguments}
    assert fault(iam.create_role, **given)[:2] == ("ValidationError", 400)


def test_what_is_not_there_says_so(aws: LocalAws, iam: Any) -> None:
    assert fault(iam.list_users)[:2] == ("NotImplemented", 501)
    arn = "arn:aws:iam::aws:policy/AmazonBraketFullAccess"
    with pytest.raises(ClientError, match=f"Policy {arn} was not found.") as caught:
        iam.get_policy(PolicyArn=arn)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("NoSuchEntity", 404)
    why = aws.raw("GET", answer["ResponseMetadata"]["HTTPHeaders"]["x-daypass-why"]).body.decode()
    assert "AmazonS3ReadOnlyAccess" in why


# ----------------------------------------------------------------------------------------- permissions policies


def permissions(**other: Any) -> str:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", **other}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{name: value for name, value in statement.items() if value is not None}],
        }
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "This policy contains invalid Json"),
        (permissions(Effect="allow"), "Syntax errors in policy."),
        (permissions(Principal="*"), "Policy document should not specify a principal."),
        (permissions(Resource=None), "Policy statement must contain resources."),
        (permissions(Action=None), "Policy statement must contain actions."),
        (permissions(Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (permissions(Resource="arn:aws:*:::b"), "Resource vendor must be fully qualified and cannot contain regexes."),
        (permissions(Action="GetObject"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (permissions(Condition={"StringIs": {"aws:userid": "a"}}), "Syntax errors in policy."),
        (permissions(Condition={"DateLessThan": {"aws:CurrentTime": "soon"}}), "Syntax errors in policy."),
        (permissions(Sid="a b"), "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the"),
        (permissions(Resource="arn:aws:s3:::${x}"), "The local AWS cannot evaluate this policy yet: "),
    ],
)
def test_permissions_policies_that_are_not_taken(iam: Any, document: str, message: str) -> None:
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=policy())
    code, status, told = fault(iam.put_role_policy, RoleName="r", PolicyName="p", PolicyDocument=document)
    assert (code, status) == ("MalformedPolicyDocument", 400)
    assert told.startswith(message)
    assert fault(iam.create_policy, PolicyName="p", PolicyDocument=document)[2] == told
    assert iam.list_role_policies(RoleName="r")["PolicyNames"] == []
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_the_life_of_a_managed_policy(iam: Any) -> None:
    made = iam.create_policy(PolicyName="read", Path="/ci/", PolicyDocument=permissions(), Description="d")["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/ci/read"
    assert fault(iam.create_policy, PolicyName="READ", PolicyDocument=permissions()) == (
        "EntityAlreadyExists", 409, "A policy called READ already exists. Duplicate names are not allowed.",
    )  # fmt: skip
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (found["Description"], found["AttachmentCount"], found["DefaultVersionId"]) == ("d", 0, "v1")
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
    assert document == json.loads(permissions())
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=policy())
    for _ in range(2):
        iam.attach_role_policy(RoleName="r", PolicyArn=arn)
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    assert iam.list_attached_role_policies(RoleName="r")["AttachedPolicies"] == [
        {"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        {"PolicyName": "read", "PolicyArn": arn},
    ]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    assert fault(iam.delete_policy, PolicyArn=arn)[:2] == ("DeleteConflict", 409)
    assert fault(iam.delete_role, RoleName="r") == (
        "DeleteConflict", 409, "Cannot delete entity, must detach all policies first.",
    )  # fmt: skip
    iam.detach_role_policy(RoleName="r", PolicyArn=arn)
    assert fault(iam.detach_role_policy, RoleName="r", PolicyArn=arn) == (
        "NoSuchEntity", 404, f"Policy {arn} was not found.",
    )  # fmt: skip
    iam.delete_policy(PolicyArn=arn)
    assert fault(iam.get_policy, PolicyArn=arn)[:2] == ("NoSuchEntity", 404)
    assert fault(iam.attach_role_policy, RoleName="r", PolicyArn=arn) == (
        "NoSuchEntity", 404, f"Policy {arn} does not exist or is not attachable.",
    )  # fmt: skip


def test_a_boundary_is_a_policy_that_is_there(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=permissions())["Policy"]["Arn"]
    missing = f"{arn}-not"
    told = ("NoSuchEntity", 404, f"Scope ARN: {missing} does not exist or is not attachable.")
    role = {"RoleName": "r", "AssumeRolePolicyDocument": policy()}
    assert fault(iam.create_role, **role, PermissionsBoundary=missing) == told
    iam.create_role(**role, PermissionsBoundary=arn)
    boundary = iam.get_role(RoleName="r")["Role"]["PermissionsBoundary"]
    assert boundary == {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn}
    assert fault(iam.delete_policy, PolicyArn=arn)[:2] == ("DeleteConflict", 409)
    iam.delete_role_permissions_boundary(RoleName="r")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="r")["Role"]
    assert fault(iam.put_role_permissions_boundary, RoleName="r", PermissionsBoundary=missing) == told
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)
    assert "PermissionsBoundary" in iam.get_role(RoleName="r")["Role"]


def test_an_action_that_aws_does_not_have(aws: LocalAws) -> None:
    client = aws.client("sts")
    client.meta.events.register(
        "before-call.sts", lambda params, **_: params["body"].update(Action="GetCallerIdentities")
    )
    assert fault(client.get_caller_identity) == (
        "InvalidAction", 400, "Could not find operation GetCallerIdentities for version 2011-06-15",
    )  # fmt: skip


def test_every_operation_is_in_amazons_model() -> None:
    for name in local_iam.OPERATIONS:
        operation = model.operation("iam", name)
        assert operation is not None
        shapes = [operation.input_shape] if operation.input_shape else []
        while shapes:
            shape = shapes.pop()
            shapes += getattr(shape, "members", {}).values()
            shapes += [shape.member] if shape.type_name == "list" else []
            if "pattern" in shape.metadata:
                model.pattern(shape.metadata["pattern"])


@pytest.mark.parametrize(
    ("setting", "values", "taken"),
    [
        ("anywhere", ["project_path:a/b:*", "*"], False),
        ("anywhere", ["*", "project_path:a/b:*"], False),
        ("first", ["project_path:a/b:*", "*"], True),
        ("first", ["*", "project_path:a/b:*"], False),
    ],
)
def test_where_a_star_spoils_a_shared_issuer_is_a_setting(
    aws: LocalAws, setting: str, values: list[str], *, taken: bool
) -> None:
    """`--observed shared-issuer-star=…`, over HTTP: a role is made, and updated, by the same rule."""
    aws.start(Observed.parse([f"shared-issuer-star={setting}"]))
    iam = aws.client("iam", config=NO_CHECKS)
    principal = {"Federated": f"{ARN}gitlab.com"}
    good = policy(Principal=principal, Condition={"StringLike": {"gitlab.com:sub": values[:1]}}).replace('"*"', '"a"')
    asked = policy(Principal=principal, Condition={"StringLike": {"gitlab.com:sub": values}})
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=good)
    for call, given in (
        (iam.create_role, {"RoleName": "deploy", "AssumeRolePolicyDocument": asked}),
        (iam.update_assume_role_policy, {"RoleName": "other", "PolicyDocument": asked}),
    ):
        if taken:
            call(**given)
        else:
            assert fault(call, **given)[:2] == ("MalformedPolicyDocument", 400)
