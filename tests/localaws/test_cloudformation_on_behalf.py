"""What CloudFormation does for its caller elsewhere: templates in S3, stored parameters, the role of a stack."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from support.local_aws import ACCOUNT
from support.processes import BIN, clean_environment
from support.stacks import permissions, provider, role, template

if TYPE_CHECKING:
    from pathlib import Path

    from support.local_aws import LocalAws

NAMED = ["CAPABILITY_NAMED_IAM"]
TEMPLATE = template({"Idp": provider()})
SERVICE_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def put(aws: LocalAws, key: str, text: str) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key=key, Body=text.encode())


def session(aws: LocalAws, *statements: dict[str, Any]) -> Any:
    """CloudFormation as the role `deploy`, which may use it, and what else is said."""
    aws.permit({"Effect": "Allow", "Action": "cloudformation:*", "Resource": "*"}, *statements)
    return aws.client("cloudformation", aws.assume()["Credentials"])


@pytest.mark.parametrize(
    "url",
    [
        "https://s3.us-east-1.amazonaws.com/templates/a%20b/idp.json",
        "https://s3.amazonaws.com/templates/a%20b/idp.json",
        "https://templates.s3.eu-west-1.amazonaws.com/a%20b/idp.json",
        "https://templates.s3.amazonaws.com/a%20b/idp.json",
        "{here}/templates/a%20b/idp.json",
    ],
)
def test_a_template_of_the_local_s3(aws: LocalAws, url: str) -> None:
    put(aws, "a b/idp.json", TEMPLATE)
    stacks = aws.client("cloudformation")
    stacks.create_stack(StackName="identity", TemplateURL=url.format(here=aws.url))
    assert json.dumps(stacks.get_template(StackName="identity")["TemplateBody"]) == json.dumps(json.loads(TEMPLATE))
    assert stacks.validate_template(TemplateURL=url.format(here=aws.url))["Parameters"] == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/templates/idp.json",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://s3.amazonaws.com/",
        "https://s3.amazonaws.com/templates/idp.json?versionId=1",
        "https://s3.amazonaws.com.evil.example/templates/idp.json",
        "https://[s3.amazonaws.com/templates/idp.json",
    ],
)
def test_no_other_place_is_asked(aws: LocalAws, url: str) -> None:
    """Server-side request forgery: the URL chooses where this server would connect to (CWE-918)."""
    told = refused(aws.client("cloudformation").create_stack, StackName="identity", TemplateURL=url)
    assert told == "ValidationError: TemplateURL must be a supported URL."


def test_a_template_that_is_not_there_or_not_ones_own(ready: LocalAws) -> None:
    put(ready, "idp.json", TEMPLATE)
    stacks = session(ready)
    url = "https://s3.amazonaws.com/templates/idp.json"
    assert "S3 error: Access Denied" in refused(stacks.create_stack, StackName="identity", TemplateURL=url)
    ready.permit({"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}, name="read")
    told = refused(stacks.create_stack, StackName="identity", TemplateURL=url.replace("idp", "absent"))
    assert "S3 error: The specified key does not exist." in told
    stacks.create_stack(StackName="identity", TemplateURL=url)  # read, and IAM does not let the caller make it
    assert stacks.describe_stacks(StackName="identity")["Stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE"


STORED = template(
    {"Idp": provider(ClientIdList={"Ref": "Audiences"})},
    Parameters={"Audiences": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/app/audiences"}},
)


def test_a_parameter_that_systems_manager_keeps(ready: LocalAws) -> None:
    ready.client("ssm").put_parameter(Name="/app/audiences", Value="one,two", Type="StringList")
    iam_rights = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    stacks = session(ready, iam_rights)
    told = refused(stacks.create_stack, StackName="identity", TemplateBody=STORED)
    assert told.startswith("ValidationError: User: ")
    assert "is not authorized to perform: ssm:GetParameters" in told
    ready.permit({"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "*"}, name="read")
    stacks.create_stack(StackName="identity", TemplateBody=STORED)
    found = ready.client("iam").get_open_id_connect_provider(
        OpenIDConnectProviderArn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com/t"
    )
    assert found["ClientIDList"] == ["one", "two"]
    shown = stacks.describe_stacks(StackName="identity")["Stacks"][0]["Parameters"]
    assert shown == [{"ParameterKey": "Audiences", "ParameterValue": "/app/audiences", "ResolvedValue": "one,two"}]


def service_role(aws: LocalAws, action: str = "iam:*", trust: str = SERVICE_TRUST) -> str:
    iam = aws.client("iam")
    iam.create_role(RoleName="stacks", AssumeRolePolicyDocument=trust)
    iam.put_role_policy(RoleName="stacks", PolicyName="p", PolicyDocument=json.dumps(permissions(action)))
    return aws.role_arn("stacks")


def test_the_role_of_a_stack_decides_and_stays_with_it(ready: LocalAws) -> None:
    """The caller may neither make nor delete a role; the stack's role may."""
    arn = service_role(ready)
    stacks = session(ready, {"Effect": "Allow", "Action": "iam:PassRole", "Resource": arn})
    body = template({"Idp": provider(), "Role": role(RoleName="made")})
    given = {"StackName": "identity", "TemplateBody": body, "Capabilities": NAMED}
    stacks.create_stack(**given, RoleARN=arn)
    shown = stacks.describe_stacks(StackName="identity")["Stacks"][0]
    assert (shown["StackStatus"], shown["RoleARN"]) == ("CREATE_COMPLETE", arn)
    stacks.update_stack(**{**given, "TemplateBody": body.replace("workspace:one", "workspace:two")})
    assert stacks.describe_stacks(StackName="identity")["Stacks"][0]["StackStatus"] == "UPDATE_COMPLETE"
    stacks.delete_stack(StackName="identity")
    assert [each["RoleName"] for each in ready.client("iam").list_roles()["Roles"]] == ["deploy", "stacks"]


