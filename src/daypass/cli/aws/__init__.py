"""`daypass aws`: what AWS needs to trust an issuer, from a file.

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

_SUBCOMMANDS: Final = ("plan", "apply", "destroy", "export", "thumbprint")


def parser() -> argparse.ArgumentParser:
    """The command group's arguments."""
    group = Parser(
        prog="daypass aws",
        description="Set up AWS: providers and roles that trust an issuer, from a file or from flags.",
    )
    for name in _SUBCOMMANDS:
        import_module(f"{__name__}.{name}").add(group)
    return group
