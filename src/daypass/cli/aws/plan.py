"""`daypass aws plan`: what would have to change so that AWS has what is wanted. Changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.cli.aws import wanted

if TYPE_CHECKING:
    import argparse

    from daypass.cli.parsing import Parser


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command(
        "plan",
        "show what would change in AWS, and whether it lets more in",
        run,
        details="Exit status: 0 planned, 1 apply would refuse it, 3 could not find out; with --detailed-exitcode 4 when"
        " there is something to do.",
    )
    wanted.add(command)
    command.add_argument(
        "--adopt", action="store_true", help="take over roles of these names that Daypass did not make"
    )
    command.add_argument(
        "--allow-wider", action="store_true", help="take what lets more in for planned, not for refused"
    )
    command.add_argument("--detailed-exitcode", action="store_true", help="exit with 4 when there is something to do")
    command.add_argument("--json", action="store_true", help="print the plans as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 planned, 1 apply would refuse it, 3 could not find out, 4 something to do and `--detailed-exitcode`.
    """
    from daypass.aws.provisioning.account import read_account
    from daypass.aws.provisioning.plan import plan
    from daypass.cli import output
    from daypass.cli.aws import show, working

    desired = wanted.desired_of(arguments)
    interruptions = working.Interruptions()
    outcomes = working.each(
        wanted.ways_of(arguments, desired),
        lambda account: plan(
            desired,
            read_account(account.iam, desired, account.account, account.partition),
            adopt=arguments.adopt,
        ),
        interruptions,
        doing=working.READING,
    )
    if interruptions.status:
        return interruptions.status
    if arguments.json:
        output.as_json(working.plans_json(outcomes))
    else:
        to = show.console()
        for outcome in outcomes:
            if outcome.result is not None:
                show.show_plan(outcome.result, str(outcome.way), to)
        if len(outcomes) > 1:
            words = ["failed" if each.result is None else each.result.summary() for each in outcomes]
            show.show_summary(outcomes, words, to)
    working.tell_errors(outcomes)
    plans = [outcome.result for outcome in outcomes if outcome.result is not None]
    status = working.status_of([outcome.error for outcome in outcomes])
    if status == working.DONE and any(each.blocked or (each.wider and not arguments.allow_wider) for each in plans):
        return working.REFUSED
    if status == working.DONE and arguments.detailed_exitcode and not all(each.empty for each in plans):
        return working.PENDING
    return status
