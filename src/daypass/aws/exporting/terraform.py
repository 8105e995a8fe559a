"""Terraform and OpenTofu in their native syntax, as `terraform fmt` leaves it.

Trust policies are local values: what a role trusts can be evaluated without AWS's plugin, and is in tests.
Source: HCL native syntax specification; "Resource: aws_iam_role" in the AWS provider's documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.aws.exporting import terraform_parts as parts
from daypass.aws.exporting.blueprint import Open
from daypass.aws.exporting.cloudformation import referring
from daypass.aws.exporting.comments import commented, header, who_may_enter
from daypass.aws.exporting.labels import Labels
from daypass.aws.exporting.limits import demand_composed
from daypass.aws.exporting.literals import Code, aligned, hcl, write_hcl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daypass.aws.exporting.blueprint import AccountText, Blueprint, ExportedProvider, ExportedRole


def write(of: Blueprint) -> dict[str, str]:
    """The files by name."""
    demand_composed(of)
    labels = Labels.snake(of)
    blocks = [commented(header(of, "terraform", parts.USAGE), "#")]
    blocks += [f'data "{kind}" "current" {{}}\n' for kind in _asked(of)]
    for provider in of.providers:
        blocks += _provider(provider, labels.provider(provider))
    for role in of.roles:
        blocks += _role(role, labels)
    return {"daypass.tf": "\n".join(blocks), "versions.tf": _settings()}


def _settings() -> str:
    aws = write_hcl({"source": parts.SOURCE, "version": parts.VERSION}, "    ")
    return f"terraform {{\n  required_providers {{\n    aws = {aws}\n  }}\n}}\n"


def _asked(of: Blueprint) -> list[str]:
    kinds = {"account": "aws_caller_identity", "partition": "aws_partition"}
    return [kinds[name] for name in sorted(parts.open_names(of))]


def _provider(provider: ExportedProvider, label: str) -> list[str]:
    exists = f"var.{parts.existing(label)}"
    told = f"Whether the account has the provider of {provider.issuer} already"
    members = [
        ("count", f"{exists} ? 0 : 1"),
        ("url", hcl(provider.issuer)),
        ("client_id_list", write_hcl([*provider.client_ids], "  ")),
    ]
    if provider.thumbprints:
        members.append(("thumbprint_list", write_hcl([*provider.thumbprints], "  ")))
    made = aligned([*members, *_tags(provider)], "  ")
    return [
        _block(
            "variable",
            parts.existing(label),
            aligned([("type", "bool"), ("default", "false"), ("description", hcl(told))], "  "),
        ),
        _block(
            'resource "aws_iam_openid_connect_provider"',
            label,
            f"{made}\n  lifecycle {{\n    prevent_destroy = true # others may use it\n  }}\n",
        ),
        _block(
            'data "aws_iam_openid_connect_provider"',
            label,
            aligned([("count", f"{exists} ? 1 : 0"), ("url", hcl(provider.issuer))], "  "),
        ),
        "locals {\n" + aligned([(f"{label}_arn", parts.arn_expression(label))], "  ") + "}\n",
    ]


def _role(role: ExportedRole, labels: Labels) -> list[str]:
    label = labels.role(role)
    trust = referring(role.trust, Code(f"local.{labels.provider(role.issuer)}_arn"))
    members = [("name", hcl(role.name)), ("path", hcl(role.path))]
    if role.description:
        members.append(("description", hcl(role.description)))
    members.append(("max_session_duration", str(role.max_session_seconds)))
    if role.boundary:
        members.append(("permissions_boundary", _arn(role.boundary)))
    members += [("assume_role_policy", f"local.{label}_trust"), *_tags(role)]
    blocks = [
        commented(who_may_enter(role), "#")
        + f"locals {{\n  {label}_trust = jsonencode({write_hcl(trust, '  ')})\n}}\n",
        _block('resource "aws_iam_role"', label, aligned(members, "  ")),
    ]
    for index, arn in enumerate(role.managed_policies, 1):
        attached = [("role", f"aws_iam_role.{label}.name"), ("policy_arn", _arn(arn))]
        blocks.append(_block('resource "aws_iam_role_policy_attachment"', f"{label}_{index}", aligned(attached, "  ")))
    for index, (name, document) in enumerate(role.inline_policies, 1):
        inline = [
            ("name", hcl(name)),
            ("role", f"aws_iam_role.{label}.name"),
            ("policy", f"jsonencode({write_hcl(document, '  ')})"),
        ]
        blocks.append(_block('resource "aws_iam_role_policy"', f"{label}_{index}", aligned(inline, "  ")))
    return blocks


def _block(kind: str, label: str, body: str) -> str:
    return f'{kind} "{label}" {{\n{body}}}\n'


def _arn(text: AccountText) -> str:
    return '"' + "".join(_quoted_part(part) for part in text.parts) + '"'


def _quoted_part(part: object) -> str:
    return parts.reference(part.name) if isinstance(part, Open) else hcl(str(part))[1:-1]


def _tags(of: ExportedProvider | ExportedRole) -> Sequence[tuple[str, str]]:
    return (
        [("tags", "{\n" + aligned([(hcl(key), hcl(value)) for key, value in of.tags], "    ") + "  }")]
        if of.tags
        else []
    )
