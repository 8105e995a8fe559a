"""Connections to PostgreSQL that give up a server which says nothing.

The server ends a statement that takes too long, and the kernel ends a connection to a host that has gone. A server that
is there and stands still (its disk, its machine) does neither, and a thread would wait for it for ever.

Imported where psycopg is known to be installed.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import psycopg

if TYPE_CHECKING:
    from psycopg.abc import RV, PQGen

SILENT_SECONDS: Final = 7.0
"""Longer than the server's own limits, which tell better what went wrong."""


class Watched(psycopg.Connection[Any]):
    """A connection that is closed when its server says nothing for `silent_seconds`."""

    silent_seconds: float = SILENT_SECONDS

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """See `psycopg.Connection.wait`, which every statement goes through."""
        limit = self.silent_seconds if timeout is None else timeout
        began = monotonic()
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError:
            if timeout is None and monotonic() - began >= limit:
                self.close()
                raise psycopg.OperationalError(f"it said nothing for {limit:g} seconds") from None
            raise
