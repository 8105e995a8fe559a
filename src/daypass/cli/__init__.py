"""The command line: one module per command group, imported only when its command is typed."""

from __future__ import annotations

from daypass.cli.main import main

__all__ = ["main"]
