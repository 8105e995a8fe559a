"""`daypass subject`: which subjects were issued, whose they are, and giving one free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]

_COLUMNS: Final = ("subject", "owner", "issued_at", "released_at", "issuer")


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass subject", description="See whose every issued subject is.")
    listed = group.command("list", "list the subjects that an organization's workloads were given", _list)
    release = group.command(
        "release",
        "let a subject be somebody else's: whatever trusts it trusts them then",
        _release,
        details="It is free an hour and five minutes later, when no token of its owner can be alive.",
    )
    for command in (listed, release):
        command.add_argument("organization", metavar="ORG", help="id or slug; of one that is gone the id")
        command.add_argument("--json", action="store_true", help="print JSON")
    release.add_argument("subject", metavar="SUBJECT", help="the `sub`")
    release.add_argument("--issuer", metavar="URL", help="in whose tokens (default: the organization's issuer)")
    release.add_argument("--reason", required=True, metavar="TEXT", help="for the audit log")
    return group


def _list(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("organizations", arguments.organization, "subjects")
    return admin_api.print_list(arguments, admin_api.items(admin_api.connect(), place), _COLUMNS)


def _release(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place, service = admin_api.path("organizations", arguments.organization), admin_api.connect()
    issuer = arguments.issuer or str(service.get(place).get("issuer"))
    body = {"issuer": issuer, "subject": arguments.subject, "reason": arguments.reason}
    return admin_api.print_one(arguments, service.post(f"{place}/subjects/release", body))
