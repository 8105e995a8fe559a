"""Templates for tests, and what IAM holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.local_aws import LocalAws

THUMBPRINT = "a" * 40


def trust(subject: str = "workspace:one", *, provider: Any = None, host: str = "idp.example.com/t") -> dict[str, Any]:
    """A trust policy; its provider is the resource `Idp` unless another is given."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider or {"Ref": "Idp"}},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{host}:sub": subject}},
            }
        ],
    }


def permissions(action: str = "s3:GetObject") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def provider(url: str = "https://idp.example.com/t", **more: Any) -> dict[str, Any]:
    properties = {"Url": url, "ClientIdList": ["sts.amazonaws.com"], "ThumbprintList": [THUMBPRINT], **more}
    return {"Type": "AWS::IAM::OIDCProvider", "Properties": properties}


def role(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust(), **properties}}


def template(resources: dict[str, Any], **sections: Any) -> str:
    return json.dumps({"Resources": resources, **sections})


def identity(**role_properties: Any) -> dict[str, Any]:
    """A provider and a role."""
    return {"Idp": provider(), "Role": role(**role_properties)}


def in_iam(aws: LocalAws) -> dict[str, Any]:
    """All that an account has in IAM, without ids and times that differ from one making to the next."""
    iam = next((each for each in aws.clients if each.meta.service_model.service_name == "iam"), None) or aws.client(
        "iam"
    )
    roles = {}
    for name in [each["RoleName"] for each in iam.list_roles()["Roles"]]:
        found = iam.get_role(RoleName=name)["Role"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        roles[name] = {
            **{key: value for key, value in found.items() if key not in {"RoleId", "CreateDate", "RoleLastUsed"}},
            "Tags": sorted(found.get("Tags", []), key=lambda tag: str(tag["Key"])),
            "inline": {each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"] for each in inline},
            "attached": iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
        }
    providers = {}
    for arn in [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]:
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        providers[arn] = {
            "clients": sorted(found["ClientIDList"]),
            "thumbprints": found["ThumbprintList"],
            "tags": found["Tags"],
        }
    policies = {}
    for each in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(PolicyArn=each["Arn"], VersionId=each["DefaultVersionId"])
        policies[each["Arn"]] = (version["PolicyVersion"]["Document"], each["AttachmentCount"])
    return {"roles": roles, "providers": providers, "policies": policies}
