"""The argument parser of every command group: argparse, with its errors in our tree and no guessing of long names."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, Any, NoReturn

from daypass.cli.plain import later, run
from daypass.errors import UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Parser", "later", "run"]


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Knows the terminal's width without shutil, which argparse loads for each argument, with every compression."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """As `shutil.get_terminal_size` finds it: `COLUMNS`, then the terminal, then 80."""
    text = os.environ.get("COLUMNS", "")
    if text.isdecimal() and int(text) > 0:
        return int(text)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


class Parser(argparse.ArgumentParser):
    """An `ArgumentParser` that raises `UsageInvalid` and takes no abbreviated options.

    An abbreviation that works today would become ambiguous with the next option.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"allow_abbrev": False, "formatter_class": _Formatter, **options},
        )
        self._commands: argparse._SubParsersAction[Parser] | None = None
        self._undeclared: list[Callable[[Parser], None]] = []

    def declare_later(self, declare: Callable[[Parser], None]) -> None:
        """Have arguments, or further subcommands, added when they are needed; they take argparse milliseconds."""
        self._undeclared.append(declare)

    def declare(self) -> None:
        """Add what was left for later."""
        while self._undeclared:
            self._undeclared.pop(0)(self)

    def format_help(self) -> str:
        """As argparse's, of everything."""
        self.declare()
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            UsageInvalid: always.
        """
        raise UsageInvalid(message, advice=f"See: {self.prog} --help")

    def parse_known_args(  # type: ignore[override]  # the overloads differ in the namespace's type alone
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """As argparse's, but what is not understood is refused here, by the command that it was typed behind.

        argparse leaves it to the outermost parser, and complains first of a required option that a typo made missing.

        Raises:
            UsageInvalid: when anything is left over.
        """
        if not args or self._commands is None or args[0] not in self._commands.choices:
            self.declare()
        if args is not None and (self._commands is None or not self._commands.required):
            self._demand_known_options(args)
        found, left = super().parse_known_args(args, namespace)
        if left:
            self.error(f"`{left[0]}` is not understood here")
        return found, left

    def _demand_known_options(self, args: Iterable[str]) -> None:
        known = self._option_string_actions
        for word in args:
            name = word.partition("=")[0]
            if word == "--" or self.below(word) is not None:
                return
            if name.startswith("--") and " " not in word and name not in known:
                raise UsageInvalid(f"there is no option `{name}`", advice=self._nearest(name, known, "{}"))

    def _get_values(self, action: argparse.Action, arg_strings: list[str]) -> Any:
        # Python before 3.13 takes the value of `--name=--` for the end of the options, and gives a list without it.
        if action.option_strings and action.nargs is None and arg_strings == ["--"]:
            value = self._get_value(action, "--")
            self._check_value(action, value)
            return value
        return super()._get_values(action, arg_strings)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        if self._commands is not None and action is self._commands:
            # `idp aws login`, as a page of Gitpod has it, is `idp login aws`.
            deeper = [f"{child.prog} {value}" for child in self._commands.choices.values() if child.below(str(value))]
            advice = f"Did you mean: {deeper[0]}" if deeper else self._nearest(str(value), choices, f"{self.prog} {{}}")
            raise UsageInvalid(f"there is no command `{value}` of `{self.prog}`", advice=advice)
        name = "/".join(action.option_strings) or str(action.metavar or action.dest)
        raise UsageInvalid(f"`{value}` is not a {name}", advice=f"It is one of {', '.join(choices)}.")

    def below(self, name: str) -> Parser | None:
        """The parser of the command `name`, or None when there is none."""
        self.declare()
        return None if self._commands is None else self._commands.choices.get(name)

    def _nearest(self, typed: str, known: Iterable[str], shape: str) -> str:
        from difflib import get_close_matches

        close = get_close_matches(typed, list(known), n=1)
        return f"Did you mean: {shape.format(close[0])}" if close else f"See: {self.prog} --help"

    def command(
        self, name: str, about: str, action: Callable[[argparse.Namespace], int], *, details: str | None = None
    ) -> Parser:
        """Add a subcommand. `action` gets its parsed arguments and gives the exit status."""
        parser = self.group(name, about, details=details)
        parser.set_defaults(action=action)
        return parser

    def commands(self, *, required: bool = True) -> None:
        """Have subcommands, even before there is one; without one the parser's own `action` runs, if not `required`."""
        self._commands = self.add_subparsers(
            # Named, because argparse would load its help formatter, and shutil with it, to find it out.
            prog=self.prog,
            metavar="COMMAND",
            required=required,
            parser_class=Parser,
        )

    def group(self, name: str, about: str, *, details: str | None = None) -> Parser:
        """Add a subcommand that has subcommands itself."""
        if self._commands is None:
            self.commands()
        assert self._commands is not None
        return self._commands.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", epilog=details
        )
