"""Files of what AWS should have, ordinary and hostile, and tools that read or run what is exported."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from daypass.aws.exporting.blueprint import (
    AccountText,
    Blueprint,
    ExportedProvider,
    ExportedRole,
    Open,
    ProviderReference,
)
from daypass.aws.exporting.cloudformation import referring
from daypass.aws.provisioning.same import normal
from support import node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

ACCOUNT: Final = "210987654321"
PARTITION: Final = "aws"

FILE: Final = """
stack: shop
providers:
  - issuer: https://gitlab.com
    audiences: [https://gitlab.com, sts.amazonaws.com]
    tags: {team: shop}
roles:
  shop-deploy:
    who:
      - gitlab: {project: tidewater/shop, project_id: 42, branch: main}
    path: /ci/
    description: Deploys the shop
    max_session: 2h
    managed_policies: ["arn:{partition}:iam::aws:policy/ReadOnlyAccess", "arn:{partition}:iam::{account}:policy/shop"]
    boundary: arn:aws:iam::{account}:policy/limits
    inline_policies:
      bucket:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: [s3:GetObject, s3:PutObject]
            Resource: "arn:aws:s3:::shop-releases/${aws:username}/*"
    tags: {team: shop}
  shop-test:
    who:
      - gitlab: {project: tidewater/api, project_id: 7}
        session_tags: [project, ref]
      - gitlab: {project: tidewater/tools, project_id: 8, branch: [main, stable]}
"""

SECOND_ISSUER: Final = """
  - issuer: https://gitlab.example.com/git
    audiences: [sts.amazonaws.com]
"""

HOSTILE: Final = (
    *('"', "'", "`", "\\", "'''", '"""', "$", "${x}", "$${x}", "$$${x}", "%{ if true }", "%%{x}", "$%{x}", "#{x}"),
    *(
        "$(touch pwned)",
        "`touch pwned`",
        "${file('/etc/passwd')}",
        "\n",
        "\r\n# x",
        "\u2028",
        "\x85",
        "\x00",
        "\x1b[31m",
    ),
    *("*/", "//", "#", "!Ref Provider", "{{x}}", "yes", "null", "12", "- x", "a: b", "é", "\u202e", "\U0001f600"),
    *('"; import os; os.system("touch pwned")  #', "'; touch pwned; '", '" + evil() + "', "\\u0022", "\\", "EOF", " "),
    *("provider", "provider-", "$provider_issuer_example_arn", "https://issuer.example/x", "file:///etc/passwd", "--x"),
)


def exports_python() -> str:
    """The interpreter that has Pulumi, the CDK and Terraform's loader; skips the test where none is named."""
    found = os.environ.get("DAYPASS_EXPORTS_PYTHON")
    if not found:
        pytest.skip("DAYPASS_EXPORTS_PYTHON names no interpreter: `make exports-check` makes one with the tools")
    return found


def write_all(files: Mapping[str, str], folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "ascii")
    return folder


