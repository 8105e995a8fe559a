"""`daypass aws destroy`: remove what a stack made, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.cli.aws import wanted

if TYPE_CHECKING:
    import argparse

    from daypass.cli.parsing import Parser


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command(
        "destroy",
        "remove the roles and providers that this file's stack made, unless others need them",
        run,
        details="Only what carries the stack's own tag is removed. A provider that other roles trust stays, and they"
        " are named. Exit status: 0 done, 1 refused, 3 could not find out, or only some of it was done.",
    )
    wanted.add(command)
    command.add_argument("--left-over", action="store_true", help="remove only roles that the file no longer names")
    command.add_argument("--plan", action="store_true", help="only show what would be removed")
    command.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 done, 1 refused, 3 could not find out or only some was done; 130 and 143 when it was stopped.
    """
    from daypass.aws.provisioning.destroy import plan_to_destroy, read_to_destroy
    from daypass.cli.aws.carrying_out import carry_out

    desired = wanted.read(arguments)
    return carry_out(
        wanted.ways_of(arguments, desired),
        lambda account: plan_to_destroy(
            desired,
            *read_to_destroy(account.iam, desired, account.account, account.partition),
            left_over=arguments.left_over,
        ),
        allow_wider=False,
        as_json=arguments.json,
        only_plan=arguments.plan,
    )
