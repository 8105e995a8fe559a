"""`daypass key`: manage signing keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]

_COLUMNS: Final = ("kid", "algorithm", "state", "created_at", "activated_at")


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass key", description="Manage signing keys.")
    create = group.command("create", "create a key; it is published at once and signs when it is activated", _create)
    create.add_argument("--algorithm", required=True, metavar="ALGORITHM", help="RS256, ES256, …")
    activate = group.command("activate", "sign with this key from now on; the one before stays published", _activate)
    activate.add_argument("kid", metavar="KID")
    activate.add_argument(
        "--at-once",
        action="store_true",
        help="do not wait until caches of the key set can have it; for when the active key has leaked",
    )
    for command in (create, activate, group.command("list", "list keys", _list)):
        command.add_argument("--json", action="store_true", help="print JSON")
    return group


def _create(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    body = {"algorithm": arguments.algorithm}
    return admin_api.print_one(arguments, admin_api.connect().post("/v1/keys", body))


def _activate(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("keys", arguments.kid, "activate")
    return admin_api.print_one(
        arguments, admin_api.connect().post(f"{place}?at_once=true" if arguments.at_once else place)
    )


def _list(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    return admin_api.print_list(arguments, admin_api.items(admin_api.connect(), "/v1/keys"), _COLUMNS)
