"""A Pulumi program in Python. Source: aws.iam.OpenIdConnectProvider and aws.iam.Role in the Pulumi registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.aws.exporting.blueprint import AccountText, Open
from daypass.aws.exporting.cloudformation import referring
from daypass.aws.exporting.comments import commented, header, who_may_enter
from daypass.aws.exporting.labels import Labels, stack_name
from daypass.aws.exporting.literals import PYTHON, Code, call, python

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import Blueprint, ExportedProvider, ExportedRole

_USAGE: Final = (
    "pulumi up",
    "Where the account has a provider already, give its ARN; the key is in the program below:",
    "  pulumi config set <key> <its ARN>",
)
_TOP: Final = """
import json

import pulumi
import pulumi_aws as aws

config = pulumi.Config()
"""
_OPEN: Final = {"account": "aws.get_caller_identity().account_id", "partition": "aws.get_partition().partition"}
_PROJECT: Final = """\
name: daypass-{stack}
description: Roles for workloads that bring a token
runtime: python
"""


def write(of: Blueprint) -> dict[str, str]:
    """The files by name."""
    labels = Labels.snake(of)
    body = [_provider(each, labels.provider(each)) for each in of.providers]
    body += [_role(each, labels) for each in of.roles]
    program = commented(header(of, "pulumi-python", _USAGE), "#") + _TOP + "".join(f"\n{part}" for part in body)
    return {
        "__main__.py": program,
        "Pulumi.yaml": _PROJECT.format(stack=stack_name(of)),
        "requirements.txt": "pulumi>=3,<4\npulumi-aws>=7,<8\n",
    }


def _provider(provider: ExportedProvider, label: str) -> str:
    options: dict[str, Any] = {"url": provider.issuer, "client_id_lists": [*provider.client_ids]}
    if provider.thumbprints:
        options["thumbprint_lists"] = [*provider.thumbprints]
    if provider.tags:
        options["tags"] = dict(provider.tags)
    options["opts"] = Code("pulumi.ResourceOptions(retain_on_delete=True)")
    made = call("aws.iam.OpenIdConnectProvider", [python(provider.without_scheme)], options, "    ")
    return (
        f"{label}_arn = config.get({python(f'{label}_arn')})\n"
        f"if {label}_arn is None:\n"
        f"    # Others may use it: it stays when this program no longer names it.\n"
        f"    {label} = {made}\n"
        f"    {label}_arn = {label}.arn\n"
    )


def _role(role: ExportedRole, labels: Labels) -> str:
    label, arn = labels.role(role), f"{labels.provider(role.issuer)}_arn"
    trust = PYTHON.write(referring(role.trust, Code("provider_arn")), "    ")
    options: dict[str, Any] = {"name": role.name, "path": role.path}
    if role.description:
        options["description"] = role.description
    options["max_session_duration"] = role.max_session_seconds
    options["assume_role_policy"] = Code(f"pulumi.Output.from_input({arn}).apply({label}_trust)")
    if role.boundary:
        options["permissions_boundary"] = _arn(role.boundary)
    if role.tags:
        options["tags"] = dict(role.tags)
    text = "\n" + commented(who_may_enter(role), "#")
    text += f"def {label}_trust(provider_arn: str) -> str:\n    policy = {trust}\n    return json.dumps(policy)\n\n\n"
    text += f"{label} = {call('aws.iam.Role', [python(role.name)], options, '')}\n"
    for index, each in enumerate(role.managed_policies, 1):
        attached = {"role": Code(f"{label}.name"), "policy_arn": _arn(each)}
        text += f"{call('aws.iam.RolePolicyAttachment', [python(f'{role.name}-{index}')], attached, '')}\n"
    for name, document in role.inline_policies:
        policy = Code(f"json.dumps(\n        {PYTHON.write(document, '        ')},\n    )")
        inline = {"name": name, "role": Code(f"{label}.name"), "policy": policy}
        text += f"{call('aws.iam.RolePolicy', [python(f'{role.name}-{name}')], inline, '')}\n"
    return text


def _arn(arn: AccountText) -> Code:
    return Code(" + ".join(_OPEN[part.name] if isinstance(part, Open) else python(part) for part in arn.parts))
