"""AWS CDK v2 in TypeScript: a stack class, and the app that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from daypass.aws.exporting import cdk
from daypass.aws.exporting.blueprint import AccountText, Open
from daypass.aws.exporting.comments import commented, header, who_may_enter
from daypass.aws.exporting.labels import Labels
from daypass.aws.exporting.limits import demand_no_token
from daypass.aws.exporting.literals import TYPESCRIPT, Code, javascript

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import Blueprint, ExportedProvider, ExportedRole

_USAGE: Final = (
    "npm install && npx cdk deploy",
    "Where the account has a provider already, give its ARN as context; the key is in the stack below:",
    "  npx cdk deploy -c <key>=<its ARN>",
)
_IMPORTS: Final = (
    "import * as cdk from 'aws-cdk-lib';\n"
    "import * as iam from 'aws-cdk-lib/aws-iam';\n"
    "import { Construct } from 'constructs';\n"
)
_OPEN: Final = {"account": "cdk.Aws.ACCOUNT_ID", "partition": "cdk.Aws.PARTITION"}
_APP: Final = """\
import * as cdk from 'aws-cdk-lib';
import { DaypassStack } from './daypass-stack';

const app = new cdk.App();
new DaypassStack(app, STACK);
"""
_PACKAGE: Final = f"""\
{{
  "name": "daypass-stack",
  "private": true,
  "dependencies": {{
    "aws-cdk-lib": "^{cdk.LIBRARY}",
    "constructs": "^{cdk.CONSTRUCTS}"
  }},
  "devDependencies": {{
    "@types/node": "^20.0.0",
    "aws-cdk": "^2.1000.0",
    "ts-node": "^10.9.0",
    "typescript": "^5.9.0"
  }}
}}
"""
_SETTINGS: Final = """\
{
  "compilerOptions": {
    "target": "ES2022",
    "module": "commonjs",
    "strict": true,
    "skipLibCheck": true
  }
}
"""


def write(of: Blueprint) -> dict[str, str]:
    """The files by name."""
    demand_no_token(of)
    return {
        "daypass-stack.ts": _stack(of),
        "app.ts": _APP.replace("STACK", javascript(cdk.stack_id(of))),
        "cdk.json": '{\n  "app": "npx ts-node app.ts"\n}\n',
        "package.json": _PACKAGE,
        "tsconfig.json": _SETTINGS,
    }


def _stack(of: Blueprint) -> str:
    labels = Labels.pascal(of)
    body = [_provider(each, labels.provider(each)) for each in of.providers]
    body += [_role(each, labels) for each in of.roles]
    return (
        commented(header(of, "cdk-typescript", _USAGE), "//")
        + _IMPORTS
        + "\nexport class DaypassStack extends cdk.Stack {\n"
        + "  constructor(scope: Construct, id: string, props?: cdk.StackProps) {\n"
        + "    super(scope, id, props);\n"
        + "".join(f"\n{part}" for part in body)
        + "  }\n}\n"
    )


def _provider(provider: ExportedProvider, label: str) -> str:
    name, arn, key = _variable(label), f"{_variable(label)}Arn", cdk.context_key(label)
    props: dict[str, Any] = {"url": provider.issuer, "clientIds": [*provider.client_ids]}
    if provider.thumbprints:
        props["thumbprints"] = [*provider.thumbprints]
    made = f"new iam.OidcProviderNative(this, {javascript(label)}, {_props(props, '      ')});"
    lines = [
        f"    let {arn}: string | undefined = this.node.tryGetContext({javascript(key)});",
        f"    if ({arn} === undefined) {{",
        f"      const {name} = {made}",
        f"      {name}.applyRemovalPolicy(cdk.RemovalPolicy.RETAIN); // others may use it",
        *_tags(provider, name, "      "),
        f"      {arn} = {name}.oidcProviderArn;",
        "    } else {",
        f"      {arn} = iam.OidcProviderNative.fromOidcProviderArn(this, {javascript(label)}, {arn}).oidcProviderArn;",
        "    }",
    ]
    return "\n".join(lines) + "\n"


def _role(role: ExportedRole, labels: Labels) -> str:
    label = labels.role(role)
    name, arn = _variable(label), f"{_variable(labels.provider(role.issuer))}Arn"
    first, *rest = cdk.statements(role)
    props: dict[str, Any] = {"roleName": role.name, "path": role.path}
    if role.description:
        props["description"] = role.description
    props["maxSessionDuration"] = Code(f"cdk.Duration.seconds({role.max_session_seconds})")
    props["assumedBy"] = Code(_principal(arn, first.conditions, "      "))
    if role.boundary:
        props["permissionsBoundary"] = _managed(f"{label}Boundary", role.boundary)
    if role.managed_policies:
        props["managedPolicies"] = [
            _managed(f"{label}Managed{index}", text) for index, text in enumerate(role.managed_policies, 1)
        ]
    text = commented(who_may_enter(role), "//", "    ")
    text += f"    const {name} = new iam.Role(this, {javascript(label)}, {_props(props, '    ')});\n"
    if not first.logs_in_only or role.inline_policies:
        text += f"    const {name}Resource = {name}.node.defaultChild as iam.CfnRole;\n"
    if not first.logs_in_only:
        actions = TYPESCRIPT.write(first.actions)
        text += f"    {name}Resource.addPropertyOverride('AssumeRolePolicyDocument.Statement.0.Action', {actions});\n"
    for statement in rest:
        members = {
            "actions": [*statement.actions],
            "principals": [Code(_principal(arn, statement.conditions, "        "))],
        }
        written = _props(members, "    ")
        text += f"    {name}.assumeRolePolicy!.addStatements(new iam.PolicyStatement({written}));\n"
    if role.inline_policies:
        policies = [{"policyName": policy, "policyDocument": document} for policy, document in role.inline_policies]
        # Their own members stay quoted: a document is data, whatever its keys are.
        text += f"    {name}Resource.policies = {TYPESCRIPT.write(policies, '    ')};\n"
    return text + "".join(f"{line}\n" for line in _tags(role, name, "    "))


def _variable(label: str) -> str:
    return label[0].lower() + label[1:]


def _principal(arn: str, conditions: dict[str, Any], margin: str) -> str:
    return f"new iam.WebIdentityPrincipal({arn}, {TYPESCRIPT.write(conditions, margin)})"


def _managed(label: str, arn: AccountText) -> Code:
    text = " + ".join(_OPEN[part.name] if isinstance(part, Open) else javascript(part) for part in arn.parts)
    return Code(f"iam.ManagedPolicy.fromManagedPolicyArn(this, {javascript(label)}, {text})")


def _props(members: dict[str, Any], margin: str) -> str:
    inner = margin + "  "
    lines = [f"{inner}{name}: {_value(value, inner)},\n" for name, value in members.items()]
    return "{\n" + "".join(lines) + margin + "}"


def _value(value: Any, margin: str) -> str:
    if isinstance(value, list) and any(isinstance(each, Code) for each in value):
        return "[\n" + "".join(f"{margin}  {TYPESCRIPT.write(each)},\n" for each in value) + margin + "]"
    return TYPESCRIPT.write(value, margin)


def _tags(of: ExportedProvider | ExportedRole, name: str, margin: str) -> list[str]:
    return [f"{margin}cdk.Tags.of({name}).add({javascript(key)}, {javascript(value)});" for key, value in of.tags]
