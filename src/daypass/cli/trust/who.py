"""`daypass trust who`: who can enter by a trust policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse

    from daypass.cli.parsing import Parser

DONE: Final = 0
DISPROVED: Final = 1
NOT_DECIDED: Final = 3


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command(
        "who",
        "find out who can assume a role, and prove that nobody else can",
        run,
        details="Exit status: 0 done or proved, 1 --only is disproved, 2 wrong usage or a malformed policy, "
        "3 not decided or unreadable.",
    )
    command.add_argument("policy", metavar="POLICY", help="a file with a trust policy, or - for standard input")
    command.add_argument("--role", metavar="NAME", help="which role, when the file has several trust policies")
    command.add_argument("--provider-arn", metavar="ARN", help="only the tokens of this IAM OIDC provider")
    command.add_argument(
        "--issuer", metavar="KIND", help="what kind of issuer it is, when its URL does not tell: gitlab, kubernetes, …"
    )
    command.add_argument("--only", metavar="PATTERN", help="prove that only subjects that fit can enter, or show one")
    command.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 done, 1 when `--only` is disproved, 3 when something was not decided.
    """
    from daypass.cli import output
    from daypass.cli.trust import policies
    from daypass.names import ProviderArn
    from daypass.subjects.grammars import grammar_for, grammar_named
    from daypass.trust.reach import who

    named = arguments.issuer
    reach = who(
        policies.one(arguments.policy, role=arguments.role),
        provider=None if arguments.provider_arn is None else ProviderArn.parse(arguments.provider_arn),
        grammar=None if named is None else grammar_for(named) or grammar_named(named),
        only=arguments.only,
    )
    if arguments.json:
        output.as_json(reach.to_json())
    else:
        for line in reach.words().splitlines():
            output.line(line)
    if reach.proved is False:
        return DISPROVED
    return NOT_DECIDED if reach.undecided is not None else DONE
