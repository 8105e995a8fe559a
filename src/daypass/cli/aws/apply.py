"""`daypass aws apply`: make AWS have what is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.cli.aws import wanted

if TYPE_CHECKING:
    import argparse

    from daypass.cli.parsing import Parser


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command(
        "apply",
        "make AWS have what is wanted; the second time there is nothing to do",
        run,
        details="Nothing is changed anywhere unless every account can be planned and nothing is refused."
        " Exit status: 0 done, 1 refused, 3 could not find out, or only some of it was done.",
    )
    wanted.add(command)
    command.add_argument(
        "--adopt", action="store_true", help="take over roles of these names that Daypass did not make"
    )
    command.add_argument("--allow-wider", action="store_true", help="also change what lets more in, or allows more")
    command.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 done, 1 refused, 3 could not find out or only some was done; 130 and 143 when it was stopped.
    """
    from daypass.aws.provisioning.account import read_account
    from daypass.aws.provisioning.plan import plan
    from daypass.cli.aws.carrying_out import carry_out

    desired = wanted.desired_of(arguments)
    return carry_out(
        wanted.ways_of(arguments, desired),
        lambda account: plan(
            desired,
            read_account(account.iam, desired, account.account, account.partition),
            adopt=arguments.adopt,
        ),
        allow_wider=arguments.allow_wider,
        as_json=arguments.json,
    )
