"""`daypass project`: manage projects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]

_COLUMNS: Final = ("id", "slug", "name")


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass project", description="Manage projects.")
    create = group.command("create", "create a project", _create)
    show = group.command("show", "show a project", _show)
    for command in (create, show, group.command("list", "list the projects of an organization", _list)):
        command.add_argument("org", metavar="ORG", help="the organization, id or slug")
        command.add_argument("--json", action="store_true", help="print JSON")
    create.add_argument("slug", metavar="SLUG", help="its short name")
    create.add_argument("--name", help="its name for people")
    show.add_argument("project", metavar="PROJECT", help="id or slug")
    return group


def _create(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("organizations", arguments.org, "projects")
    body = admin_api.given(slug=arguments.slug, name=arguments.name)
    return admin_api.print_one(arguments, admin_api.connect().post(place, body))


def _show(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("organizations", arguments.org, "projects", arguments.project)
    return admin_api.print_one(arguments, admin_api.connect().get(place))


def _list(arguments: argparse.Namespace) -> int:
    from daypass.cli import admin_api

    place = admin_api.path("organizations", arguments.org, "projects")
    return admin_api.print_list(arguments, admin_api.items(admin_api.connect(), place), _COLUMNS)
