"""`daypass serve`: run the identity provider."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from daypass.cli.parsing import Parser
from daypass.errors import SettingInvalid

if TYPE_CHECKING:
    import argparse

ABOUT = "Run the identity provider."
DETAILS = """\
Settings come from daypass.toml and from the environment (DAYPASS_ISSUER, DAYPASS_LISTEN, …), which wins. The file is
the one that --config or DAYPASS_CONFIG names, or daypass.toml in the current folder when there is one.

The first start makes the signing keys and writes an admin token that may do everything to DATA_FOLDER/admin-token.
SIGTERM ends it once the requests under way are answered.
"""


def parser() -> Parser:
    """The command line."""
    made = Parser(prog="daypass serve", description=ABOUT, epilog=DETAILS)
    made.add_argument("--config", metavar="FILE", help="the settings file (TOML)")
    made.add_argument("--data-folder", metavar="FOLDER", help="the folder with database and keys")
    made.add_argument(
        "--database-url",
        metavar="URL",
        help="the PostgreSQL database, without its password: others can read command lines (DAYPASS_DATABASE_URL)",
    )
    made.add_argument("--listen", metavar="HOST:PORT", help="where to take connections")
    made.add_argument("--check", action="store_true", help="check the settings and exit")
    return made


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to stop; or check the settings."""
    from daypass.cli import output
    from daypass.config import FILE_NAME, Problem, Settings

    named = arguments.config or os.environ.get("DAYPASS_CONFIG")
    file = Path(named) if named else Path(FILE_NAME)
    given = {
        name: text
        for name, text in (
            ("data_folder", arguments.data_folder),
            ("database_url", arguments.database_url),
            ("listen", arguments.listen),
        )
        if text is not None
    }
    try:
        settings = Settings.read(os.environ, file=file if named or file.exists() else None, given=given)
    except SettingInvalid as error:
        problems = error.facts["problems"]
        assert isinstance(problems, tuple)
        for problem in problems:
            assert isinstance(problem, Problem)
            output.note(f"daypass: {problem}")
            output.note(problem.advice)
        return 2
    if arguments.check:
        output.note("daypass: the settings can be used")
        return 0
    from daypass.bootstrap.identity_provider import serve

    return serve(settings)
