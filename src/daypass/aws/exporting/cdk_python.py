"""AWS CDK v2 in Python: a stack class, and the app that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.aws.exporting import cdk
from daypass.aws.exporting.blueprint import AccountText, Open
from daypass.aws.exporting.comments import commented, header, who_may_enter
from daypass.aws.exporting.labels import Labels
from daypass.aws.exporting.limits import demand_no_token
from daypass.aws.exporting.literals import PYTHON, Code, call, python

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import Blueprint, ExportedProvider, ExportedRole

_USAGE: Final = (
    "pip install -r requirements.txt && npx cdk deploy",
    "Where the account has a provider already, give its ARN as context; the key is in the stack below:",
    "  npx cdk deploy -c <key>=<its ARN>",
)
_TOP: Final = """
import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct


class DaypassStack(cdk.Stack):
    def __init__(self, scope: Construct, id: str, **options) -> None:
        super().__init__(scope, id, **options)
"""
_APP: Final = """\
import aws_cdk as cdk

from daypass_stack import DaypassStack

app = cdk.App()
DaypassStack(app, {stack})
app.synth()
"""
_OPEN: Final = {"account": "cdk.Aws.ACCOUNT_ID", "partition": "cdk.Aws.PARTITION"}
_IN: Final = " " * 8


def write(of: Blueprint) -> dict[str, str]:
    """The files by name."""
    demand_no_token(of)
    snake, pascal = Labels.snake(of), Labels.pascal(of)
    body = [_provider(each, snake.provider(each), pascal.provider(each)) for each in of.providers]
    body += [_role(each, snake, pascal) for each in of.roles]
    stack = commented(header(of, "cdk-python", _USAGE), "#") + _TOP + "".join(f"\n{part}" for part in body)
    return {
        "daypass_stack.py": stack,
        "app.py": _APP.format(stack=python(cdk.stack_id(of))),
        "cdk.json": '{\n  "app": "python3 app.py"\n}\n',
        "requirements.txt": f"aws-cdk-lib>={cdk.LIBRARY},<3\nconstructs>={cdk.CONSTRUCTS},<11\n",
    }


def _provider(provider: ExportedProvider, name: str, label: str) -> str:
    arn, deeper = f"{name}_arn", _IN + "    "
    options: dict[str, Any] = {"url": provider.issuer, "client_ids": [*provider.client_ids]}
    if provider.thumbprints:
        options["thumbprints"] = [*provider.thumbprints]
    found = call("iam.OidcProviderNative.from_oidc_provider_arn", ["self", python(label), arn], {}, _IN + "    ")
    lines = [
        f"{_IN}{arn} = self.node.try_get_context({python(cdk.context_key(label))})",
        f"{_IN}if {arn} is None:",
        f"{deeper}{name} = {call('iam.OidcProviderNative', ['self', python(label)], options, deeper)}",
        f"{deeper}{name}.apply_removal_policy(cdk.RemovalPolicy.RETAIN)  # others may use it",
        *_tags(provider, name, deeper),
        f"{deeper}{arn} = {name}.oidc_provider_arn",
        f"{_IN}else:",
        f"{deeper}{arn} = {found}.oidc_provider_arn",
    ]
    return "\n".join(lines) + "\n"


def _role(role: ExportedRole, snake: Labels, pascal: Labels) -> str:
    name, label, arn = snake.role(role), pascal.role(role), f"{snake.provider(role.issuer)}_arn"
    first, *rest = cdk.statements(role)
    options: dict[str, Any] = {"role_name": role.name, "path": role.path}
    if role.description:
        options["description"] = role.description
    options["max_session_duration"] = Code(f"cdk.Duration.seconds({role.max_session_seconds})")
    options["assumed_by"] = Code(_principal(arn, first.conditions, _IN + "    "))
    if role.boundary:
        options["permissions_boundary"] = _managed(f"{label}Boundary", role.boundary, _IN + "    ")
    if role.managed_policies:
        options["managed_policies"] = Code(
            _several(
                [
                    _managed(f"{label}Managed{index}", text, _IN + "        ").text
                    for index, text in enumerate(role.managed_policies, 1)
                ],
                _IN + "    ",
            )
        )
    text = commented(who_may_enter(role), "#", _IN)
    text += f"{_IN}{name} = {call('iam.Role', ['self', python(label)], options, _IN)}\n"
    if not first.logs_in_only:
        path = python("AssumeRolePolicyDocument.Statement.0.Action")
        override = call(
            f"{name}.node.default_child.add_property_override",
            [path, PYTHON.write(first.actions, _IN + "    ")],
            {},
            _IN,
        )
        text += f"{_IN}{override}\n"
    for statement in rest:
        inner = _IN + "    "
        members: dict[str, Any] = {
            "actions": [*statement.actions],
            "principals": Code(_several([_principal(arn, statement.conditions, inner + "        ")], inner + "    ")),
        }
        added = call(
            f"{name}.assume_role_policy.add_statements", [call("iam.PolicyStatement", [], members, inner)], {}, _IN
        )
        text += f"{_IN}{added}\n"
    if role.inline_policies:
        policies = [
            call("iam.CfnRole.PolicyProperty", [], {"policy_name": policy, "policy_document": document}, _IN + "    ")
            for policy, document in role.inline_policies
        ]
        text += f"{_IN}{name}.node.default_child.policies = {_several(policies, _IN)}\n"
    return text + "".join(f"{line}\n" for line in _tags(role, name, _IN))


def _principal(arn: str, conditions: dict[str, Any], margin: str) -> str:
    return call("iam.WebIdentityPrincipal", [arn, PYTHON.write(conditions, margin + "    ")], {}, margin)


def _managed(label: str, arn: AccountText, margin: str) -> Code:
    text = " + ".join(_OPEN[part.name] if isinstance(part, Open) else python(part) for part in arn.parts)
    return Code(call("iam.ManagedPolicy.from_managed_policy_arn", ["self", python(label), text], {}, margin))


def _several(items: list[str], margin: str) -> str:
    return "[\n" + "".join(f"{margin}    {item},\n" for item in items) + margin + "]"


def _tags(of: ExportedProvider | ExportedRole, name: str, margin: str) -> list[str]:
    return [f"{margin}cdk.Tags.of({name}).add({python(key)}, {python(value)})" for key, value in of.tags]
