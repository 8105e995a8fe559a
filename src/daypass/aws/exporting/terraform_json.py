"""Terraform and OpenTofu in their JSON syntax. Every string is a template there, and so is every member's name.

Source: "JSON Configuration Syntax", Terraform language documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daypass.aws.exporting import terraform_parts as parts
from daypass.aws.exporting.blueprint import ProviderReference
from daypass.aws.exporting.comments import header, who_may_enter
from daypass.aws.exporting.labels import Labels
from daypass.aws.exporting.limits import demand_composed
from daypass.aws.exporting.literals import json_text, terraform_template

if TYPE_CHECKING:
    from daypass.aws.exporting.blueprint import Blueprint, ExportedProvider, ExportedRole


def write(of: Blueprint) -> dict[str, str]:
    """The files by name."""
    demand_composed(of)
    labels = Labels.snake(of)
    told = [*header(of, "terraform-json", parts.USAGE)]
    document: dict[str, Any] = {
        "//": [terraform_template(line) for line in told if line],
        "variable": {},
        "locals": {},
        "data": {},
        "resource": {"aws_iam_openid_connect_provider": {}, "aws_iam_role": {}},
    }
    kinds = {"account": "aws_caller_identity", "partition": "aws_partition"}
    for name in sorted(parts.open_names(of)):
        document["data"][kinds[name]] = {"current": {}}
    for provider in of.providers:
        _provider(document, provider, labels.provider(provider))
    for role in of.roles:
        _role(document, role, labels)
    versions = {"terraform": {"required_providers": {"aws": {"source": parts.SOURCE, "version": parts.VERSION}}}}
    return {
        "daypass.tf.json": json_text(document, indent=2) + "\n",
        "versions.tf.json": json_text(versions, indent=2) + "\n",
    }


def _provider(document: dict[str, Any], provider: ExportedProvider, label: str) -> None:
    name = parts.existing(label)
    url = terraform_template(provider.issuer)
    document["variable"][name] = {
        "type": "bool",
        "default": False,
        "description": f"Whether the account has the provider of {provider.issuer} already",
    }
    made: dict[str, Any] = {
        "count": f"${{var.{name} ? 0 : 1}}",
        "url": url,
        "client_id_list": _literal([*provider.client_ids]),
    }
    if provider.thumbprints:
        made["thumbprint_list"] = _literal([*provider.thumbprints])
    made |= _tags(provider)
    made["lifecycle"] = {"//": "others may use it", "prevent_destroy": True}
    document["resource"]["aws_iam_openid_connect_provider"][label] = made
    found = document["data"].setdefault("aws_iam_openid_connect_provider", {})
    found[label] = {"count": f"${{var.{name} ? 1 : 0}}", "url": url}
    document["locals"][f"{label}_arn"] = f"${{{parts.arn_expression(label)}}}"


def _role(document: dict[str, Any], role: ExportedRole, labels: Labels) -> None:
    label = labels.role(role)
    document["locals"][f"{label}_trust"] = _literal(role.trust, f"${{local.{labels.provider(role.issuer)}_arn}}")
    made: dict[str, Any] = {
        "//": [terraform_template(line) for line in who_may_enter(role)],
        "name": _literal(role.name),
        "path": _literal(role.path),
    }
    if role.description:
        made["description"] = _literal(role.description)
    made["max_session_duration"] = role.max_session_seconds
    if role.boundary:
        made["permissions_boundary"] = parts.template(role.boundary)
    made["assume_role_policy"] = f"${{jsonencode(local.{label}_trust)}}"
    resources = document["resource"]
    resources["aws_iam_role"][label] = made | _tags(role)
    name = f"${{aws_iam_role.{label}.name}}"
    for index, arn in enumerate(role.managed_policies, 1):
        attached = resources.setdefault("aws_iam_role_policy_attachment", {})
        attached[f"{label}_{index}"] = {"role": name, "policy_arn": parts.template(arn)}
    for index, (policy, content) in enumerate(role.inline_policies, 1):
        document["locals"][f"{label}_policy_{index}"] = _literal(content)
        resources.setdefault("aws_iam_role_policy", {})[f"{label}_{index}"] = {
            "name": _literal(policy),
            "role": name,
            "policy": f"${{jsonencode(local.{label}_policy_{index})}}",
        }


def _literal(value: Any, arn: str = "") -> Any:
    """A value none of whose text is a template, but for `arn` where it refers to the provider."""
    if isinstance(value, dict):
        return {terraform_template(key): _literal(each, arn) for key, each in value.items()}
    if isinstance(value, list):
        return [_literal(each, arn) for each in value]
    if isinstance(value, ProviderReference):
        return arn
    return terraform_template(value) if isinstance(value, str) else value


def _tags(of: ExportedProvider | ExportedRole) -> dict[str, Any]:
    return {"tags": _literal(dict(of.tags))} if of.tags else {}
