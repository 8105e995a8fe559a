"""`daypass workload`: manage workspaces, environments and CI jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]

_COLUMNS: Final = ("id", "kind", "name", "expires_at", "revoked_at")


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass workload", description="Manage workspaces, environments and CI jobs.")
    create = group.command("create", "create a workload and its secret, which is shown this once", _create)
    create.add_argument("--kind", required=True, choices=("workspace", "environment", "job"), help="what runs")
    create.add_argument("--name", help="its name for people")
    create.add_argument(
        "--attribute",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a fact about it for its tokens, such as repository=acme/shop; repeatable",
    )
    create.add_argument("--expires-in-seconds", type=int, metavar="N", help="when its secret ends (default: never)")
    create.add_argument("--token-file", metavar="FILE", help="write the secret to this file, mode 0600, instead")
    for command in (create, group.command("list", "list the workloads of a project", _list)):
        command.add_argument("org", metavar="ORG", help="the organization, id or slug")
        command.add_argument("project", metavar="PROJECT", help="the project, id or slug")
        command.add_argument("--json", action="store_true", help="print JSON")
    for name, about, action in (
        ("show", "show a workload", _show),
        ("revoke", "end a workload's secret at once", _revoke),
    ):
        command = group.command(name, about, action)
        command.add_argument("workload", metavar="ID")
        command.add_argument("--json", action="store_true", help="print JSON")
    return group


def _create(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("organizations", arguments.org, "projects", arguments.project, "workloads")
    body = admin_api.given(
        kind=arguments.kind,
        name=arguments.name,
        attributes=_attributes(arguments.attribute) or None,
        expires_in_seconds=arguments.expires_in_seconds,
    )
    service = admin_api.connect()
    return admin_api.print_created(
        arguments, service, service.post(place, body), revoke_path="/v1/workloads", setting="DAYPASS_TOKEN"
    )


def _attributes(pairs: list[str]) -> dict[str, str]:
    from daypass.errors import UsageInvalid

    attributes: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name or name in attributes:
            reason = "is there twice" if name in attributes else "has not the form NAME=VALUE"
            raise UsageInvalid(f"the attribute `{pair}` {reason}")
        attributes[name] = value
    return attributes


def _list(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("organizations", arguments.org, "projects", arguments.project, "workloads")
    return admin_api.print_list(arguments, admin_api.items(admin_api.connect(), place), _COLUMNS)


def _show(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("workloads", arguments.workload)
    return admin_api.print_one(arguments, admin_api.connect().get(place))


def _revoke(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("workloads", arguments.workload, "revoke")
    return admin_api.print_one(arguments, admin_api.connect().post(place))
