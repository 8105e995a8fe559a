"""Every operation of STS and IAM out of botocore's model, as a form with values that it would take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from botocore.model import ListShape, StructureShape

from daypass.localaws import model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import OperationModel, Shape

ACCOUNT: Final = "111122223333"
PROVIDER: Final = f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com"
TRUST: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": PROVIDER},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {"idp.example.com:sub": "a"}},
            }
        ],
    }
)
PERMISSIONS: Final = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}
)
_GOOD: Final = {
    "AssumeRolePolicyDocument": TRUST,
    "OpenIDConnectProviderArn": PROVIDER,
    "PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/read",
    "Policy": PERMISSIONS,
    "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/read",
    "PolicyName": "read",
    "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/deploy",
    "RoleName": "deploy",
    "Url": "https://idp.example.com",
    "VersionId": "v1",
    "Path": "/",
    "PathPrefix": "/",
    "WebIdentityToken": "a.b.c",
}


def operations() -> list[OperationModel]:
    """All of both services."""
    return [
        model.service(name).operation_model(action)
        for name in ("sts", "iam")
        for action in model.service(name).operation_names
    ]


def good_form(operation: OperationModel) -> dict[str, str]:
    """Each required member with a value in its limits, and `Action` and `Version`."""
    service = operation.service_model
    found = {"Action": operation.name, "Version": str(service.metadata["apiVersion"])}
    if operation.input_shape is not None:
        for path, shape, required in leaves(operation.input_shape):
            if required:
                found[path] = good_value(operation.name, path, shape)
    return found


def leaves(shape: Shape, path: str = "", *, required: bool = True) -> Iterator[tuple[str, Shape, bool]]:
    """The scalar members of an input, at their place in a form; of a list its first entry."""
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            place = f"{path}.{name}" if path else name
            yield from leaves(member, place, required=required and name in shape.required_members)
    elif isinstance(shape, ListShape):
        yield from leaves(shape.member, f"{path}.member.1", required=required)
    elif shape.type_name != "map":
        yield path, shape, required


def good_value(action: str, path: str, shape: Shape) -> str:
    """A value that an operation takes for a member."""
    name = path.rpartition(".")[2]
    if name == "PolicyDocument":
        return TRUST if action == "UpdateAssumeRolePolicy" else PERMISSIONS
    if name in _GOOD:
        return _GOOD[name]
    if shape.type_name in {"integer", "long"}:
        return str(shape.metadata.get("min", 1))
    if shape.type_name == "boolean":
        return "true"
    if getattr(shape, "enum", None):
        return str(shape.enum[0])
    return "a" * max(1, int(shape.metadata.get("min", 1)))