def test_a_change_set_carries_the_role(ready: LocalAws) -> None:
    arn = service_role(ready)
    stacks = session(ready, {"Effect": "Allow", "Action": "iam:PassRole", "Resource": arn})
    named = {"StackName": "identity", "ChangeSetName": "first"}
    stacks.create_change_set(**named, ChangeSetType="CREATE", TemplateBody=TEMPLATE, RoleARN=arn)
    stacks.execute_change_set(**named)
    shown = stacks.describe_stacks(StackName="identity")["Stacks"][0]
    assert (shown["StackStatus"], shown["RoleARN"]) == ("CREATE_COMPLETE", arn)


def test_a_role_needs_to_be_passed_and_to_trust_cloudformation(ready: LocalAws) -> None:
    arn = service_role(ready)
    stacks = session(ready)
    told = refused(stacks.create_stack, StackName="identity", TemplateBody=TEMPLATE, RoleARN=arn)
    assert "is not authorized to perform: iam:PassRole on resource: " + arn in told
    ready.permit({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}, name="pass")
    for other in (ready.role_arn(), ready.role_arn("absent")):
        told = refused(stacks.create_stack, StackName="identity", TemplateBody=TEMPLATE, RoleARN=other)
        assert told == f"ValidationError: Role {other} is invalid or cannot be assumed"


def test_the_role_of_a_stack_is_no_way_around_its_limits(ready: LocalAws) -> None:
    """The caller may do everything in IAM, the role only look: the stack is taken back, and the log tells why."""
    arn = service_role(ready, "iam:Get*")
    stacks = session(ready, {"Effect": "Allow", "Action": "iam:*", "Resource": "*"})
    stacks.create_stack(StackName="identity", TemplateBody=TEMPLATE, RoleARN=arn)
    assert stacks.describe_stacks(StackName="identity")["Stacks"][0]["StackStatus"].startswith("ROLLBACK_")
    asked = ready.raw("GET", "/_daypass/why", b"", {"x-daypass-control": "1"})
    first = next(
        one for one in json.loads(asked.body)["refusals"] if one["asked"].endswith("iam:CreateOpenIDConnectProvider")
    )
    assert first["asked"] == "cloudformation > iam:CreateOpenIDConnectProvider"
    told = json.loads(ready.raw("GET", f"/_daypass/why/{first['id']}").body)
    assert "assumed-role/stacks/AWSCloudFormation is not authorized" in told["message"]
    assert told["decision"]["allowed"] is False
    assert "inline policy p" in json.dumps(told["decision"])


def test_the_aws_cli_deploys_a_large_template_through_s3(ready: LocalAws, tmp_path: Path) -> None:
    """`deploy --s3-bucket` uploads the template and names it by this server's URL."""
    ready.client("s3").create_bucket(Bucket="artifacts")
    (tmp_path / "template.json").write_text(TEMPLATE)
    keys = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        [
            *(str(BIN / "aws"), "cloudformation", "deploy", "--stack-name", "identity"),
            *("--template-file", str(tmp_path / "template.json"), "--s3-bucket", "artifacts", "--force-upload"),
        ],
        env=clean_environment(tmp_path, {**keys, "AWS_ENDPOINT_URL": ready.url}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Successfully created/updated stack - identity" in done.stdout
    assert ready.client("s3").list_objects_v2(Bucket="artifacts")["KeyCount"] == 1
