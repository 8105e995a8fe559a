"""Somebody else's hands on the database file."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def outside(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection that does not know of the store; committed and closed at the end of the block."""
    connection = sqlite3.connect(folder / "daypass.db")
    try:
        with connection:
            yield connection
    finally:
        connection.close()
