"""Requests that once got more than AWS would give: each by a session that may do a little less than it needs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from support.local_aws import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.local_aws import LocalAws

ALL: dict[str, Any] = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def allow(action: Any, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def session(aws: LocalAws, service: str) -> Any:
    return aws.client(service, aws.assume()["Credentials"])


def refused(call: Callable[..., Any], **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    assert caught.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}
    return str(caught.value.response["Error"]["Message"])


def test_a_parameter_that_refers_to_a_secret_needs_the_right_to_the_secret(ready: LocalAws) -> None:
    ready.client("secretsmanager").create_secret(Name="one", SecretString="top")
    ready.permit(allow("ssm:*"))
    name = "/aws/reference/secretsmanager/one"
    ssm = session(ready, "ssm")
    assert "secretsmanager:GetSecretValue" in refused(ssm.get_parameter, Name=name, WithDecryption=True)
    assert "secretsmanager:GetSecretValue" in refused(ssm.get_parameters, Names=[name], WithDecryption=True)
    ready.permit(allow(["ssm:*", "secretsmanager:GetSecretValue"]))
    assert ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == "top"


@pytest.mark.parametrize("made", ["/one", "one", "/one/two"])
def test_a_deny_by_tag_holds_however_a_parameter_is_written(ready: LocalAws, made: str) -> None:
    ready.client("ssm").put_parameter(Name=made, Value="x", Type="String", Tags=[{"Key": "closed", "Value": "yes"}])
    closed = {"StringEquals": {"aws:ResourceTag/closed": "yes"}}
    ready.permit(ALL, {**ALL, "Effect": "Deny", "Condition": closed})
    asked = [made] if made.count("/") > 1 else ["one", "/one"]
    for name in asked:
        refused(session(ready, "ssm").get_parameter, Name=name)


def test_a_change_set_is_its_own_stack_s_whatever_stack_is_named(ready: LocalAws) -> None:
    admin = ready.client("cloudformation")
    document = {"Version": "2012-10-17", "Statement": [ALL]}
    resource = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    made = {
        name: admin.create_change_set(
            StackName=name,
            ChangeSetName="first",
            ChangeSetType="CREATE",
            TemplateBody=json.dumps({"Resources": {"R": resource}}),
            Capabilities=["CAPABILITY_IAM"],
        )
        for name in ("mine", "theirs")
    }
    ready.permit(allow("cloudformation:*", made["mine"]["StackId"]), allow("iam:*"))
    cloudformation = session(ready, "cloudformation")
    for call in ("describe_change_set", "get_template", "delete_change_set", "execute_change_set"):
        told = refused(getattr(cloudformation, call), StackName="mine", ChangeSetName=made["theirs"]["Id"])
        assert made["theirs"]["StackId"] in told
    cloudformation.execute_change_set(StackName="mine", ChangeSetName=made["mine"]["Id"])

    def with_change_set(params: Any, **_: object) -> None:
        params["body"]["ChangeSetName"] = made["mine"]["Id"]

    cloudformation.meta.events.register("before-call.cloudformation.DescribeStacks", with_change_set)
    refused(cloudformation.describe_stacks)


@pytest.mark.parametrize(
    ("given", "besides"),
    [
        ({"ACL": "public-read"}, "s3:PutBucketAcl"),
        ({"GrantRead": 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'}, "s3:PutBucketAcl"),
        ({"ObjectLockEnabledForBucket": True}, "s3:PutBucketObjectLockConfiguration"),
        ({"ObjectOwnership": "ObjectWriter"}, "s3:PutBucketOwnershipControls"),
    ],
)
def test_a_bucket_with_more_than_a_name_needs_more(ready: LocalAws, given: dict[str, Any], besides: str) -> None:
    ready.permit(allow("s3:CreateBucket"))
    s3 = session(ready, "s3")
    assert besides in refused(s3.create_bucket, Bucket="one-bucket", **given)
    s3.create_bucket(Bucket="one-bucket", ACL="private")
    ready.permit(allow(["s3:CreateBucket", "s3:PutBucket*"]))
    s3.create_bucket(Bucket="two-bucket", **given)


def test_attributes_of_an_object_need_the_object(ready: LocalAws) -> None:
    s3 = ready.client("s3")
    s3.create_bucket(Bucket="one-bucket")
    s3.put_object(Bucket="one-bucket", Key="k", Body=b"x")
    asked = {"Bucket": "one-bucket", "Key": "k", "ObjectAttributes": ["ETag"]}
    ready.permit(allow("s3:GetObjectAttributes"))
    assert "s3:GetObject " in refused(session(ready, "s3").get_object_attributes, **asked)
    ready.permit(allow(["s3:GetObjectAttributes", "s3:GetObject"]))
    assert session(ready, "s3").get_object_attributes(**asked)["ETag"]


def test_a_secret_with_tags_needs_the_right_to_tag(ready: LocalAws) -> None:
    ready.permit(allow("secretsmanager:CreateSecret"))
    secrets = session(ready, "secretsmanager")
    tags = [{"Key": "a", "Value": "b"}]
    assert "secretsmanager:TagResource" in refused(secrets.create_secret, Name="one", SecretString="x", Tags=tags)
    secrets.create_secret(Name="one", SecretString="x")


def test_a_deny_on_one_resource_is_not_slipped_where_resources_are_not_known(ready: LocalAws) -> None:
    topic = ready.client("sns").create_topic(Name="production")["TopicArn"]
    ready.permit(allow("sns:*"), {"Effect": "Deny", "Action": "sns:*", "Resource": topic})
    refused(session(ready, "sns").delete_topic, TopicArn=topic)
    ready.permit(allow("sns:*"), {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:sns:*:*:mine"})
    refused(session(ready, "sns").delete_topic, TopicArn=topic)
    ready.permit(allow("sns:*"), {"Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::production"})
    session(ready, "sns").delete_topic(TopicArn=topic)


def test_a_role_made_again_under_the_name_is_not_trusted(ready: LocalAws) -> None:
    iam, ours = ready.client("iam"), ready.role_arn("ours")

    def trusting(*arns: str) -> str:
        statement = {"Effect": "Allow", "Principal": {"AWS": list(arns)}, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": statement})

    root = f"arn:aws:iam::{ours.split(':')[4]}:root"
    iam.create_role(RoleName="ours", AssumeRolePolicyDocument=trusting(root))
    iam.create_role(RoleName="safe", AssumeRolePolicyDocument=trusting(ours))

    def assumed() -> Any:
        given = ready.client("sts").assume_role(RoleArn=ours, RoleSessionName="job-1")["Credentials"]
        return ready.client("sts", given)

    assert assumed().assume_role(RoleArn=ready.role_arn("safe"), RoleSessionName="job-2")
    was = iam.get_role(RoleName="ours")["Role"]["RoleId"]
    iam.delete_role(RoleName="ours")
    iam.create_role(RoleName="ours", AssumeRolePolicyDocument=trusting(root))
    refused(assumed().assume_role, RoleArn=ready.role_arn("safe"), RoleSessionName="job-2")
    kept = iam.get_role(RoleName="safe")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert kept["Principal"] == {"AWS": was}


@pytest.mark.parametrize("service", ["secretsmanager", "ssm", "sqs", "sns", "sts", "cloudformation"])
def test_a_region_that_aws_does_not_have_is_refused(ready: LocalAws, service: str) -> None:
    call = {
        "secretsmanager": "list_secrets",
        "ssm": "describe_parameters",
        "sqs": "list_queues",
        "sns": "list_topics",
        "sts": "get_caller_identity",
        "cloudformation": "list_stacks",
    }[service]
    with pytest.raises(ClientError) as caught:
        getattr(ready.client(service, region_name="us-north-9"), call)()
    assert "valid Region, not 'us-north-9'" in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("service", "target", "body", "code"),
    [
        ("kms", "TrentService.CreateKey", {"Tags": [{"TagKey": ["a"], "TagValue": "b"}]}, "SerializationException"),
        ("secretsmanager", "secretsmanager.GetSecretValue", {}, "ValidationException"),
        ("secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": None}, "ValidationException"),
        ("ssm", "AmazonSSM.AddTagsToResource", {"Tags": {"a": 1}}, "SerializationException"),
        (
            "dynamodb",
            "DynamoDB_20120810.PutItem",
            {"TableName": "t", "Item": {"a": {"S": 5}}},
            "SerializationException",
        ),
        ("dynamodb", "DynamoDB_20120810.BatchGetItem", {"RequestItems": {"t": 5}}, "SerializationException"),
        ("sqs", "AmazonSQS.SendMessage", {"QueueUrl": "q", "MessageBody": 5}, "SerializationException"),
        ("sqs", "AmazonSQS.SendMessage", {"QueueUrl": "q", "MessageBody": True}, "SerializationException"),
    ],
)
@pytest.mark.parametrize("administrator", [True, False])
def test_members_of_another_type_are_no_fault_inside(
    ready: LocalAws, service: str, target: str, body: Any, code: str, *, administrator: bool
) -> None:
    ready.permit(ALL)
    given = {"AccessKeyId": ACCOUNT, "SecretAccessKey": "test"} if administrator else ready.assume()["Credentials"]
    keys = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given.get("SessionToken"))
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    asked = AWSRequest("POST", f"{ready.url}/", headers, json.dumps(body).encode())
    SigV4Auth(keys, service, "us-east-1").add_auth(asked)
    answer = ready.raw("POST", "/", asked.data, dict(asked.headers))
    assert answer.status == 400
    assert code in json.loads(answer.body)["__type"]


def test_governance_is_not_bypassed_with_the_right_to_retain(ready: LocalAws) -> None:
    s3 = ready.client("s3")
    s3.create_bucket(Bucket="one-bucket", ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="one-bucket", Key="k", Body=b"x")
    ready.permit(allow("s3:PutObjectRetention"))
    retention = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime(2030, 1, 1, tzinfo=UTC)}
    asked = {"Bucket": "one-bucket", "Key": "k", "Retention": retention}
    session(ready, "s3").put_object_retention(**asked)
    told = refused(session(ready, "s3").put_object_retention, **asked, BypassGovernanceRetention=True)
    assert "s3:BypassGovernanceRetention" in told
