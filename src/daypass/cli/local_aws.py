"""`daypass local-aws`: run the local AWS. Its subcommands, which speak to one that runs, are `local_aws_control`'s."""

from __future__ import annotations

import argparse

from daypass.cli import local_aws_control
from daypass.cli.arguments import connection, path, port
from daypass.cli.parsing import Parser, run

__all__ = ["parser", "run"]


def parser() -> Parser:
    """The command line of `daypass local-aws`."""
    local = Parser(
        prog="daypass local-aws",
        formatter_class=argparse.HelpFormatter,
        description="Run the local AWS on one port of this machine: STS, IAM and CloudFormation as AWS decides them,"
        " and moto's services behind. Point clients at it with AWS_ENDPOINT_URL. The administrator is test/test; an"
        " access key id of twelve digits chooses the account. State is in memory and ends with the process, unless"
        " --data keeps it.",
    )
    local.set_defaults(action=_serve)
    local.commands(required=False)
    local_aws_control.add(local)
    local.add_argument("--port", type=port, default=4566, metavar="PORT", help="0 takes a free one (default: 4566)")
    local.add_argument(
        "--trust-ca",
        type=path,
        action="append",
        default=[],
        metavar="FILE",
        help="a PEM file of a certificate authority to trust, beside the system's, when issuers are asked; repeatable",
    )
    local.add_argument(
        "--connect-to",
        type=connection,
        action="append",
        default=[],
        metavar="HOST:PORT=ADDRESS:PORT",
        help="ask the issuer HOST:PORT at another address: its name and certificate stay; repeatable",
    )
    local.add_argument(
        "--allow-private-issuer",
        action="append",
        default=[],
        metavar="HOST",
        help="let an issuer's name lead to a private address; repeatable (this machine is always allowed)",
    )
    local.add_argument(
        "--observed",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="choose where what is known of AWS differs or ends, such as audience-text=incorrect; repeatable (the page"
        " of STS in the documentation lists them)",
    )
    local.add_argument("--tls-certificate", type=path, metavar="FILE", help="serve HTTPS with this PEM chain")
    local.add_argument("--tls-private-key", type=path, metavar="FILE", help="and this PEM key")
    local.add_argument(
        "--ready-file", type=path, metavar="FILE", help="write the endpoint's URL here once requests are answered"
    )
    local.add_argument(
        "--data", type=path, metavar="DIR", help="keep everything in this folder, so that a restart loses nothing"
    )
    local.add_argument(
        "--init",
        type=path,
        action="append",
        default=[],
        metavar="FILE",
        help="a seed file, YAML or JSON: providers, roles, policies, secrets, buckets to begin with; repeatable",
    )
    local.add_argument(
        "--as-issuer",
        action="append",
        default=[],
        metavar="ISSUER",
        help="play this issuer, such as gitlab.com: make and believe tokens with its real `iss`; for tests only,"
        " repeatable",
    )
    return local


def _serve(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from daypass.bootstrap.local_aws import LocalAwsOptions, serve_local_aws
    from daypass.errors import UsageInvalid
    from daypass.localaws.stand_ins import stand_in
    from daypass.sts.observed import Observed

    if (arguments.tls_certificate is None) != (arguments.tls_private_key is None):
        raise UsageInvalid("`--tls-certificate` and `--tls-private-key` go together")
    return serve_local_aws(
        LocalAwsOptions(
            port=arguments.port,
            trust=tuple(arguments.trust_ca),
            connect_to=dict(arguments.connect_to),
            allow_private=frozenset(arguments.allow_private_issuer),
            certificate=arguments.tls_certificate,
            private_key=arguments.tls_private_key,
            ready_file=arguments.ready_file,
            as_issuers=tuple(stand_in(text) for text in arguments.as_issuer),
            data=arguments.data,
            init=tuple(arguments.init),
            observed=Observed.parse(arguments.observed),
        )
    )
