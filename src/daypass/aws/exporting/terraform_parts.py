"""What both forms of Terraform's language share: which blocks there are, and what refers to what. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.aws.exporting.blueprint import Open
from daypass.aws.exporting.literals import terraform_template

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import AccountText, Blueprint

SOURCE: Final = "hashicorp/aws"
VERSION: Final = ">= 5.81"
"""The first in which a provider needs no thumbprints."""

_OPEN: Final = {
    "account": "${data.aws_caller_identity.current.account_id}",
    "partition": "${data.aws_partition.current.partition}",
}

USAGE: Final = (
    "terraform init && terraform apply",
    "Where the account has the provider already, set its variable, or take it over:",
    "  import {",
    "    to = aws_iam_openid_connect_provider.<its name here>[0]",
    '    id = "<its ARN>"',
    "  }",
)


def open_names(of: Blueprint) -> set[str]:
    """Which of `account` and `partition` are asked of AWS."""
    texts = [
        text for role in of.roles for text in (*role.managed_policies, *([role.boundary] if role.boundary else ()))
    ]
    return {part.name for text in texts for part in text.parts if isinstance(part, Open)}


def reference(name: str) -> str:
    """A part of a template that asks for `account` or `partition`."""
    return _OPEN[name]


def template(text: AccountText) -> str:
    """An ARN as a template of Terraform, not quoted."""
    return "".join(reference(part.name) if isinstance(part, Open) else terraform_template(part) for part in text.parts)


def existing(label: str) -> str:
    """The variable that says whether the account has a provider already."""
    return f"{label}_exists"


def arn_expression(label: str) -> str:
    """The ARN of a provider, made or found."""
    made, found = (
        f"aws_iam_openid_connect_provider.{label}[0].arn",
        f"data.aws_iam_openid_connect_provider.{label}[0].arn",
    )
    return f"var.{existing(label)} ? {found} : {made}"