def run(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], seconds: float = 300) -> str:
    """What a command prints; a failure fails the test with all that it said."""
    done = subprocess.run(
        command, cwd=folder, env=dict(environment), capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


_CLASHING: Final = ("role-arn", "role-trust", "role-resource", "roleBoundary", "role-managed1", "role-managed-2")
"""Names of roles that are those of things that belong to the role `role`, as some format names them."""

ISSUER: Final = "https://issuer.example/it's/$(x)"


def hostile(*texts: str, plain_names: bool = False) -> Blueprint:
    """A blueprint that says each of the texts wherever text may be, and more than a file could say.

    The CDK refuses names of roles that IAM would not take: `plain_names` are taken.
    """
    texts = tuple(dict.fromkeys(text or "x" for text in texts))
    host = ISSUER.removeprefix("https://")
    roles = []
    for index, text in enumerate(texts):
        statements = [
            {
                "Effect": "Allow",
                "Principal": {"Federated": ProviderReference(ISSUER)},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {f"{host}:sub": text, f"{host}:{text}": [text, f"{text}-2"]}},
            },
            {
                "Effect": "Allow",
                "Principal": {"Federated": ProviderReference(ISSUER)},
                "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"],
                "Condition": {"StringLike": {f"{host}:sub": f"{text}*"}},
            },
        ]
        if index % 2:
            statements.reverse()
        permissions: dict[str, Any] = {"Version": "2012-10-17", "Statement": [{"Sid": text, text: {text: [text]}}]}
        roles.append(
            ExportedRole(
                name=("role", *_CLASHING, *map(str, range(99)))[index] if plain_names else f"{text}-{index}",
                path="/ci/" if plain_names else f"/{text}/",
                description=text,
                max_session_seconds=3600,
                issuer=ISSUER,
                trust={"Version": "2012-10-17", "Statement": statements},
                managed_policies=(
                    AccountText(f"arn:{{partition}}:iam::{{account}}:policy/{text}"),
                    AccountText(f"arn:aws:iam::aws:policy/{text}"),
                ),
                inline_policies=((f"p{text}", permissions),),
                boundary=AccountText(f"arn:aws:iam::{{account}}:policy/{text}"),
                tags=((text, text),),
            )
        )
    provider = ExportedProvider(ISSUER, texts, ("a" * 40,), tuple((text, text) for text in texts))
    return Blueprint(texts[0], "shop", (provider,), tuple(roles))


# -------------------------------------------------------------------------------------------------- one common form


def arn_of(provider: ExportedProvider | str) -> str:
    issuer = provider if isinstance(provider, str) else provider.issuer
    return f"arn:{PARTITION}:iam::{ACCOUNT}:oidc-provider/{issuer.removeprefix('https://')}"


def filled(text: AccountText) -> str:
    values = {"account": ACCOUNT, "partition": PARTITION}
    return "".join(values[part.name] if isinstance(part, Open) else part for part in text.parts)


def trust_of(role: ExportedRole) -> Any:
    """The trust policy that a role should have, in the one form of documents that mean the same."""
    return normal(referring(role.trust, arn_of(role.issuer)))


def wanted(of: Blueprint) -> dict[str, Any]:
    """All that a blueprint says, in a form that every tool's answer can be brought to."""
    return {
        "providers": {
            each.issuer: {"clients": sorted(each.client_ids), "tags": dict(each.tags)} for each in of.providers
        },
        "roles": {
            role.name: {
                "path": role.path,
                "description": role.description,
                "seconds": role.max_session_seconds,
                "trust": trust_of(role),
                "managed": sorted(map(filled, role.managed_policies)),
                "inline": {name: normal(document) for name, document in role.inline_policies},
                "boundary": filled(role.boundary) if role.boundary else None,
                "tags": dict(role.tags),
            }
            for role in of.roles
        },
    }


