"""A Python script that uses boto3 and may be run again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.aws.exporting.blueprint import AccountText, Open
from daypass.aws.exporting.cloudformation import referring
from daypass.aws.exporting.comments import commented, header, who_may_enter
from daypass.aws.exporting.labels import Labels
from daypass.aws.exporting.literals import Code, call, python

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import Blueprint, ExportedProvider, ExportedRole

_USAGE: Final = (
    "pip install boto3 && python3 daypass_roles.py",
    "It may be run again: a provider and roles that are there are brought to what is written here.",
    "It takes nothing away: neither audiences nor policies that others added.",
)
_FUNCTIONS: Final = '''
import json

import boto3


def normal(value):
    """One form for documents that mean the same."""
    if isinstance(value, dict):
        return {key: normal(each) for key, each in value.items()}
    if isinstance(value, list):
        found = sorted(map(normal, value), key=lambda each: json.dumps(each, sort_keys=True))
        return found[0] if len(found) == 1 else found
    return value


def tag_list(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def ensure_provider(iam, arn, url, client_ids, thumbprints, tags):
    try:
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    except iam.exceptions.NoSuchEntityException:
        options = {"ThumbprintList": thumbprints} if thumbprints else {}
        iam.create_open_id_connect_provider(Url=url, ClientIDList=client_ids, Tags=tag_list(tags), **options)
        print(f"created {arn}")
        return arn
    for client_id in client_ids:
        if client_id not in found["ClientIDList"]:
            iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client_id)
            print(f"changed {arn}: added an audience")
    if thumbprints and set(thumbprints) != set(found["ThumbprintList"]):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=thumbprints)
        print(f"changed {arn}: set thumbprints")
    have = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
    if tags.items() - have.items():
        iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=tag_list(tags))
        print(f"changed {arn}: tagged")
    return arn


def ensure_role(iam, name, path, description, max_session_seconds, trust, managed, inline, boundary, tags):
    try:
        role = iam.get_role(RoleName=name)["Role"]
    except iam.exceptions.NoSuchEntityException:
        options = {"PermissionsBoundary": boundary} if boundary else {}
        iam.create_role(
            RoleName=name,
            Path=path,
            Description=description,
            MaxSessionDuration=max_session_seconds,
            AssumeRolePolicyDocument=json.dumps(trust),
            Tags=tag_list(tags),
            **options,
        )
        print(f"created {name}")
    else:
        change_role(iam, role, path, description, max_session_seconds, trust, boundary, tags)
    attached = iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
    have = {policy["PolicyArn"] for page in attached for policy in page["AttachedPolicies"]}
    for arn in managed:
        if arn not in have:
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
            print(f"changed {name}: attached {arn}")
    for policy, document in inline.items():
        try:
            there = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        except iam.exceptions.NoSuchEntityException:
            there = None
        if normal(there) != normal(document):
            iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
            print(f"changed {name}: wrote {policy}")


def change_role(iam, role, path, description, max_session_seconds, trust, boundary, tags):
    name = role["RoleName"]
    if role["Path"] != path:
        raise SystemExit(f"{name} has the path {role['Path']}, and AWS changes no role's path")
    if normal(role["AssumeRolePolicyDocument"]) != normal(trust):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))
        print(f"changed {name}: set who may enter")
    description = description or role.get("Description", "")
    if (role["MaxSessionDuration"], role.get("Description", "")) != (max_session_seconds, description):
        iam.update_role(RoleName=name, MaxSessionDuration=max_session_seconds, Description=description)
        print(f"changed {name}: set session length and description")
    if boundary and role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") != boundary:
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
        print(f"changed {name}: set its boundary")
    have = {tag["Key"]: tag["Value"] for tag in role.get("Tags", [])}
    if tags.items() - have.items():
        iam.tag_role(RoleName=name, Tags=tag_list(tags))
        print(f"changed {name}: tagged")


def main():
    session = boto3.Session()
    region = session.region_name or "us-east-1"
    sts = session.client("sts", region_name=region)
    _, partition, _, _, account, _ = sts.get_caller_identity()["Arn"].split(":", 5)
    iam = session.client("iam", region_name=region)
'''
_END: Final = '\n\nif __name__ == "__main__":\n    main()\n'
_IN: Final = "    "


def write(of: Blueprint) -> dict[str, str]:
    """The files by name."""
    labels = Labels.snake(of)
    body = [_provider(each, labels.provider(each)) for each in of.providers]
    body += [_role(each, labels) for each in of.roles]
    script = commented(header(of, "boto3", _USAGE), "#") + _FUNCTIONS + "".join(f"\n{part}" for part in body) + _END
    return {"daypass_roles.py": script}


def _provider(provider: ExportedProvider, label: str) -> str:
    arn = f'f"arn:{{partition}}:iam::{{account}}:oidc-provider/" + {python(provider.without_scheme)}'
    options: dict[str, Any] = {
        "arn": Code(arn),
        "url": provider.issuer,
        "client_ids": [*provider.client_ids],
        "thumbprints": [*provider.thumbprints],
        "tags": dict(provider.tags),
    }
    return f"{_IN}{label}_arn = {call('ensure_provider', ['iam'], options, _IN)}\n"


def _role(role: ExportedRole, labels: Labels) -> str:
    options = {
        "name": role.name,
        "path": role.path,
        "description": role.description,
        "max_session_seconds": role.max_session_seconds,
        "trust": referring(role.trust, Code(f"{labels.provider(role.issuer)}_arn")),
        "managed": [_arn(each) for each in role.managed_policies],
        "inline": dict(role.inline_policies),
        "boundary": _arn(role.boundary) if role.boundary else None,
        "tags": dict(role.tags),
    }
    return commented(who_may_enter(role), "#", _IN) + f"{_IN}{call('ensure_role', ['iam'], options, _IN)}\n"


def _arn(arn: AccountText) -> Code:
    return Code(" + ".join(part.name if isinstance(part, Open) else python(part) for part in arn.parts))
