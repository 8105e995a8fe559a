"""Services behind, asked by a session over the wire: each resource by its ARN, and each refusal as boto3 sees it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from daypass.localaws.app import LocalAwsConfig, build
from support.local_aws import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.local_aws import LocalAws

USER = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/job-1"
HERE = f"us-east-1:{ACCOUNT}"


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


def not_allowed(action: str, resource: str | None, layer: str = "identity-based policy") -> str:
    on = "" if resource is None else f" on resource: {resource}"
    return f"User: {USER} is not authorized to perform: {action}{on} because no {layer} allows the {action} action"


def denied(action: str, resource: str) -> str:
    return (
        f"User: {USER} is not authorized to perform: {action} on resource: {resource}"
        " with an explicit deny in an identity-based policy"
    )


def session(aws: LocalAws, service: str, **login: Any) -> Any:
    return aws.client(service, aws.assume(**login)["Credentials"])


@dataclass(frozen=True)
class Case:
    """A resource with the tag team=shop, another one without, and the same call on each."""

    service: str
    action: str
    arn: str
    other: str
    call: Callable[[Any], object]
    call_other: Callable[[Any], object]
    code: str = "AccessDeniedException"
    status: int = 400


def parameter(aws: LocalAws) -> Case:
    ssm, name = aws.client("ssm"), f"/app/{uuid.uuid4()}"
    ssm.put_parameter(Name=name, Value="v", Type="String", Tags=[{"Key": "team", "Value": "shop"}])
    ssm.put_parameter(Name=name[1:].replace("/", "-"), Value="v", Type="String")
    arn = f"arn:aws:ssm:{HERE}:parameter"
    return Case(
        "ssm", "ssm:GetParameter", arn + name, f"{arn}/{name[1:].replace('/', '-')}",
        lambda client: client.get_parameter(Name=name)["Parameter"]["Value"],
        lambda client: client.get_parameter(Name=name[1:].replace("/", "-")),
    )  # fmt: skip


def key(aws: LocalAws) -> Case:
    kms = aws.client("kms")
    one = kms.create_key(Tags=[{"TagKey": "team", "TagValue": "shop"}])["KeyMetadata"]
    two = kms.create_key()["KeyMetadata"]
    blobs = [kms.encrypt(KeyId=each["KeyId"], Plaintext=b"x")["CiphertextBlob"] for each in (one, two)]
    return Case(
        "kms", "kms:Decrypt", one["Arn"], two["Arn"],
        lambda client: client.decrypt(CiphertextBlob=blobs[0])["Plaintext"],
        lambda client: client.decrypt(CiphertextBlob=blobs[1]),
    )  # fmt: skip


def table(aws: LocalAws) -> Case:
    names = [f"t-{uuid.uuid4()}" for _ in range(2)]
    for name, tags in zip(names, ([{"Key": "team", "Value": "shop"}], []), strict=True):
        make_table(aws, name, Tags=tags)
        aws.client("dynamodb").put_item(TableName=name, Item={"pk": {"S": "1"}})
    arns = [f"arn:aws:dynamodb:{HERE}:table/{name}" for name in names]
    return Case(
        "dynamodb", "dynamodb:GetItem", arns[0], arns[1],
        lambda client: client.get_item(TableName=names[0], Key={"pk": {"S": "1"}})["Item"],
        lambda client: client.get_item(TableName=names[1], Key={"pk": {"S": "1"}}),
    )  # fmt: skip


def make_table(aws: LocalAws, name: str, **options: Any) -> None:
    aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "other")],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-other",
                "KeySchema": [{"AttributeName": "other", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        **options,
    )


def queue(aws: LocalAws) -> Case:
    sqs, names = aws.client("sqs"), [f"q-{uuid.uuid4()}" for _ in range(2)]
    urls = [
        sqs.create_queue(QueueName=name, tags=tags)["QueueUrl"]
        for name, tags in zip(names, ({"team": "shop"}, {}), strict=True)
    ]
    arns = [f"arn:aws:sqs:{HERE}:{name}" for name in names]
    return Case(
        "sqs", "sqs:sendmessage", arns[0], arns[1],
        lambda client: client.send_message(QueueUrl=urls[0], MessageBody="x")["MessageId"],
        lambda client: client.send_message(QueueUrl=urls[1], MessageBody="x"),
        "AccessDenied", 403,
    )  # fmt: skip


SERVICES = [parameter, key, table, queue]


@pytest.mark.parametrize("made", SERVICES)
def test_a_resource_is_allowed_by_its_own_arn(ready: LocalAws, made: Callable[[LocalAws], Case]) -> None:
    case = made(ready)
    client = session(ready, case.service)
    none = (case.code, case.status, not_allowed(case.action, case.arn))
    assert refused(lambda: case.call(client)) == none
    ready.permit(allow(case.action, case.arn))
    assert case.call(client)
    assert refused(lambda: case.call_other(client)) == (
        case.code, case.status, not_allowed(case.action, case.other),
    )  # fmt: skip


@pytest.mark.parametrize("made", SERVICES)
def test_a_deny_wins(ready: LocalAws, made: Callable[[LocalAws], Case]) -> None:
    case = made(ready)
    ready.permit(allow("*"), deny(case.action, case.arn))
    client = session(ready, case.service)
    assert refused(lambda: case.call(client)) == (case.code, case.status, denied(case.action, case.arn))
    case.call_other(client)


@pytest.mark.parametrize("made", SERVICES)
def test_session_policy_and_boundary_take_away(ready: LocalAws, made: Callable[[LocalAws], Case]) -> None:
    case = made(ready)
    ready.permit(allow("*"))
    limited = session(ready, case.service, Policy=text(allow(case.action, case.other)))
    told = not_allowed(case.action, case.arn, "session policy")
    assert refused(lambda: case.call(limited)) == (case.code, case.status, told)
    case.call_other(limited)
    iam = ready.client("iam")
    boundary = iam.create_policy(PolicyName="limits", PolicyDocument=text(allow(case.action, case.other)))["Policy"]
    iam.create_role(
        RoleName="bound", AssumeRolePolicyDocument=ready.policy(), PermissionsBoundary=boundary["Arn"]
    )  # fmt: skip
    ready.permit(allow("*"), role="bound")
    client = session(ready, case.service, RoleArn=ready.role_arn("bound"))
    told = not_allowed(case.action, case.arn, "permissions boundary").replace("/deploy/", "/bound/")
    assert refused(lambda: case.call(client)) == (case.code, case.status, told)
    case.call_other(client)


@pytest.mark.parametrize("made", SERVICES)
def test_a_condition_on_the_resource_s_tag(ready: LocalAws, made: Callable[[LocalAws], Case]) -> None:
    case = made(ready)
    ready.permit(allow(case.action, Condition={"StringEquals": {"aws:ResourceTag/team": "shop"}}))
    client = session(ready, case.service)
    assert case.call(client)
    assert refused(lambda: case.call_other(client))[2] == not_allowed(case.action, case.other)


# ------------------------------------------------------------------------------------------------- parameter store


def test_several_parameters_are_each_asked_for(ready: LocalAws) -> None:
    ssm, folder = ready.client("ssm"), f"/{uuid.uuid4()}"
    for name in ("a", "b"):
        ssm.put_parameter(Name=f"{folder}/{name}", Value=name, Type="String")
    arn = f"arn:aws:ssm:{HERE}:parameter{folder}"
    ready.permit(allow(["ssm:GetParameter*"], f"{arn}/a"), allow("ssm:GetParametersByPath", arn))
    client = session(ready, "ssm")
    assert client.get_parameters(Names=[f"{folder}/a"])["Parameters"]
    both = refused(lambda: client.get_parameters(Names=[f"{folder}/a", f"{folder}/b"]))
    assert both[2] == not_allowed("ssm:GetParameters", f"{arn}/b")
    assert client.get_parameter(Name=f"{arn}/a")["Parameter"]["Value"] == "a"
    assert client.get_parameter(Name=f"{folder}/a:1")["Parameter"]["Value"] == "a"
    assert len(client.get_parameters_by_path(Path=folder)["Parameters"]) == 2
    slash = refused(lambda: client.get_parameters_by_path(Path=f"{folder}/"))
    assert slash[2] == not_allowed("ssm:GetParametersByPath", f"{arn}/")
    assert refused(client.describe_parameters)[2] == not_allowed("ssm:DescribeParameters", f"arn:aws:ssm:{HERE}:*")


def test_a_tag_on_a_new_parameter_is_a_permission_of_its_own(ready: LocalAws) -> None:
    name = f"/new/{uuid.uuid4()}"
    arn = f"arn:aws:ssm:{HERE}:parameter{name}"
    given = {"Name": name, "Value": "v", "Type": "String", "Tags": [{"Key": "team", "Value": "shop"}]}
    ready.permit(allow("ssm:PutParameter", arn))
    client = session(ready, "ssm")
    assert refused(lambda: client.put_parameter(**given))[2] == not_allowed("ssm:AddTagsToResource", arn)
    tagged = {"StringEquals": {"aws:RequestTag/team": "shop"}}
    ready.permit(allow(["ssm:PutParameter", "ssm:AddTagsToResource"], arn, Condition=tagged))
    assert client.put_parameter(**given)["Version"] == 1


# ------------------------------------------------------------------------------------------------------------- kms


def test_every_name_of_a_key_is_its_arn(ready: LocalAws) -> None:
    kms, alias = ready.client("kms"), f"alias/{uuid.uuid4()}"
    made = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
    alias_arn = f"arn:aws:kms:{HERE}:{alias}"
    ready.permit(allow("kms:Encrypt", alias_arn))
    client = session(ready, "kms")
    for name in (made["KeyId"], made["Arn"], alias, alias_arn):
        told = refused(partial(client.encrypt, KeyId=name, Plaintext=b"x"))
        assert told == ("AccessDeniedException", 400, not_allowed("kms:Encrypt", made["Arn"]))
    ready.permit(allow("kms:Encrypt", Condition={"StringEquals": {"kms:RequestAlias": alias}}))
    assert client.encrypt(KeyId=alias, Plaintext=b"x")["KeyId"] == made["Arn"]
    assert refused(lambda: client.encrypt(KeyId=made["KeyId"], Plaintext=b"x"))[0] == "AccessDeniedException"
    ready.permit(allow("kms:Encrypt", Condition={"ForAnyValue:StringEquals": {"kms:ResourceAliases": alias}}))
    assert client.encrypt(KeyId=made["KeyId"], Plaintext=b"x")["KeyId"] == made["Arn"]
    elsewhere = made["Arn"].replace("us-east-1", "eu-west-1")
    assert refused(lambda: client.encrypt(KeyId=elsewhere, Plaintext=b"x"))[0] == "AccessDeniedException"


def test_the_encryption_context_is_in_the_context(ready: LocalAws) -> None:
    made = ready.client("kms").create_key()["KeyMetadata"]
    wanted = {"StringEquals": {"kms:EncryptionContext:app": "shop"}}
    ready.permit(allow(["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"], made["Arn"], Condition=wanted))
    client = session(ready, "kms")
    blob = client.encrypt(KeyId=made["KeyId"], Plaintext=b"x", EncryptionContext={"app": "shop"})["CiphertextBlob"]
    assert client.decrypt(CiphertextBlob=blob, EncryptionContext={"app": "shop"})["Plaintext"] == b"x"
    assert refused(lambda: client.decrypt(CiphertextBlob=blob))[2] == not_allowed("kms:Decrypt", made["Arn"])
    call = {"KeyId": made["KeyId"], "KeySpec": "AES_256"}
    assert client.generate_data_key(**call, EncryptionContext={"app": "shop"})["Plaintext"]
    assert (
        refused(lambda: client.generate_data_key(**call, EncryptionContext={"app": "x"}))[0] == "AccessDeniedException"
    )


def test_encrypting_anew_is_two_permissions(ready: LocalAws) -> None:
    kms = ready.client("kms")
    one, two = (kms.create_key()["KeyMetadata"] for _ in range(2))
    blob = kms.encrypt(KeyId=one["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    ready.permit(allow("kms:ReEncryptFrom", one["Arn"]))
    client = session(ready, "kms")
    call = {"CiphertextBlob": blob, "DestinationKeyId": two["KeyId"]}
    assert refused(lambda: client.re_encrypt(**call))[2] == not_allowed("kms:ReEncryptTo", two["Arn"])
    ready.permit(allow("kms:ReEncryptTo", two["Arn"]), name="to")
    assert client.re_encrypt(**call)["KeyId"] == two["Arn"]


def test_signing_and_making_keys(ready: LocalAws) -> None:
    made = ready.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    ready.permit(allow(["kms:Sign", "kms:Verify", "kms:GetPublicKey"], made["Arn"]))
    client = session(ready, "kms")
    given = {"KeyId": made["KeyId"], "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = client.sign(**given)["Signature"]
    assert client.verify(**given, Signature=signature)["SignatureValid"]
    assert client.get_public_key(KeyId=made["KeyId"])["PublicKey"]
    assert refused(client.create_key)[2] == not_allowed("kms:CreateKey", "*")
    told = refused(lambda: client.schedule_key_deletion(KeyId=made["KeyId"]))
    assert told[2] == not_allowed("kms:ScheduleKeyDeletion", made["Arn"])


# -------------------------------------------------------------------------------------------------------- dynamodb


def test_indexes_batches_transactions_and_statements(ready: LocalAws) -> None:
    one, two = (f"t-{uuid.uuid4()}" for _ in range(2))
    for name in (one, two):
        make_table(ready, name)
    arn, other = (f"arn:aws:dynamodb:{HERE}:table/{name}" for name in (one, two))
    ready.permit(allow("dynamodb:*", arn))
    client = session(ready, "dynamodb")
    item = {"pk": {"S": "1"}, "other": {"S": "2"}}
    client.put_item(TableName=one, Item=item)
    by_index = {
        "IndexName": "by-other",
        "KeyConditionExpression": "other = :v",
        "ExpressionAttributeValues": {":v": {"S": "2"}},
    }
    told = refused(lambda: client.query(TableName=one, **by_index))
    assert told == ("AccessDeniedException", 400, not_allowed("dynamodb:Query", f"{arn}/index/by-other"))
    keys = {"Keys": [{"pk": {"S": "1"}}]}
    assert client.batch_get_item(RequestItems={one: keys})["Responses"][one]
    told = refused(lambda: client.batch_get_item(RequestItems={one: keys, two: keys}))
    assert told[2] == not_allowed("dynamodb:BatchGetItem", other)
    put = {"Put": {"TableName": two, "Item": item}}
    told = refused(lambda: client.transact_write_items(TransactItems=[put]))
    assert told[2] == not_allowed("dynamodb:PutItem", other)
    assert client.execute_statement(Statement=f'SELECT * FROM "{one}"')["Items"]
    told = refused(lambda: client.execute_statement(Statement=f'SELECT * FROM "{two}"'))
    assert told[2] == not_allowed("dynamodb:PartiQLSelect", other)
    twisted = f'SELECT * FROM "{one}" WHERE pk = \' FROM "{two}"\''
    assert refused(lambda: client.execute_statement(Statement=twisted))[0] == "AccessDeniedException"
    ready.permit(allow("dynamodb:Query", f"{arn}/index/*"), name="index")
    assert client.query(TableName=one, **by_index)["Items"] == [item]


def test_a_tenant_reads_its_own_items(ready: LocalAws) -> None:
    name = f"t-{uuid.uuid4()}"
    make_table(ready, name)
    arn = f"arn:aws:dynamodb:{HERE}:table/{name}"
    mine = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["mine"]}}
    ready.permit(allow("dynamodb:*", arn, Condition=mine))
    client = session(ready, "dynamodb")
    client.put_item(TableName=name, Item={"pk": {"S": "mine"}})
    assert refused(lambda: client.put_item(TableName=name, Item={"pk": {"S": "theirs"}}))[2] == not_allowed(
        "dynamodb:PutItem", arn
    )
    query = {"TableName": name, "KeyConditionExpression": "#k = :v", "ExpressionAttributeNames": {"#k": "pk"}}
    assert client.query(**query, ExpressionAttributeValues={":v": {"S": "mine"}})["Items"]
    assert refused(lambda: client.query(**query, ExpressionAttributeValues={":v": {"S": "theirs"}}))[2] == not_allowed(
        "dynamodb:Query", arn
    )
    # What cannot be told is not taken for absent: ForAllValues would hold.
    assert refused(lambda: client.scan(TableName=name))[2] == not_allowed("dynamodb:Scan", arn)
    ready.permit(
        allow("dynamodb:GetItem", arn, Condition={"ForAllValues:StringEquals": {"dynamodb:Attributes": ["a"]}})
    )
    asked = refused(lambda: client.get_item(TableName=name, Key={"pk": {"S": "mine"}}))
    assert asked[0] == "AccessDeniedException"


# ------------------------------------------------------------------------------------------------------------- sqs


def test_a_batch_of_messages_is_what_one_is(ready: LocalAws) -> None:
    name = f"q-{uuid.uuid4()}"
    url = ready.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{HERE}:{name}"
    client = session(ready, "sqs")
    batch = {"QueueUrl": url, "Entries": [{"Id": "1", "MessageBody": "x"}]}
    assert refused(lambda: client.send_message_batch(**batch))[2] == not_allowed("sqs:sendmessage", arn)
    ready.permit(allow("sqs:SendMessage", arn))
    assert client.send_message_batch(**batch)["Successful"]
    assert refused(client.list_queues)[2] == not_allowed("sqs:listqueues", f"arn:aws:sqs:{HERE}:")
    ready.permit(allow("sqs:*"))
    elsewhere = url.replace(ACCOUNT, "444455556666")
    assert refused(lambda: client.send_message(QueueUrl=elsewhere, MessageBody="x"))[0] == "AccessDenied"


# ------------------------------------------------------------------------------------------------ resource policies


def test_a_policy_of_a_resource_is_not_taken_and_forgotten(ready: LocalAws) -> None:
    name = f"b-{uuid.uuid4()}"
    s3, kms, sqs = (ready.client(one) for one in ("s3", "kms", "sqs"))
    s3.create_bucket(Bucket=name)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=text(statement))
    for call in (
        lambda: s3.put_bucket_policy(Bucket=name, Policy=text({**statement, "Effect": "Deny"})),
        lambda: kms.create_key(Policy=text({**statement, "Action": "kms:*", "Resource": "*"})),
        lambda: sqs.create_queue(QueueName=name, Attributes={"Policy": text({**statement, "Effect": "Deny"})}),
        lambda: ready.client("sns").create_topic(
            Name="t", Attributes={"Policy": text({**statement, "Effect": "Deny"})}
        ),
        lambda: ready.client("logs").put_resource_policy(
            policyName="p", policyDocument=text({**statement, "Effect": "Deny"})
        ),
    ):
        code, status, message = refused(call)
        assert (code.removesuffix("Exception"), status) == ("NotImplemented", 501)
        assert "does not evaluate policies of resources" in message
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    default = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    assert kms.create_key(Policy=text(default))["KeyMetadata"]["Enabled"]


# -------------------------------------------------------------------------------------------------- other services

OTHERS: list[tuple[str, str, dict[str, Any], str, str, int]] = [
    ("sns", "list_topics", {}, "sns:ListTopics", "AccessDenied", 403),
    ("logs", "describe_log_groups", {}, "logs:DescribeLogGroups", "AccessDeniedException", 400),
    ("ecr", "describe_repositories", {}, "ecr:DescribeRepositories", "AccessDeniedException", 400),
    ("events", "list_rules", {}, "events:ListRules", "AccessDeniedException", 400),
    ("stepfunctions", "list_state_machines", {}, "states:ListStateMachines", "AccessDeniedException", 400),
    ("lambda", "list_functions", {}, "lambda:ListFunctions", "AccessDeniedException", 403),
    ("cloudwatch", "list_metrics", {}, "cloudwatch:ListMetrics", "AccessDenied", 403),
    ("route53", "list_hosted_zones", {}, "route53:ListHostedZones", "AccessDenied", 403),
]


@pytest.mark.parametrize(("service", "call", "given", "action", "code", "status"), OTHERS, ids=str)
def test_of_any_other_service_only_statements_on_all_resources_count(
    ready: LocalAws, service: str, call: str, given: dict[str, Any], action: str, code: str, status: int
) -> None:
    client = session(ready, service)
    ask = getattr(client, call)
    assert refused(partial(ask, **given)) == (code, status, not_allowed(action, "*"))
    prefix = action.partition(":")[0]
    ready.permit(allow(action, f"arn:aws:{prefix}:us-east-1:{ACCOUNT}:*"))
    assert refused(partial(ask, **given))[0] == code
    ready.permit(allow(action))
    assert ask(**given)["ResponseMetadata"]["HTTPStatusCode"] == 200
    # The service's own keys are not known, so a Deny on one cannot be told not to hold.
    ready.permit(deny(action, Condition={"StringEquals": {f"{prefix}:Something": "x"}}), name="conditional")
    assert refused(partial(ask, **given))[0] == code


def test_ec2_says_it_in_its_own_way(ready: LocalAws) -> None:
    client = session(ready, "ec2")
    told = not_allowed("ec2:DescribeVpcs", None)
    assert refused(client.describe_vpcs) == (
        "UnauthorizedOperation", 403, f"You are not authorized to perform this operation. {told}",
    )  # fmt: skip
    ready.permit(allow("ec2:DescribeVpcs"))
    assert client.describe_vpcs()["Vpcs"]
    ready.clock.ahead = ready.clock.ahead.__class__(hours=2)
    assert refused(client.describe_vpcs)[:2] == ("RequestExpired", 400)


def test_the_log_says_that_resources_are_not_known(
    ready: LocalAws, ca_file: Path, stage: tuple[Any, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    front = build(LocalAwsConfig(trust=(ca_file,), log=lines.append), ready.clock)
    monkeypatch.setattr(stage[0], "app", front)
    ready.prepare()
    ready.permit(allow("sns:ListTopics"))
    client = session(ready, "sns")
    try:
        for _ in range(2):
            client.list_topics()
    finally:
        front.instance.close()  # or the next test's local AWS would find the services taken
    assert lines == [
        "sns:ListTopics: the resources of sns are not known here, so only statements on all resources count"
    ]


# ---------------------------------------------------------------------------------------------------- the context


@pytest.mark.parametrize("made", SERVICES)
def test_the_context_is_the_same_for_every_service(ready: LocalAws, made: Callable[[LocalAws], Case]) -> None:
    """One condition for each key: all of them hold, and with any of them turned around none of it does."""
    case = made(ready)
    now = ready.clock.stop()
    answer = ready.assume()
    client = ready.client(case.service, answer["Credentials"])
    prefix = ready.issuer.url.removeprefix("https://")
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    expected = {
        "aws:PrincipalArn": ready.role_arn(),
        "aws:userid": answer["AssumedRoleUser"]["AssumedRoleId"],
        "aws:PrincipalAccount": ACCOUNT,
        "aws:PrincipalType": "AssumedRole",
        "aws:ResourceAccount": ACCOUNT,
        "aws:SourceIp": "127.0.0.1",
        "aws:CurrentTime": stamp,
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:RequestedRegion": "us-east-1",
        "aws:SecureTransport": "false",
        "aws:ViaAWSService": "false",
        "aws:FederatedProvider": ready.provider_arn,
        "aws:TokenIssueTime": stamp,
        "aws:ResourceTag/team": "shop",
        f"{prefix}:sub": "workspace:one",
        f"{prefix}:aud": "sts.amazonaws.com",
    }
    absent = dict.fromkeys(("aws:CalledVia", "aws:CalledViaFirst", "aws:username", "aws:SourceVpc"), "true")
    ready.permit(allow(case.action, Condition={"StringEquals": expected, "Null": absent}))
    assert case.call(client)
    for name, value in expected.items():
        turned = {"StringEquals": expected, "StringNotEquals": {name: value}}
        ready.permit(allow(case.action, Condition=turned))
        assert refused(partial(case.call, client))[0] == case.code, name