class _Loader(yaml.SafeLoader):
    pass


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {name: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


def of_template(text: str) -> dict[str, Any]:
    """A CloudFormation template, JSON or YAML, in the common form: as if its provider were made."""
    template = json.loads(text) if text.startswith("{") else yaml.load(text, _Loader)
    resources = template["Resources"]
    urls = {
        name: each["Properties"]["Url"] for name, each in resources.items() if each["Type"] == "AWS::IAM::OIDCProvider"
    }

    def resolved(value: Any) -> Any:
        match value:
            case {"Ref": name, **rest} if not rest:
                return {**{key: arn_of(url) for key, url in urls.items()}, **_PSEUDO}[name]
            case {"Fn::GetAtt": [name, "Arn"]}:
                return arn_of(urls[name])
            case {"Fn::If": [_, then, _]}:
                return resolved(then)
            case {"Fn::Join": [by, items]}:
                return by.join(map(resolved, items))
            case {"Fn::Sub": said}:
                for name, put in _PSEUDO.items():
                    said = said.replace(f"${{{name}}}", put)
                assert "${" not in said.replace("${!", ""), said
                return said.replace("${!", "${")
            case dict():
                return {key: resolved(each) for key, each in value.items()}
            case list():
                return [resolved(each) for each in value]
        return value

    found: dict[str, Any] = {"providers": {}, "roles": {}}
    for each in resources.values():
        properties = resolved(each.get("Properties", {}))
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", ())}
        if each["Type"] == "AWS::IAM::OIDCProvider":
            found["providers"][properties["Url"]] = {"clients": sorted(properties["ClientIdList"]), "tags": tags}
        elif each["Type"] == "AWS::IAM::Role":
            found["roles"][properties["RoleName"]] = {
                "path": properties["Path"],
                "description": properties.get("Description", ""),
                "seconds": properties["MaxSessionDuration"],
                "trust": normal(properties["AssumeRolePolicyDocument"]),
                "managed": sorted(properties.get("ManagedPolicyArns", ())),
                "inline": {
                    policy["PolicyName"]: normal(policy["PolicyDocument"]) for policy in properties.get("Policies", ())
                },
                "boundary": properties.get("PermissionsBoundary"),
                "tags": tags,
            }
    return found


_PSEUDO: Final = {"AWS::AccountId": ACCOUNT, "AWS::Partition": PARTITION, "AWS::Region": "us-east-1"}


def of_iam(answers: Mapping[str, Any]) -> dict[str, Any]:
    """What `support.stacks.in_iam` tells of an account, in the common form."""

    def tags(listed: Any) -> dict[str, str]:
        return {each["Key"]: each["Value"] for each in listed if not each["Key"].startswith("aws:")}

    return {
        "providers": {
            "https://" + arn.partition(":oidc-provider/")[2]: {"clients": each["clients"], "tags": tags(each["tags"])}
            for arn, each in answers["providers"].items()
        },
        "roles": {
            name: {
                "path": each["Path"],
                "description": each.get("Description", ""),
                "seconds": each["MaxSessionDuration"],
                "trust": normal(each["AssumeRolePolicyDocument"]),
                "managed": sorted(policy["PolicyArn"] for policy in each["attached"]),
                "inline": {policy: normal(document) for policy, document in each["inline"].items()},
                "boundary": each.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
                "tags": tags(each["Tags"]),
            }
            for name, each in answers["roles"].items()
        },
    }


def document(text: str) -> Any:
    """A policy's text in the one form of documents that mean the same."""
    return normal(json.loads(text))


# ----------------------------------------------------------------------------------------------------- CDK

_TRANSPILE: Final = """
import ts from 'typescript';
import fs from 'node:fs';
const folder = process.env.OUT;
const files = ['app.ts', 'daypass-stack.ts'].map((name) => `${folder}/${name}`);
const options = {
  target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Node10,
  strict: true, skipLibCheck: true, types: [],
};
const found = process.env.TYPES ? ts.getPreEmitDiagnostics(ts.createProgram(files, options)) : [];
for (const each of found) console.error(ts.flattenDiagnosticMessageText(each.messageText, '\\n'));
if (found.length) process.exit(1);
for (const name of files) {
  const made = ts.transpileModule(fs.readFileSync(name, 'utf8'), { compilerOptions: options });
  fs.writeFileSync(name.replace(/ts$/, 'js'), made.outputText);
}
const { createRequire } = await import('node:module');
createRequire(`${folder}/`)('./app.js');
"""


def template_of(folder: Path) -> str:
    """The template of the one stack that an app made."""
    (template,) = (folder / "cdk.out").glob("DaypassStack*.template.json")
    return template.read_text("utf-8")


def synthesized(files: dict[str, str], folder: Path, *, types: bool, **context: str) -> str:
    """The template that the TypeScript app makes."""
    node.demand_node()
    write_all(files, folder)
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(node.FOLDER / "node_modules", target_is_directory=True)
    environment = {
        "OUT": str(folder),
        "CDK_OUTDIR": str(folder / "cdk.out"),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "HOME": str(folder),
        **({"TYPES": "1"} if types else {}),
    }
    done = node.run_module(_TRANSPILE, folder=folder, environment=environment, seconds=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return template_of(folder)
