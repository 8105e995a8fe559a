"""Which permission each operation of IAM needs, and that requests cannot be read in a second way."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from daypass.localaws import iam as local_iam
from daypass.localaws.iam.state import Account
from daypass.localaws.needs import query
from support.iam_account import ACCOUNT, GOOD, OTHER_POLICY, PERMISSIONS, POLICY, PROVIDER, READ_ONLY, TAGS

if TYPE_CHECKING:
    from support.local_aws import LocalAws

ROLE = f"arn:aws:iam::{ACCOUNT}:role/deploy"
# Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management".
RESOURCES = {
    "CreateOpenIDConnectProvider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/new.example.com",
    "ListOpenIDConnectProviders": f"arn:aws:iam::{ACCOUNT}:oidc-provider/*",
    "ListSAMLProviders": f"arn:aws:iam::{ACCOUNT}:saml-provider/*",
    "CreateRole": f"arn:aws:iam::{ACCOUNT}:role/ci/new",
    "ListRoles": f"arn:aws:iam::{ACCOUNT}:role/",
    "DeleteRole": f"arn:aws:iam::{ACCOUNT}:role/bare",
    "CreatePolicy": f"arn:aws:iam::{ACCOUNT}:policy/ci/new",
    "ListPolicies": f"arn:aws:iam::{ACCOUNT}:policy/",
    "DeletePolicy": OTHER_POLICY,
    "GetAccountSummary": "*",
    "GetAccountAuthorizationDetails": "*",
    "ListAccountAliases": "*",
    "EnableOutboundWebIdentityFederation": "*",
    "DisableOutboundWebIdentityFederation": "*",
    "GetOutboundWebIdentityFederationInfo": "*",
}


def wire(given: dict[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in given.items():
        if isinstance(value, list):
            for index, item in enumerate(value, 1):
                parts = item.items() if isinstance(item, dict) else [("", item)]
                flat |= {f"{name}.member.{index}{'.' if key else ''}{key}": text for key, text in parts}
        else:
            flat[name] = str(value)
    return flat


@pytest.mark.parametrize("action", sorted(local_iam.OPERATIONS))
def test_every_operation_is_on_its_resource(action: str) -> None:
    needed = query.needs("iam", action, wire(GOOD[action]), Account(ACCOUNT))
    default = PROVIDER if "OpenIDConnect" in action else ROLE if "Role" in action else POLICY
    assert (needed[0].action, needed[0].resource) == (f"iam:{action}", RESOURCES.get(action, default))


@pytest.mark.parametrize(
    ("action", "tagging"),
    [
        ("CreateRole", "iam:TagRole"),
        ("CreatePolicy", "iam:TagPolicy"),
        ("CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"),
    ],
)
def test_making_a_thing_with_tags_is_tagging_it_too(action: str, tagging: str) -> None:
    needed = query.needs("iam", action, wire(GOOD[action]), Account(ACCOUNT))
    assert [need.action for need in needed] == [f"iam:{action}", tagging]
    assert all(need.keys["aws:RequestTag/team"] == ("shop",) for need in needed)
    bare = {name: value for name, value in GOOD[action].items() if name != "Tags"}
    assert len(query.needs("iam", action, wire(bare), Account(ACCOUNT))) == 1


@pytest.mark.parametrize("action", ["TagRole", "TagPolicy", "TagOpenIDConnectProvider"])
def test_tags_are_condition_keys(action: str) -> None:
    [need] = query.needs("iam", action, wire(GOOD[action]), Account(ACCOUNT))
    assert (need.keys["aws:RequestTag/team"], need.keys["aws:TagKeys"]) == (("shop",), ("team",))
    untag = f"Unt{action[1:]}"
    [need] = query.needs("iam", untag, wire(GOOD[untag]), Account(ACCOUNT))
    assert need.keys["aws:TagKeys"] == ("team",)


def test_parameters_of_other_operations_change_nothing() -> None:
    """CWE-441: one more `RoleName` must not make the deletion of a policy look like something on a role."""
    given = {"PolicyArn": POLICY, "RoleName": "mine", "OpenIDConnectProviderArn": PROVIDER, "Path": "/x/"}
    [need] = query.needs("iam", "DeletePolicy", given, Account(ACCOUNT))
    assert need.resource == POLICY
    [need] = query.needs("iam", "DeleteOpenIDConnectProvider", {**given, "Url": "https://x"}, Account(ACCOUNT))
    assert need.resource == PROVIDER


def test_a_url_with_its_port_is_the_same_resource() -> None:
    """Else a Deny on the provider's ARN could be got round by `:443`."""
    given = {"Url": "https://idp.example.com:443/t"}
    [need] = query.needs("iam", "CreateOpenIDConnectProvider", given, Account(ACCOUNT))
    assert need.resource == PROVIDER


# ------------------------------------------------------------------------------------------- decided over the wire


def session(aws: LocalAws, *statements: dict[str, Any]) -> Any:
    aws.permit(*statements)
    return aws.client("iam", aws.assume()["Credentials"])


