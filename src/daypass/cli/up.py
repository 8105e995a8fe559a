"""`daypass up`: the identity provider and the local AWS on this machine, with a demo organization."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from daypass.cli.arguments import port


def parser() -> argparse.ArgumentParser:
    """The command line of `daypass up`."""
    up = argparse.ArgumentParser(
        prog="daypass up",
        description="Run the identity provider and the local AWS on this machine, with a certificate authority of"
        " their own, a demo organization with two projects, a role that trusts one of them, and one secret. Prints"
        " what to paste into a second terminal. Ctrl-C ends both.",
    )
    up.add_argument(
        "--data-folder",
        type=Path,
        metavar="FOLDER",
        help="where keys, database and certificates are kept (default: daypass/up below $XDG_DATA_HOME)",
    )
    up.add_argument(
        "--issuer-port", type=port, default=8443, metavar="PORT", help="of the identity provider; 0 takes a free one"
    )
    up.add_argument("--aws-port", type=port, default=4566, metavar="PORT", help="of the local AWS; 0 takes a free one")
    return up


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from daypass.bootstrap.up import up

    folder = arguments.data_folder
    if folder is None:
        base = os.environ.get("XDG_DATA_HOME", "")
        folder = (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "daypass" / "up"
    return up(folder.absolute(), issuer_port=arguments.issuer_port, aws_port=arguments.aws_port)
