"""`daypass trust`: who may assume a role, and why not.

Each subcommand is a module of its own with `add(group)`, which declares it, and `run(arguments)`, which carries it out
and gives the exit status. `add` must load nothing beyond argparse; `run` imports what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from daypass.cli.parsing import Parser, run

if TYPE_CHECKING:
    import argparse

__all__ = ["parser", "run"]

_SUBCOMMANDS: Final = ("explain", "check", "lint", "who", "diff", "generate")


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(prog="daypass trust", description="Find out who may assume a role, and why not.")
    for name in _SUBCOMMANDS:
        import_module(f"{__name__}.{name}").add(group)
    return group
