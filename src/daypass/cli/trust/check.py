"""`daypass trust check`: is this what IAM takes as the trust policy of a role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from daypass.cli.parsing import Parser


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command("check", "find out whether IAM would take a file as the trust policy of a role", run)
    command.add_argument("policies", nargs="+", metavar="POLICY", help="a file, or - for standard input")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 when every policy is taken; the first that is not ends it with an error.
    """
    from daypass.cli.trust import reading
    from daypass.trust.document import Policy
    from daypass.trust.role_trust import check_role_trust

    for name in arguments.policies:
        check_role_trust(Policy.parse(reading.read(name)))
    return 0
