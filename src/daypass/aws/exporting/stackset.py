"""A CloudFormation template and the requests that put it into many accounts as a stack set.

IAM is the same in all regions of an account: instances are made in exactly one. Source: CreateStackSet and
CreateStackInstances in the CloudFormation API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.aws.exporting.cloudformation import template
from daypass.aws.exporting.comments import WRITTEN_BY
from daypass.aws.exporting.labels import Labels
from daypass.aws.exporting.literals import json_text, one_line

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import Blueprint

_REGION: Final = "us-east-1"


def write(of: Blueprint) -> dict[str, str]:
    """The files by name: for each issuer a template and two requests, and one page on how they are used."""
    names, stacks = Labels.kebab(of), Labels.stacks(of)
    files: dict[str, str] = {}
    steps: list[str] = []
    for provider in of.providers:
        name = names.provider(provider)
        files[f"{name}.template.yaml"] = template(of, provider, "stackset")
        files[f"{name}.stack-set.json"] = _json(
            {
                "StackSetName": stacks.provider(provider),
                "Description": f"Roles for workloads of {provider.issuer}",
                "Capabilities": ["CAPABILITY_NAMED_IAM"],
                "PermissionModel": "SERVICE_MANAGED",
                "AutoDeployment": {"Enabled": True, "RetainStacksOnAccountRemoval": False},
            }
        )
        files[f"{name}.stack-instances.json"] = _json(
            {
                "StackSetName": stacks.provider(provider),
                "DeploymentTargets": {"OrganizationalUnitIds": ["r-root"]},
                "Regions": [_REGION],
                "OperationPreferences": {"MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 0},
            }
        )
        roles = "".join(f"- `{one_line(role.name)}`\n" for role in of.roles_of(provider))
        steps.append(
            f"\n## {one_line(provider.issuer)}\n\n{roles}\n"
            f"    aws cloudformation create-stack-set --cli-input-json file://{name}.stack-set.json \\\n"
            f"      --template-body file://{name}.template.yaml\n"
            f"    aws cloudformation create-stack-instances --cli-input-json file://{name}.stack-instances.json\n"
        )
    files["README.md"] = _PAGE.format(written_by=WRITTEN_BY, source=one_line(of.source), region=_REGION) + "".join(
        steps
    )
    return files


def _json(value: object) -> str:
    return json_text(value, indent=2) + "\n"


_PAGE: Final = """\
# Roles in every account of an organization

{written_by} --format stackset` from {source}. Change that file and export again.

1. Write the organization's units (`ou-...`) or its root (`r-...`) in place of `r-root` in `*.stack-instances.json`.
2. Run the commands below in the management account, or as a delegated administrator with `--call-as DELEGATED_ADMIN`.

Providers and roles are global in an account: the instances are made in one region, {region}, and in no second one.
Service-managed stack sets leave out the management account itself. An account that has the provider already needs
its ARN: `--parameter-overrides ParameterKey=ProviderArn,ParameterValue=<its ARN>` for that account's instances.
Later changes: `aws cloudformation update-stack-set` with the same two options.
"""