def denied(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    return str(caught.value.response["Error"]["Message"])


def test_roles_made_by_a_session_stay_within_its_boundary(ready: LocalAws) -> None:
    """IAM User Guide, "Delegating responsibility to others using permissions boundaries"."""
    administrator = ready.client("iam")
    administrator.create_policy(PolicyName="loose", PolicyDocument=PERMISSIONS)
    within = {"StringEquals": {"iam:PermissionsBoundary": OTHER_POLICY}}
    iam = session(
        ready,
        {"Effect": "Allow", "Action": ["iam:CreateRole", "iam:PutRolePolicy"], "Resource": "*", "Condition": within},
        {
            "Effect": "Allow",
            "Action": "iam:AttachRolePolicy",
            "Resource": "*",
            "Condition": {**within, "ArnEquals": {"iam:PolicyARN": READ_ONLY}},
        },
    )
    role = {"RoleName": "made", "AssumeRolePolicyDocument": ready.policy()}
    assert "iam:CreateRole on resource: arn:aws:iam::111122223333:role/made" in denied(iam.create_role, **role)
    iam.create_role(**role, PermissionsBoundary=OTHER_POLICY)
    tagged = {**role, "RoleName": "tagged", "PermissionsBoundary": OTHER_POLICY, "Tags": TAGS}
    assert "iam:TagRole" in denied(iam.create_role, **tagged)
    iam.put_role_policy(RoleName="made", PolicyName="p", PolicyDocument=PERMISSIONS)
    iam.attach_role_policy(RoleName="made", PolicyArn=READ_ONLY)
    denied(iam.attach_role_policy, RoleName="made", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    administrator.delete_role_permissions_boundary(RoleName="made")
    denied(iam.put_role_policy, RoleName="made", PolicyName="q", PolicyDocument=PERMISSIONS)


def test_tags_of_a_policy_and_of_a_provider_decide(ready: LocalAws) -> None:
    administrator = ready.client("iam")
    for name, team in (("kept", "shop"), ("other", "bank")):
        administrator.create_policy(PolicyName=name, PolicyDocument=PERMISSIONS, Tags=[{"Key": "team", "Value": team}])
    administrator.tag_open_id_connect_provider(OpenIDConnectProviderArn=ready.provider_arn, Tags=TAGS)
    ours = {"StringEquals": {"aws:ResourceTag/team": "shop"}}
    iam = session(ready, {"Effect": "Allow", "Action": "iam:Get*", "Resource": "*", "Condition": ours})
    iam.get_policy(PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/kept")
    denied(iam.get_policy, PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/other")
    iam.get_open_id_connect_provider(OpenIDConnectProviderArn=ready.provider_arn)
    administrator.untag_open_id_connect_provider(OpenIDConnectProviderArn=ready.provider_arn, TagKeys=["team"])
    denied(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=ready.provider_arn)


def test_a_new_default_version_holds_at_once(ready: LocalAws) -> None:
    administrator = ready.client("iam")
    arn = administrator.create_policy(PolicyName="app", PolicyDocument=PERMISSIONS)["Policy"]["Arn"]
    administrator.attach_role_policy(RoleName="deploy", PolicyArn=arn)
    iam = ready.client("iam", ready.assume()["Credentials"])
    denied(iam.list_roles)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:List*", "Resource": "*"}]}
    administrator.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document))
    denied(iam.list_roles)
    administrator.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["deploy"]


def test_awss_own_policies_are_obeyed(ready: LocalAws) -> None:
    administrator = ready.client("iam")
    iam = ready.client("iam", ready.assume()["Credentials"])
    denied(iam.list_roles)
    administrator.attach_role_policy(RoleName="deploy", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    iam.list_roles()
    assert "iam:DeleteRole" in denied(iam.delete_role, RoleName="deploy")
    administrator.attach_role_policy(RoleName="deploy", PolicyArn="arn:aws:iam::aws:policy/AWSDenyAll")
    assert "with an explicit deny" in denied(iam.list_roles)


def test_another_account_is_refused_whatever_is_allowed(ready: LocalAws) -> None:
    iam = session(ready, {"Effect": "Allow", "Action": "*", "Resource": "*"})
    arn = "arn:aws:iam::999988887777:policy/theirs"
    assert denied(iam.get_policy, PolicyArn=arn).startswith(
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/deploy/job-1 is not authorized to perform: iam:GetPolicy on"
    )


def test_the_last_use_of_a_role(ready: LocalAws) -> None:
    administrator = ready.client("iam")
    assert administrator.get_role(RoleName="deploy")["Role"]["RoleLastUsed"] == {}
    credentials = ready.assume()["Credentials"]
    assert administrator.get_role(RoleName="deploy")["Role"]["RoleLastUsed"] == {}
    now = ready.clock.stop()
    ready.client("sts", credentials, region_name="eu-west-1").get_caller_identity()
    used = administrator.get_role(RoleName="deploy")["Role"]["RoleLastUsed"]
    assert (used["LastUsedDate"], used["Region"]) == (now.astimezone(UTC), "eu-west-1")
    assert isinstance(used["LastUsedDate"], datetime)
    administrator.delete_role(RoleName="deploy")
    administrator.create_role(RoleName="deploy", AssumeRolePolicyDocument=ready.policy())
    assert administrator.get_role(RoleName="deploy")["Role"]["RoleLastUsed"] == {}
