"""The formats, by name: what each is for, and what writes it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from daypass.aws.exporting import (
    aws_cli,
    boto3_script,
    cdk_python,
    cdk_typescript,
    cloudformation,
    pulumi_python,
    stackset,
    terraform,
    terraform_json,
)
from daypass.aws.exporting.limits import demand_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from daypass.aws.exporting.blueprint import Blueprint


@dataclass(frozen=True, slots=True)
class Format:
    """One format: `write` gives the texts of its files by name, the same bytes for the same blueprint."""

    name: str
    about: str
    write: Callable[[Blueprint], dict[str, str]]


FORMATS: Final = {
    each.name: each
    for each in (
        Format("cloudformation", "a CloudFormation template for each issuer", cloudformation.write),
        Format("stackset", "templates, and requests that put them into many accounts", stackset.write),
        Format("cdk-python", "a stack of AWS CDK v2 in Python", cdk_python.write),
        Format("cdk-typescript", "a stack of AWS CDK v2 in TypeScript", cdk_typescript.write),
        Format("terraform", "Terraform or OpenTofu", terraform.write),
        Format("terraform-json", "Terraform or OpenTofu, in JSON", terraform_json.write),
        Format("pulumi-python", "a Pulumi program in Python", pulumi_python.write),
        Format("aws-cli", "a bash script with the AWS CLI", aws_cli.write),
        Format("boto3", "a Python script with boto3", boto3_script.write),
    )
}


_BEGINNINGS: Final = frozenset(
    {
        *("app.py", "app.ts", "cdk.json", "package.json", "tsconfig.json", "requirements.txt", "Pulumi.yaml"),
        *("versions.tf", "versions.tf.json"),
    }
)


def is_beginning(name: str) -> bool:
    """Whether a file only begins a project: from then on it is its owner's, is not written again and not compared."""
    return name in _BEGINNINGS or name.endswith((".stack-set.json", ".stack-instances.json"))


def export(of: Blueprint, format_name: str) -> dict[str, str]:
    """The files of a format, their texts by name.

    Raises:
        ExportImpossible: something in it cannot be said in the format.
    """
    demand_text(of)
    return FORMATS[format_name].write(of)
