"""A CloudFormation template for each issuer: a condition key cannot be an intrinsic function, so each has its own.

Sources: AWS::IAM::OIDCProvider and AWS::IAM::Role in the CloudFormation template reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.aws.exporting.blueprint import AccountText, Blueprint, Open, ProviderReference
from daypass.aws.exporting.comments import commented, header, who_may_enter
from daypass.aws.exporting.labels import Labels
from daypass.aws.exporting.limits import demand_no_intrinsic
from daypass.aws.exporting.literals import Code, write_yaml, yaml

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import ExportedProvider, ExportedRole

_PSEUDO: Final = {"account": "${AWS::AccountId}", "partition": "${AWS::Partition}"}
MAKE: Final = "MakeProvider"
ARN: Final = "ProviderArn"
"""The parameter, empty unless the account has the provider already; and the condition that it is empty."""


def write(of: Blueprint) -> dict[str, str]:
    """The files by name."""
    names = Labels.kebab(of)
    return {f"{names.provider(each)}.template.yaml": template(of, each, "cloudformation") for each in of.providers}


def template(of: Blueprint, provider: ExportedProvider, format_name: str) -> str:
    """The template of one issuer."""
    demand_no_intrinsic(of)
    name = Labels.kebab(of).provider(provider)
    usage = [
        f"aws cloudformation deploy --stack-name {Labels.stacks(of).provider(provider)} \\",
        f"  --template-file {name}.template.yaml --capabilities CAPABILITY_NAMED_IAM",
        f"Where the account has the provider already, add: --parameter-overrides {ARN}=<its ARN>",
    ]
    text = commented(header(of, format_name, usage), "#")
    text += (
        f'AWSTemplateFormatVersion: "2010-09-09"\nDescription: {yaml(f"Roles for workloads of {provider.issuer}")}\n'
    )
    text += write_yaml(
        {
            "Parameters": {
                ARN: {
                    "Type": "String",
                    "Default": "",
                    "Description": "The ARN of the provider of this issuer when the account has it already",
                }
            },
            "Conditions": {MAKE: Code(f'!Equals [!Ref {ARN}, ""]')},
        }
    )
    labels = Labels.pascal(of)
    text += "Resources:\n" + _resource(labels.provider(provider), _provider(provider), "others may use it: it stays")
    for role in of.roles_of(provider):
        text += commented(who_may_enter(role), "#", "  ")
        text += write_yaml({labels.role(role): _role(role, labels)}, "  ")
    arn = Code(f"!If [{MAKE}, !Ref {labels.provider(provider)}, !Ref {ARN}]")
    outputs: dict[str, Any] = {f"{labels.provider(provider)}Arn": {"Value": arn}}
    for role in of.roles_of(provider):
        outputs[f"{labels.role(role)}Arn"] = {"Value": Code(f"!GetAtt {labels.role(role)}.Arn")}
    return text + write_yaml({"Outputs": outputs})


def _resource(label: str, resource: dict[str, Any], remark: str) -> str:
    first, *rest = write_yaml({label: resource}, "  ").splitlines(keepends=True)
    return first + "".join(
        line.removesuffix("\n") + f"  # {remark}\n" if line.strip() == "DeletionPolicy: Retain" else line
        for line in rest
    )


def _provider(provider: ExportedProvider) -> dict[str, Any]:
    properties: dict[str, Any] = {"Url": provider.issuer, "ClientIdList": [*provider.client_ids]}
    if provider.thumbprints:
        properties["ThumbprintList"] = [*provider.thumbprints]
    return {
        "Type": Code("AWS::IAM::OIDCProvider"),
        "Condition": Code(MAKE),
        "DeletionPolicy": Code("Retain"),
        "UpdateReplacePolicy": Code("Retain"),
        "Properties": {**properties, **_tags(provider)},
    }


def _role(role: ExportedRole, labels: Labels) -> dict[str, Any]:
    arn = Code(f"!If [{MAKE}, !Ref {labels.provider(role.issuer)}, !Ref {ARN}]")
    properties: dict[str, Any] = {"RoleName": role.name, "Path": role.path}
    if role.description:
        properties["Description"] = role.description
    properties["MaxSessionDuration"] = role.max_session_seconds
    properties["AssumeRolePolicyDocument"] = referring(role.trust, arn)
    if role.boundary:
        properties["PermissionsBoundary"] = _arn(role.boundary)
    if role.managed_policies:
        properties["ManagedPolicyArns"] = [_arn(each) for each in role.managed_policies]
    if role.inline_policies:
        properties["Policies"] = [
            {"PolicyName": name, "PolicyDocument": document} for name, document in role.inline_policies
        ]
    return {"Type": Code("AWS::IAM::Role"), "Properties": {**properties, **_tags(role)}}


def referring(value: Any, arn: Any) -> Any:
    """A document with `arn` where it refers to the provider."""
    if isinstance(value, dict):
        return {key: referring(each, arn) for key, each in value.items()}
    if isinstance(value, list):
        return [referring(each, arn) for each in value]
    return arn if isinstance(value, ProviderReference) else value


def _arn(text: AccountText) -> Any:
    if text.closed:
        return text.text
    # In a text of Fn::Sub, and only there, `${!x}` is the text `${x}`.
    parts = (_PSEUDO[part.name] if isinstance(part, Open) else part.replace("${", "${!") for part in text.parts)
    return Code("!Sub " + yaml("".join(parts)))


def _tags(of: ExportedProvider | ExportedRole) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in of.tags]} if of.tags else {}
