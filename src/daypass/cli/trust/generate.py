"""`daypass trust generate`: the trust policy with the least that admits given tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from daypass.cli.parsing import Parser


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command("generate", "write the trust policy with the least that admits given tokens", run)
    command.add_argument(
        "--token", action="append", default=[], metavar="FILE", help="a file with a token; - for standard input"
    )
    command.add_argument(
        "--claims", nargs="+", action="extend", default=[], metavar="FILE", help="JSON objects of claims"
    )
    command.add_argument("--provider-arn", required=True, metavar="ARN", help="the IAM OIDC provider")
    command.add_argument("--audience", metavar="AUDIENCE", help="that of the tokens by default")
    command.add_argument("--any-ref", action="store_true", help="leave branch, tag and event open")
    command.add_argument("--json", action="store_true", help="print the policy with who can enter by it, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 when the policy was printed.
    """
    import json
    import sys

    from daypass.cli import output
    from daypass.cli.trust import claims
    from daypass.errors import UsageInvalid
    from daypass.names import ProviderArn
    from daypass.trust.document import Policy
    from daypass.trust.generate import generate
    from daypass.trust.reach import who

    if not arguments.token and not arguments.claims:
        raise UsageInvalid("name a token with --token or claims with --claims")
    found = [claims.of_token(name) for name in arguments.token]
    found += [claims.of_file(name) for name in arguments.claims]
    document = generate(
        found,
        provider=ProviderArn.parse(arguments.provider_arn),
        audience=arguments.audience,
        any_ref=arguments.any_ref,
    )
    text = json.dumps(document, indent=2)
    reach = who(Policy.parse(text))
    if arguments.json:
        output.as_json({"policy": document, "who": reach.to_json()})
        return 0
    sys.stdout.write(text + "\n")
    for line in reach.words().splitlines():
        output.note(output.safe(line))
    return 0
