"""`daypass audit`: read the audit log, and check that nobody changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]

_COLUMNS: Final = ("sequence", "at", "event", "outcome", "reason", "actor", "subject", "kid", "request_id")


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass audit", description="Read the audit log, and check that nobody changed it.")
    listed = group.command("list", "list what was decided, oldest first", _list)
    verify = group.command("verify", "check every row against the chain of hashes", _verify)
    for command in (listed, verify):
        command.add_argument("--json", action="store_true", help="print JSON")
    return group


def _list(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    return admin_api.print_list(arguments, admin_api.items(admin_api.connect(), "/v1/audit"), _COLUMNS)


def _verify(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api, output

    found = admin_api.connect().get("/v1/audit/verify")
    if not arguments.json:
        output.note("Every row is as it was written. Rows at the end that are missing show only by these two:")
    return admin_api.print_one(arguments, found)
