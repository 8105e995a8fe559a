"""`daypass aws thumbprint`: what IAM would keep of an issuer's certificates, and whether AWS would look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.cli.aws import wanted

if TYPE_CHECKING:
    import argparse

    from daypass.cli.parsing import Parser


def add(group: Parser) -> None:
    """Declare the subcommand."""
    command = group.command("thumbprint", "compute the certificate thumbprint of an issuer, if AWS needs one", run)
    command.add_argument("issuer", metavar="ISSUER", help="the issuer's URL")
    wanted.add_asking(command)
    command.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry it out.

    Returns:
        0 when the issuer was asked.
    """
    from daypass.cli import output
    from daypass.names import IssuerUrl

    found = wanted.thumbprint_of(IssuerUrl.parse(arguments.issuer), arguments)
    if arguments.json:
        output.as_json(found.to_json())
        return 0
    output.line(found.thumbprint)
    certificates = "1 certificate" if found.served == 1 else f"{found.served} certificates"
    output.note(output.safe(f"{found.host} sends {certificates}; this is the last one's: {found.certificate}"))
    if found.needed:
        output.note("No public authority stands behind it, so the provider needs this thumbprint.")
    else:
        output.note("A public authority stands behind it: AWS does not look at thumbprints, so leave them out.")
    return 0
