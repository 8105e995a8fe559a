"""The argument parser of every command group: argparse, with its errors in our tree and no guessing of long names."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from daypass.errors import UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Callable


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises `UsageInvalid` and takes no abbreviated options.

    An abbreviation that works today would become ambiguous with the next option.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"allow_abbrev": False, "formatter_class": argparse.RawDescriptionHelpFormatter, **options},
        )

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageInvalid: always.
        """
        raise UsageInvalid(message, advice=f"See: {self.prog} --help")


class Group(Parser):
    """The parser of a command group: subcommands, each with the function that carries it out."""

    def __init__(self, prog: str, about: str) -> None:
        super().__init__(prog=prog, description=about)
        self._subcommands = self.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)

    def command(
        self, name: str, about: str, action: Callable[[argparse.Namespace], int], *, details: str | None = None
    ) -> Parser:
        """Add a subcommand. `action` gets its parsed arguments and gives the exit status."""
        parser = self._subcommands.add_parser(name, help=about, description=about, epilog=details)
        parser.set_defaults(action=action)
        return parser
