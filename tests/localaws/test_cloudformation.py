"""Stacks by unmodified boto3: their life, what they do in IAM, and what is said when they fail."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from daypass.localaws import cloudformation, model
from support.local_aws import ACCOUNT
from support.stacks import THUMBPRINT, identity, in_iam, permissions, provider, role, template, trust

if TYPE_CHECKING:
    from support.local_aws import LocalAws

REGION = "eu-west-1"
NO_CHECKS = Config(parameter_validation=False, retries={"max_attempts": 0})
NAMED = ["CAPABILITY_NAMED_IAM"]


@pytest.fixture
def stacks(aws: LocalAws) -> Any:
    return aws.client("cloudformation", region_name=REGION, config=NO_CHECKS)


def fault(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def create(stacks: Any, resources: dict[str, Any], *, name: str = "s", **more: Any) -> Any:
    """Make a stack; what it then is."""
    sections = {key: more.pop(key) for key in list(more) if key in {"Outputs", "Parameters", "Conditions", "Mappings"}}
    text = template(resources, **sections)
    stacks.create_stack(StackName=name, TemplateBody=text, Capabilities=NAMED, **more)
    return stacks.describe_stacks(StackName=name)["Stacks"][0]


def update(stacks: Any, resources: dict[str, Any], *, name: str = "s", **more: Any) -> Any:
    sections = {key: more.pop(key) for key in list(more) if key in {"Outputs", "Parameters"}}
    text = template(resources, **sections)
    stacks.update_stack(StackName=name, TemplateBody=text, Capabilities=NAMED, **more)
    return stacks.describe_stacks(StackName=name)["Stacks"][0]


def events(stacks: Any, name: str = "s") -> list[tuple[str, str, str]]:
    """Logical id, status and reason of each event, oldest first."""
    found = stacks.describe_stack_events(StackName=name)["StackEvents"]
    return [
        (each["LogicalResourceId"], each["ResourceStatus"], each.get("ResourceStatusReason", ""))
        for each in reversed(found)
    ]


# --------------------------------------------------------------------------------------------------- a stack's life


def test_the_life_of_a_stack(aws: LocalAws, stacks: Any) -> None:
    before = in_iam(aws)
    stack = create(
        stacks,
        {
            "Role": role(RoleName="deploy", ManagedPolicyArns=[{"Ref": "Managed"}]),
            "Idp": provider(),
            "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": permissions()}},
            "Inline": {
                "Type": "AWS::IAM::Policy",
                "Properties": {"PolicyName": "own", "PolicyDocument": permissions(), "Roles": [{"Ref": "Role"}]},
            },
            "One": {
                "Type": "AWS::IAM::RolePolicy",
                "Properties": {"PolicyName": "one", "PolicyDocument": permissions(), "RoleName": {"Ref": "Role"}},
            },
            "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:H4"}},
        },
        Outputs={
            "RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}, "Export": {"Name": "role-arn"}},
            "Idp": {"Value": {"Fn::GetAtt": "Idp.Arn"}},
        },
        Tags=[{"Key": "team", "Value": "ci"}],
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    stacks.get_waiter("stack_create_complete").wait(StackName="s")
    arn = f"arn:aws:iam::{ACCOUNT}"
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs == {"RoleArn": f"{arn}:role/deploy", "Idp": f"{arn}:oidc-provider/idp.example.com/t"}
    assert stacks.list_exports()["Exports"][0]["Value"] == f"{arn}:role/deploy"
    made = in_iam(aws)
    deployed = made["roles"]["deploy"]
    assert deployed["AssumeRolePolicyDocument"] == trust(provider=f"{arn}:oidc-provider/idp.example.com/t")
    assert deployed["Tags"] == [{"Key": "team", "Value": "ci"}]
    assert deployed["inline"].keys() == {"own", "one"}
    (managed,) = made["policies"]
    assert re.fullmatch(rf"{arn}:policy/s-Managed-[A-Za-z0-9]{{12}}", managed)
    assert [each["PolicyArn"] for each in deployed["attached"]] == [managed]
    resources = stacks.list_stack_resources(StackName="s")["StackResourceSummaries"]
    assert {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}["Role"] == "deploy"
    assert {each["ResourceStatus"] for each in resources} == {"CREATE_COMPLETE"}
    stacks.delete_stack(StackName="s")
    stacks.get_waiter("stack_delete_complete").wait(StackName=stack["StackId"])
    assert in_iam(aws) == before
    assert fault(stacks.describe_stacks, StackName="s") == ("ValidationError", "Stack with id s does not exist")
    gone = stacks.describe_stacks(StackName=stack["StackId"])["Stacks"][0]
    assert (gone["StackStatus"], "DeletionTime" in gone) == ("DELETE_COMPLETE", True)
    assert fault(stacks.update_stack, StackName="s", TemplateBody="{}")[1] == "Stack [s] does not exist"
    stacks.delete_stack(StackName="s")


def test_a_trust_policy_that_is_updated_is_the_one_that_counts(aws: LocalAws, stacks: Any) -> None:
    host = aws.issuer.url.removeprefix("https://")

    def with_subject(subject: str) -> dict[str, Any]:
        document = trust(subject, host=host)
        return {"Idp": provider(aws.issuer.url), "Role": role(RoleName="deploy", AssumeRolePolicyDocument=document)}

    create(stacks, with_subject("workspace:one"))
    assert aws.assume()["AssumedRoleUser"]["Arn"].endswith("assumed-role/deploy/job-1")
    text = template(with_subject("workspace:one"))
    again = fault(stacks.update_stack, StackName="s", TemplateBody=text, Capabilities=NAMED)
    assert again == ("ValidationError", "No updates are to be performed.")
    stack = update(stacks, with_subject("workspace:two"))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert fault(aws.assume)[0] == "AccessDenied"
    assert aws.assume(WebIdentityToken=aws.token(sub="workspace:two"))


def test_what_cannot_be_changed_is_replaced(aws: LocalAws, stacks: Any) -> None:
    create(stacks, identity(RoleName="old", Path="/a/"), Outputs={"Arn": {"Value": {"Fn::GetAtt": "Role.Arn"}}})
    stack = update(stacks, identity(RoleName="new", Path="/a/"), Outputs={"Arn": {"Value": {"Fn::GetAtt": "Role.Arn"}}})
    assert in_iam(aws)["roles"].keys() == {"new"}
    assert stack["Outputs"][0]["OutputValue"] == f"arn:aws:iam::{ACCOUNT}:role/a/new"
    told = [line[1:] for line in events(stacks) if line[0] == "Role"][2:]
    assert told == [
        (
            "UPDATE_IN_PROGRESS",
            "Requested update requires the creation of a new physical resource; hence creating one.",
        ),
        ("UPDATE_COMPLETE", ""),
        ("DELETE_IN_PROGRESS", ""),
        ("DELETE_COMPLETE", ""),
    ]


def test_a_named_resource_is_not_replaced_by_one_of_the_same_name(aws: LocalAws, stacks: Any) -> None:
    create(stacks, identity(RoleName="r", Path="/a/"))
    stack = update(stacks, identity(RoleName="r", Path="/b/"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert in_iam(aws)["roles"]["r"]["Path"] == "/a/"
    reason = next(reason for name, status, reason in events(stacks) if (name, status) == ("Role", "UPDATE_FAILED"))
    assert reason == (
        "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename r and update the"
        " stack again."
    )


def test_a_role_follows_a_provider_that_is_replaced(aws: LocalAws, stacks: Any) -> None:
    create(stacks, identity(RoleName="r"))
    update(stacks, {**identity(RoleName="r"), "Idp": provider("https://other.example.com")})
    made = in_iam(aws)
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/other.example.com"
    assert made["providers"].keys() == {arn}
    assert made["roles"]["r"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Federated": arn}


def test_resources_that_are_taken_out_go_unless_they_are_to_stay(aws: LocalAws, stacks: Any) -> None:
    kept = {**role(RoleName="kept"), "DeletionPolicy": "Retain"}
    create(stacks, {**identity(RoleName="r"), "Kept": kept, "Gone": role(RoleName="gone")})
    update(stacks, identity(RoleName="r"))
    assert in_iam(aws)["roles"].keys() == {"r", "kept"}
    assert ("Kept", "DELETE_SKIPPED", "") in events(stacks)
    listed = stacks.describe_stack_resources(StackName="s")["StackResources"]
    assert {each["LogicalResourceId"] for each in listed} == {"Idp", "Role"}


# -------------------------------------------------------------------------------------------------------- failures


def test_a_stack_that_fails_leaves_nothing_and_tells_iams_reason(aws: LocalAws, stacks: Any) -> None:
    document = trust()
    document["Statement"][0]["Resource"] = "*"
    stack = create(stacks, identity(RoleName="r", AssumeRolePolicyDocument=document))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert in_iam(aws) == {"roles": {}, "providers": {}, "policies": {}}
    told = events(stacks)
    reason = next(reason for name, status, reason in told if (name, status) == ("Role", "CREATE_FAILED"))
    assert re.fullmatch(
        r'Resource handler returned message: "Has prohibited field Resource \(Service: Iam, Status Code: 400, Request'
        r' ID: [0-9a-f-]{36}\)" \(RequestToken: [0-9a-f-]{36}, HandlerErrorCode: InvalidRequest\)',
        reason,
    )
    failed = "The following resource(s) failed to create: [Role]. Rollback requested by user."
    assert ("s", "ROLLBACK_IN_PROGRESS", failed) in told
    assert ("Idp", "DELETE_COMPLETE", "") in told
    assert fault(stacks.update_stack, StackName="s", TemplateBody=template(identity()), Capabilities=NAMED) == (
        "ValidationError",
        f"Stack:{stack['StackId']} is in ROLLBACK_COMPLETE state and can not be updated.",
    )
    stacks.delete_stack(StackName="s")


@pytest.mark.parametrize(("on_failure", "status"), [("DO_NOTHING", "CREATE_FAILED"), ("DELETE", "DELETE_COMPLETE")])
def test_what_happens_on_failure_can_be_chosen(aws: LocalAws, stacks: Any, on_failure: str, status: str) -> None:
    text = template({"Idp": provider(), "Role": {**role(MaxSessionDuration=1), "DependsOn": "Idp"}})
    made = stacks.create_stack(StackName="s", TemplateBody=text, Capabilities=NAMED, OnFailure=on_failure)
    assert stacks.describe_stacks(StackName=made["StackId"])["Stacks"][0]["StackStatus"] == status
    assert len(in_iam(aws)["providers"]) == (on_failure == "DO_NOTHING")


def test_a_provider_that_another_made_fails_the_stack(aws: LocalAws, stacks: Any) -> None:
    aws.client("iam").create_open_id_connect_provider(Url="https://idp.example.com/t", ThumbprintList=[THUMBPRINT])
    assert create(stacks, {"Idp": provider()})["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = next(reason for _, status, reason in events(stacks) if status == "CREATE_FAILED")
    assert "Provider with url https://idp.example.com/t already exists. (Service: Iam, Status Code: 409" in reason
    assert len(in_iam(aws)["providers"]) == 1  # it was not the stack's


def test_an_update_that_fails_is_taken_back(aws: LocalAws, stacks: Any) -> None:
    create(stacks, {**identity(RoleName="r", Description="a"), "Gone": role(RoleName="gone")})
    before = in_iam(aws)
    stack = update(
        stacks,
        {
            **identity(RoleName="r", Description="b", MaxSessionDuration="7200"),
            "New": {**role(RoleName="new"), "DependsOn": "Role"},
            "Bad": {**role(RoleName="r"), "DependsOn": "New"},
        },
    )
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert in_iam(aws) == before
    listed = stacks.list_stack_resources(StackName="s")["StackResourceSummaries"]
    assert {each["LogicalResourceId"] for each in listed} == {"Idp", "Role", "Gone"}
    assert ("s", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Bad].") not in events(
        stacks
    )
    assert ("s", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Bad].") in events(stacks)
    assert stacks.get_template(StackName="s")["TemplateBody"].keys() == {"Resources"}
    assert update(stacks, identity(RoleName="r", Description="c"))["StackStatus"] == "UPDATE_COMPLETE"


def test_a_role_with_a_strangers_policy_is_not_deleted(aws: LocalAws, stacks: Any) -> None:
    create(stacks, identity(RoleName="r"))
    aws.client("iam").attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    stacks.delete_stack(StackName="s")
    stack = stacks.describe_stacks(StackName="s")["Stacks"][0]
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [Role]."
    stacks.delete_stack(StackName="s", RetainResources=["Role"])
    assert in_iam(aws)["roles"].keys() == {"r"}
    assert fault(stacks.describe_stacks, StackName="s")[0] == "ValidationError"


def test_properties_that_a_type_does_not_have(stacks: Any) -> None:
    create(stacks, {"Idp": {"Type": "AWS::IAM::OIDCProvider", "Properties": {"ClientIDList": ["a"]}}})
    reason = next(reason for _, status, reason in events(stacks) if status == "CREATE_FAILED")
    assert reason == (
        "Properties validation failed for resource Idp with message:\n"
        "#: required key [Url] not found\n#: extraneous key [ClientIDList] is not permitted"
    )


CUSTOM = (
    "Template format error: Unrecognized resource types: [Custom::AWSCDKOpenIdConnectProvider]. Custom resources run a"
    " Lambda function, which the local AWS does not have; for an OIDC provider use AWS::IAM::OIDCProvider (in CDK:"
    " iam.OidcProviderNative instead of iam.OpenIdConnectProvider)."
)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            "Custom::AWSCDKOpenIdConnectProvider",
            CUSTOM,
        ),
        ("AWS::EC2::VPC", "Template format error: Unrecognized resource types: [AWS::EC2::VPC]. The local AWS makes "),
    ],
)
def test_types_that_are_not_here(stacks: Any, kind: str, message: str) -> None:
    code, told = fault(stacks.create_stack, StackName="s", TemplateBody=template({"A": {"Type": kind}}))
    assert (code, told[: len(message)]) == ("ValidationError", message)


# ----------------------------------------------------------------------------------------------------- the request


@pytest.mark.parametrize(
    ("properties", "given", "needed"),
    [
        ({}, [], "CAPABILITY_IAM"),
        ({"RoleName": "r"}, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
        ({}, ["CAPABILITY_NAMED_IAM"], None),
        ({}, ["CAPABILITY_IAM"], None),
    ],
)
def test_capabilities_are_acknowledged(
    stacks: Any, properties: dict[str, Any], given: list[str], needed: str | None
) -> None:
    text = template(identity(**properties))
    if needed is None:
        stacks.create_stack(StackName="s", TemplateBody=text, Capabilities=given)
        return
    expected = ("InsufficientCapabilitiesException", f"Requires capabilities : [{needed}]")
    assert fault(stacks.create_stack, StackName="s", TemplateBody=text, Capabilities=given) == expected
    arguments = {"StackName": "s", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": text}
    assert fault(stacks.create_change_set, **arguments, Capabilities=given) == expected


def test_names_are_held_to_their_form(stacks: Any) -> None:
    code, message = fault(stacks.create_stack, StackName="a_b", TemplateBody=template({"Idp": provider()}))
    assert code == "ValidationError"
    assert message == (
        "1 validation error detected: Value 'a_b' at 'stackName' failed to satisfy constraint: Member must satisfy"
        " regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
    )
    create(stacks, {"Idp": provider()})
    again = fault(stacks.create_stack, StackName="s", TemplateBody=template({"Idp": provider()}))
    assert again == ("AlreadyExistsException", "Stack [s] already exists")


def test_a_protected_stack_is_not_deleted(stacks: Any) -> None:
    create(stacks, {"Idp": provider()}, EnableTerminationProtection=True)
    told = fault(stacks.delete_stack, StackName="s")
    assert told == ("ValidationError", "Stack [s] cannot be deleted while TerminationProtection is enabled")
    stacks.update_termination_protection(StackName="s", EnableTerminationProtection=False)
    stacks.delete_stack(StackName="s")


def test_parameters_that_are_secret_or_stored(stacks: Any) -> None:
    text = template(
        {"Idp": provider(), "Role": role(Description={"Ref": "Word"})},
        Parameters={
            "Word": {"Type": "String", "NoEcho": True},
            "Version": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"},
        },
    )
    given = [{"ParameterKey": "Word", "ParameterValue": "hush"}]
    stacks.create_stack(StackName="s", TemplateBody=text, Capabilities=NAMED, Parameters=given)
    shown = stacks.describe_stacks(StackName="s")["Stacks"][0]["Parameters"]
    assert shown[0] == {"ParameterKey": "Word", "ParameterValue": "****"}
    assert int(shown[1]["ResolvedValue"]) >= 6
    same = [{"ParameterKey": "Word", "UsePreviousValue": True}]
    told = fault(stacks.update_stack, StackName="s", UsePreviousTemplate=True, Capabilities=NAMED, Parameters=same)
    assert told[1] == "No updates are to be performed."
    absent = [*given, {"ParameterKey": "Version", "ParameterValue": "/not/there"}]
    told = fault(stacks.create_stack, StackName="t", TemplateBody=text, Capabilities=NAMED, Parameters=absent)
    assert told[1] == "Unable to fetch parameters [/not/there] from parameter store for this account."


def test_exports_are_kept_while_they_are_used(stacks: Any) -> None:
    exported = {"Arn": {"Value": {"Ref": "Idp"}, "Export": {"Name": "idp"}}}
    create(stacks, {"Idp": provider()}, Outputs=exported, name="a")
    user = {"R": role(AssumeRolePolicyDocument=trust(provider={"Fn::ImportValue": "idp"}))}
    assert create(stacks, user, name="b")["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.list_imports(ExportName="idp")["Imports"] == ["b"]
    in_use = "Delete canceled. Cannot delete export idp as it is in use by b."
    assert fault(stacks.delete_stack, StackName="a") == ("ValidationError", in_use)
    failed = update(stacks, {"Idp": provider()}, name="a")
    assert failed["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ("a", "UPDATE_ROLLBACK_IN_PROGRESS", "Export idp cannot be deleted as it is in use by b") in events(
        stacks, "a"
    )
    twice = create(stacks, {"Idp": provider("https://b.example.com")}, Outputs=exported, name="c")
    assert twice["StackStatus"] == "ROLLBACK_COMPLETE"
    stacks.delete_stack(StackName="b")
    assert fault(stacks.list_imports, ExportName="idp")[1] == "Export 'idp' is not imported by any stack."
    stacks.delete_stack(StackName="a")
    assert create(stacks, user, name="d")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("No export named idp found." in reason for _, _, reason in events(stacks, "d"))


def test_stacks_belong_to_an_account_and_a_region(aws: LocalAws, stacks: Any) -> None:
    stack = create(stacks, {"Idp": provider()})
    elsewhere = aws.client("cloudformation", region_name="us-west-2")
    stranger = aws.client(
        "cloudformation", {"AccessKeyId": "444455556666", "SecretAccessKey": "test"}, region_name=REGION
    )
    for client in (elsewhere, stranger):
        assert client.describe_stacks()["Stacks"] == []
        assert fault(client.describe_stacks, StackName=stack["StackId"])[0] == "ValidationError"
        client.delete_stack(StackName=stack["StackId"])
    assert len(in_iam(aws)["providers"]) == 1


# ----------------------------------------------------------------------------------------------------- change sets


def test_a_change_set_tells_what_it_would_do_and_does_it(aws: LocalAws, stacks: Any) -> None:
    arguments = {"StackName": "s", "ChangeSetName": "c", "Capabilities": NAMED}
    first = template(identity(RoleName="r"))
    assert fault(stacks.create_change_set, **arguments, TemplateBody=first)[1] == "Stack [s] does not exist"
    stacks.create_change_set(**arguments, TemplateBody=first, ChangeSetType="CREATE")
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert in_iam(aws)["roles"] == {}
    stacks.get_waiter("change_set_create_complete").wait(StackName="s", ChangeSetName="c")
    stacks.execute_change_set(StackName="s", ChangeSetName="c")
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    stacks.create_change_set(**arguments, TemplateBody=first)
    empty = stacks.describe_change_set(StackName="s", ChangeSetName="c")
    assert (empty["Status"], empty["ExecutionStatus"], empty["StatusReason"]) == (
        "FAILED",
        "UNAVAILABLE",
        "The submitted information didn't contain changes. Submit different information to create a change set.",
    )
    assert fault(stacks.execute_change_set, StackName="s", ChangeSetName="c")[0] == "InvalidChangeSetStatus"
    stacks.delete_change_set(StackName="s", ChangeSetName="c")
    second = template({"Idp": provider(ClientIdList=["a"]), "Role": role(RoleName="q"), "New": role()})
    stacks.create_change_set(**arguments, TemplateBody=second)
    changes = stacks.describe_change_set(StackName="s", ChangeSetName="c")["Changes"]
    told = {
        each["ResourceChange"]["LogicalResourceId"]: (
            each["ResourceChange"]["Action"],
            each["ResourceChange"].get("Replacement"),
        )
        for each in changes
    }
    assert told == {"Idp": ("Modify", "False"), "Role": ("Modify", "True"), "New": ("Add", None)}
    assert in_iam(aws)["roles"].keys() == {"r"}
    stacks.execute_change_set(StackName="s", ChangeSetName="c")
    assert len(in_iam(aws)["roles"]) == 2
    assert stacks.list_change_sets(StackName="s")["Summaries"] == []


def test_what_is_there_already_is_imported(aws: LocalAws, stacks: Any) -> None:
    aws.client("iam").create_open_id_connect_provider(
        Url="https://idp.example.com/t", ClientIDList=["sts.amazonaws.com"], ThumbprintList=[THUMBPRINT]
    )
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com/t"
    text = template({"Idp": {**provider(), "DeletionPolicy": "Retain"}})
    wanted = {
        "ResourceType": "AWS::IAM::OIDCProvider",
        "LogicalResourceId": "Idp",
        "ResourceIdentifier": {"Arn": arn},
    }
    arguments = {"StackName": "s", "ChangeSetName": "c", "ChangeSetType": "IMPORT", "ResourcesToImport": [wanted]}
    unkept = template({"Idp": provider()})
    assert "must have DeletionPolicy attribute" in fault(stacks.create_change_set, **arguments, TemplateBody=unkept)[1]
    stacks.create_change_set(**arguments, TemplateBody=text)
    (change,) = stacks.describe_change_set(StackName="s", ChangeSetName="c")["Changes"]
    assert change["ResourceChange"]["Action"] == "Import"
    stacks.execute_change_set(StackName="s", ChangeSetName="c")
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "IMPORT_COMPLETE"
    assert stacks.describe_stack_resources(PhysicalResourceId=arn)["StackResources"][0]["LogicalResourceId"] == "Idp"
    stacks.delete_stack(StackName="s")
    assert len(in_iam(aws)["providers"]) == 1


# ----------------------------------------------------------------------------------------------------------- drift


def test_drift_is_what_iam_says_now(aws: LocalAws, stacks: Any) -> None:
    create(stacks, identity(RoleName="r", Policies=[{"PolicyName": "p", "PolicyDocument": permissions()}]))

    def detect() -> str:
        detection = stacks.detect_stack_drift(StackName="s")["StackDriftDetectionId"]
        status = stacks.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        assert status["DetectionStatus"] == "DETECTION_COMPLETE"
        return str(status["StackDriftStatus"])

    assert detect() == "IN_SYNC"
    iam = aws.client("iam")
    arn = f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com/t"
    other = json.dumps(trust("workspace:two", provider=arn))
    iam.update_assume_role_policy(RoleName="r", PolicyDocument=other)
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="added")
    assert detect() == "DRIFTED"
    drifts = {
        each["LogicalResourceId"]: each
        for each in stacks.describe_stack_resource_drifts(StackName="s")["StackResourceDrifts"]
    }
    path = "/AssumeRolePolicyDocument/Statement/0/Condition/StringEquals/idp.example.com~1t:sub"
    assert drifts["Role"]["PropertyDifferences"] == [
        {
            "PropertyPath": path,
            "ExpectedValue": "workspace:one",
            "ActualValue": "workspace:two",
            "DifferenceType": "NOT_EQUAL",
        }
    ]
    assert drifts["Idp"]["PropertyDifferences"] == [
        {"PropertyPath": "/ClientIdList/1", "ExpectedValue": "null", "ActualValue": '"added"', "DifferenceType": "ADD"}
    ]
    iam.delete_role_policy(RoleName="r", PolicyName="p")
    iam.delete_role(RoleName="r")
    one = stacks.detect_stack_resource_drift(StackName="s", LogicalResourceId="Role")["StackResourceDrift"]
    assert one["StackResourceDriftStatus"] == "DELETED"
    assert stacks.describe_stacks(StackName="s")["Stacks"][0]["DriftInformation"]["StackDriftStatus"] == "DRIFTED"


# ----------------------------------------------------------------------------------------------------- permissions


def test_the_callers_own_rights_decide(ready: LocalAws) -> None:
    arn = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/team-*/*"
    ready.permit({"Effect": "Allow", "Action": "cloudformation:*", "Resource": arn}, name="stacks")
    session = ready.assume()["Credentials"]
    stacks = ready.client("cloudformation", session, region_name=REGION, config=NO_CHECKS)
    body = template({"Idp": provider()})
    code, message = fault(stacks.create_stack, StackName="other", TemplateBody=body)
    assert code == "AccessDenied"
    assert message.startswith(
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/deploy/job-1 is not authorized to perform:"
        f" cloudformation:CreateStack on resource: arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/other/*"
    )
    stacks.create_stack(StackName="team-a", TemplateBody=body)
    reason = next(reason for _, status, reason in events(stacks, "team-a") if status == "CREATE_FAILED")
    assert "is not authorized to perform: iam:CreateOpenIDConnectProvider on resource: " in reason
    assert reason.endswith("HandlerErrorCode: AccessDenied)")
    via = {"ForAnyValue:StringEquals": {"aws:CalledVia": "cloudformation.amazonaws.com"}}
    ready.permit({"Effect": "Allow", "Action": "iam:*", "Resource": "*", "Condition": via}, name="via")
    stacks.create_stack(StackName="team-b", TemplateBody=body)
    assert stacks.describe_stacks(StackName="team-b")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    assert fault(ready.client("iam", session).list_roles)[0] == "AccessDenied"


# ------------------------------------------------------------------------------------------------------------ laws

_texts = st.sampled_from(["a", "b", "c"])
_roles = st.fixed_dictionaries(
    {},
    optional={
        "Description": _texts,
        "MaxSessionDuration": st.sampled_from([3600, 7200]),
        "Tags": _texts.map(lambda key: [{"Key": key, "Value": key}]),
        "Policies": st.lists(_texts, unique=True, max_size=2).map(
            lambda names: [{"PolicyName": name, "PolicyDocument": permissions(f"s3:{name}*")} for name in names]
        ),
        "ManagedPolicyArns": st.just([{"Ref": "Managed"}]),
        "AssumeRolePolicyDocument": _texts.map(trust),
    },
)


@st.composite
def _resources(draw: st.DrawFn) -> dict[str, Any]:
    managed = {"PolicyDocument": permissions(f"s3:{draw(_texts)}*"), "ManagedPolicyName": "m"}
    found: dict[str, Any] = {
        "Idp": provider(ClientIdList=draw(st.lists(_texts, unique=True, min_size=1))),
        "Managed": {"Type": "AWS::IAM::ManagedPolicy", "Properties": managed},
    }
    for name in draw(st.sets(st.sampled_from(["One", "Two"]))):
        path = draw(st.sampled_from(["a", "b"]))
        found[name] = role(RoleName=f"{name}-{path}", Path=f"/{path}/", **draw(_roles))
    return found


def test_an_update_is_a_creation_of_what_it_becomes(aws: LocalAws, stacks: Any) -> None:
    @settings(max_examples=12, deadline=None, phases=[Phase.generate], derandomize=True)
    @given(first=_resources(), second=_resources())
    def check(first: dict[str, Any], second: dict[str, Any]) -> None:
        _update_is_creation(aws, stacks, first, second)

    check()


def _update_is_creation(aws: LocalAws, stacks: Any, first: dict[str, Any], second: dict[str, Any]) -> None:
    stacks.delete_stack(StackName="s")
    empty = in_iam(aws)
    assert create(stacks, first)["StackStatus"] == "CREATE_COMPLETE"
    changed = dict(second, Mark=role(RoleName="mark"))  # so that there is always something to update
    assert update(stacks, changed)["StackStatus"] == "UPDATE_COMPLETE"
    assert update(stacks, second)["StackStatus"] == "UPDATE_COMPLETE"
    updated = in_iam(aws)
    stacks.delete_stack(StackName="s")
    assert in_iam(aws) == empty
    assert create(stacks, second)["StackStatus"] == "CREATE_COMPLETE"
    assert in_iam(aws) == updated
    stacks.delete_stack(StackName="s")
    assert in_iam(aws) == empty


def test_every_operation_is_in_amazons_model() -> None:
    for name in cloudformation.OPERATIONS:
        operation = model.operation("cloudformation", name)
        assert operation is not None
