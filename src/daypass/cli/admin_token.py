"""`daypass admin-token`: manage the credentials of the admin API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]

_COLUMNS: Final = ("id", "name", "scopes", "organization_id", "expires_at", "revoked_at")


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass admin-token", description="Manage the credentials of the admin API.")
    create = group.command("create", "create an admin token, which is shown this once", _create)
    create.add_argument("--name", required=True, help="what it is for")
    create.add_argument(
        "--scope", action="append", required=True, metavar="SCOPE", help="such as workloads:write; repeatable"
    )
    create.add_argument("--org", metavar="ORG", help="bind it to this organization")
    create.add_argument("--expires-in-seconds", type=int, metavar="N", help="when it ends (default: never)")
    create.add_argument("--token-file", metavar="FILE", help="write the token to this file, mode 0600, instead")
    revoke = group.command("revoke", "end an admin token at once", _revoke)
    revoke.add_argument("token", metavar="ID")
    for command in (create, revoke, group.command("list", "list admin tokens", _list)):
        command.add_argument("--json", action="store_true", help="print JSON")
    return group


def _create(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    body = admin_api.given(
        name=arguments.name,
        scopes=arguments.scope,
        organization=arguments.org,
        expires_in_seconds=arguments.expires_in_seconds,
    )
    service = admin_api.connect()
    return admin_api.print_created(
        arguments,
        service,
        service.post("/v1/admin-tokens", body),
        revoke_path="/v1/admin-tokens",
        setting="DAYPASS_ADMIN_TOKEN",
    )


def _revoke(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("admin-tokens", arguments.token, "revoke")
    return admin_api.print_one(arguments, admin_api.connect().post(place))


def _list(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    return admin_api.print_list(arguments, admin_api.items(admin_api.connect(), "/v1/admin-tokens"), _COLUMNS)
