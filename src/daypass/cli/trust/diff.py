"""`daypass trust diff`: what changes when one trust policy takes the place of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse

    from daypass.cli.parsing import Parser

DONE: Final = 0
REACHED: Final = 1
NOT_DECIDED: Final = 3

_FAILING: Final = {
    "wider": frozenset({"wider", "both"}),
    "narrower": frozenset({"narrower", "both"}),
    "any": frozenset({"wider", "narrower", "both"}),
}


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command(
        "diff",
        "find out whether a new trust policy admits more or less than the old one",
        run,
        details="Exit status: 0 done, 1 the difference is one of --fail-on, 2 wrong usage or a malformed policy, "
        "3 not decided or unreadable.",
    )
    command.add_argument("old", metavar="OLD", help="a file with a trust policy, or - for standard input")
    command.add_argument("new", metavar="NEW", help="a file with a trust policy, or - for standard input")
    command.add_argument("--role", metavar="NAME", help="which role, when the files have several trust policies")
    command.add_argument("--fail-on", choices=("wider", "narrower", "any"), help="which difference gives status 1")
    command.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 done, 1 for a difference of `--fail-on`, 3 when a direction was not decided.
    """
    from daypass.cli import output
    from daypass.cli.trust import policies
    from daypass.errors import UsageInvalid
    from daypass.trust.diff import diff

    if arguments.old == arguments.new == "-":
        raise UsageInvalid("only one of the policies can come from standard input")
    difference = diff(
        policies.one(arguments.old, role=arguments.role), policies.one(arguments.new, role=arguments.role)
    )
    if arguments.json:
        output.as_json(difference.to_json())
    else:
        for line in difference.words().splitlines():
            output.line(line)
    found = {"wider": difference.wider, "narrower": difference.narrower}
    directions = {name for name, request in found.items() if request is not None}
    if arguments.fail_on is not None and directions & _FAILING[arguments.fail_on]:
        return REACHED
    return NOT_DECIDED if difference.undecided is not None else DONE
