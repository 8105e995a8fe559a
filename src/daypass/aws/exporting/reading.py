"""Who may enter by an export as it is committed: the trust policies, read back where the layout is still ours. Pure."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, Final

from daypass.aws.exporting import cdk
from daypass.aws.exporting.labels import Labels
from daypass.aws.exporting.literal_reader import Name, NotALiteral, read
from daypass.aws.exporting.literals import javascript, python
from daypass.trust.sources.find import find_policies
from daypass.trust.unknown import unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daypass.aws.exporting.blueprint import Blueprint, ExportedRole

_LOGIN: Final = "sts:AssumeRoleWithWebIdentity"
_OVERRIDE: Final = re.compile(r"AssumeRolePolicyDocument\.Statement\.0\.Action[\"'],\s*")
_ADDED: Final = re.compile(r"actions\s*[:=]\s*")


def read_trust(format_name: str, files: Mapping[str, str], role: ExportedRole, of: Blueprint, arn: str) -> str | None:
    """The trust policy of a role in an export, as JSON text; None when it is not there as this room writes it.

    Args:
        format_name: of the export.
        files: its texts by name.
        role: which role.
        of: what the file wants, whose names the export has.
        arn: of the role's provider, which is put where the export refers to it.
    """
    try:
        found = _READERS[format_name](files, role, of)
        return None if found is None else json.dumps(_closed(found, _names(role, of), arn))
    except (NotALiteral, ValueError, KeyError, AttributeError):
        return None


def _names(role: ExportedRole, of: Blueprint) -> frozenset[str]:
    """The names by which the formats refer to the provider of a role."""
    snake, pascal = Labels.snake(of).provider(role.issuer), Labels.pascal(of).provider(role.issuer)
    return frozenset({f"local.{snake}_arn", f"{snake}_arn", f"${snake}_arn", cdk.context_key(pascal), "provider_arn"})


def _closed(value: Any, names: frozenset[str], arn: str) -> Any:
    """The document with the provider's ARN where it refers to it; what it refers to otherwise is not known."""
    if isinstance(value, dict):
        return {key: _closed(each, names, arn) for key, each in value.items()}
    if isinstance(value, list):
        return [_closed(each, names, arn) for each in value]
    if isinstance(value, Name):
        if value.text not in names:
            raise NotALiteral(value.text)
        return arn
    return value


def _after(text: str, anchor: str, *, templates: bool = False) -> Any:
    start = text.index(anchor) + len(anchor)
    if anchor in text[start:]:
        raise NotALiteral(anchor)
    return read(text, start, templates=templates)


def _template(files: Mapping[str, str], role: ExportedRole, of: Blueprint) -> Any:
    labels = Labels.pascal(of)
    account, partition = unknown("AWS::AccountId"), unknown("AWS::Partition")
    provider = f"arn:{partition}:iam::{account}:oidc-provider/{role.issuer.removeprefix('https://')}"
    policies = [
        found
        for name, text in files.items()
        if name.endswith(".yaml")
        for found in find_policies(name, text.encode())
        if found.where.resource == labels.role(role) and found.policy is not None
    ]
    if len(policies) != 1:
        return None
    document = json.loads(policies[0].text)
    for statement in document["Statement"] if isinstance(document["Statement"], list) else ():
        if statement.get("Principal", {}).get("Federated") == provider:
            statement["Principal"]["Federated"] = Name("provider_arn")
    return document


def _terraform(files: Mapping[str, str], role: ExportedRole, of: Blueprint) -> Any:
    return _after(files["daypass.tf"], f"{Labels.snake(of).role(role)}_trust = jsonencode(", templates=True)


def _terraform_json(files: Mapping[str, str], role: ExportedRole, of: Blueprint) -> Any:
    return _after(files["daypass.tf.json"], f'"{Labels.snake(of).role(role)}_trust": ', templates=True)


def _pulumi(files: Mapping[str, str], role: ExportedRole, of: Blueprint) -> Any:
    label = Labels.snake(of).role(role)
    return _after(files["__main__.py"], f"def {label}_trust(provider_arn: str) -> str:\n    policy = ")


def _boto3(files: Mapping[str, str], role: ExportedRole, _of: Blueprint) -> Any:
    text = files["daypass_roles.py"]
    start = text.index(f"name={python(role.name)},\n")
    return read(text, text.index("trust=", start) + len("trust="))


def _aws_cli(files: Mapping[str, str], role: ExportedRole, of: Blueprint) -> Any:
    labels = Labels.snake(of)
    variable = f"{labels.role(role)}_trust="
    words = [word for word in shlex.split(files["daypass-roles.sh"], comments=True) if word.startswith(variable)]
    if len(words) != 1:
        return None
    document = json.loads(words[0].removeprefix(variable))
    return _named(document, f"${labels.provider(role.issuer)}_arn")


def _named(value: Any, variable: str) -> Any:
    if isinstance(value, dict):
        return {key: _named(each, variable) for key, each in value.items()}
    if isinstance(value, list):
        return [_named(each, variable) for each in value]
    return Name(variable) if value == variable else value


def _cdk(file: str, quote: Callable[[str], str]) -> Callable[[Mapping[str, str], ExportedRole, Blueprint], Any]:
    def reader(files: Mapping[str, str], role: ExportedRole, of: Blueprint) -> Any:
        text = files[file]
        parts = re.split(r"iam\.Role\(\s*(?:this|self),\s*", text)
        own = [part for part in parts[1:] if part.startswith(quote(Labels.pascal(of).role(role)))]
        if len(own) != 1:
            return None
        principals = [*re.finditer(r"iam\.WebIdentityPrincipal\(\s*([A-Za-z0-9_]+),\s*", own[0])]
        statements = []
        for index, found in enumerate(principals):
            before = own[0][principals[index - 1].end() if index else 0 : found.start()]
            given = _OVERRIDE.search(own[0]) if index == 0 else _ADDED.search(before)
            actions: Any = _LOGIN
            if given is not None:
                actions = read(own[0] if index == 0 else before, given.end())
            statements.append(
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": Name(found[1])},
                    "Action": actions,
                    "Condition": read(own[0], found.end()),
                }
            )
        return {"Version": "2012-10-17", "Statement": statements} if statements else None

    return reader


_READERS: Final[dict[str, Callable[[Mapping[str, str], ExportedRole, Blueprint], Any]]] = {
    "cloudformation": _template,
    "stackset": _template,
    "cdk-python": _cdk("daypass_stack.py", python),
    "cdk-typescript": _cdk("daypass-stack.ts", javascript),
    "terraform": _terraform,
    "terraform-json": _terraform_json,
    "pulumi-python": _pulumi,
    "aws-cli": _aws_cli,
    "boto3": _boto3,
}
