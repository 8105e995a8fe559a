"""`daypass up`: the identity provider and the local AWS on this machine, with a demo organization."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from daypass.cli.arguments import path, port
from daypass.cli.parsing import Parser


def parser() -> Parser:
    """The command line of `daypass up`."""
    up = Parser(
        prog="daypass up",
        formatter_class=argparse.HelpFormatter,
        description="Run the identity provider and the local AWS on this machine, with a certificate authority of"
        " their own, a demo organization with two projects, a role that trusts one of them, and one secret. Prints"
        " what to paste into a second terminal. Ctrl-C ends both.",
    )
    up.add_argument(
        "--data-folder",
        type=path,
        metavar="FOLDER",
        help="where keys, database and certificates are kept (default: daypass/up below $XDG_DATA_HOME)",
    )
    for name, default, whose in (("--issuer-port", 8443, "identity provider"), ("--aws-port", 4566, "local AWS")):
        about = f"of the {whose}; 0 takes a free one (default: {default})"
        up.add_argument(name, type=port, default=default, metavar="PORT", help=about)
    return up


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from daypass.bootstrap.up import up

    folder = arguments.data_folder
    if folder is None:
        base = os.environ.get("XDG_DATA_HOME", "")
        folder = (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "daypass" / "up"
    return up(Path(os.path.abspath(folder)), issuer_port=arguments.issuer_port, aws_port=arguments.aws_port)
