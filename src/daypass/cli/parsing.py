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
        self._commands: argparse._SubParsersAction[Parser] | None = None

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageInvalid: always.
        """
        raise UsageInvalid(message, advice=f"See: {self.prog} --help")

    def command(
        self, name: str, about: str, action: Callable[[argparse.Namespace], int], *, details: str | None = None
    ) -> Parser:
        """Add a subcommand. `action` gets its parsed arguments and gives the exit status."""
        parser = self.group(name, about, details=details)
        parser.set_defaults(action=action)
        return parser

    def group(self, name: str, about: str, *, details: str | None = None) -> Parser:
        """Add a subcommand that has subcommands itself."""
        if self._commands is None:
            self._commands = self.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
        return self._commands.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=details
        )


def run(arguments: argparse.Namespace) -> int:
    """Carry out what `Parser.command` put into the arguments."""
    return int(arguments.action(arguments))
