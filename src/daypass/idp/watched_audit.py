"""An audit log that remembers whether it works, for whoever must know before the next token is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.errors import AuditUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from daypass.idp.model import AuditEntry, AuditRecord, TokenUse
    from daypass.idp.ports import AuditLog


class WatchedAuditLog:
    """An `AuditLog` that remembers whether its last entry could be committed.

    A probe that wrote an entry each time would fill the log with itself; one that only reads calls a full disk ready.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self.failed = False

    async def append(self, entry: AuditEntry, *, use: TokenUse | None = None) -> None:
        """See `AuditLog`."""
        try:
            await self._log.append(entry, use=use)
        except AuditUnavailable:
            self.failed = True
            raise
        self.failed = False

    def forget_uses(self, now: datetime) -> int:
        """See `AuditLog`."""
        return self._log.forget_uses(now)

    def entries(
        self, *, after: int = 0, limit: int = 100, organization_id: str | None = None, kid: str | None = None
    ) -> Sequence[AuditRecord]:
        """See `AuditLog`."""
        return self._log.entries(after=after, limit=limit, organization_id=organization_id, kid=kid)

    def verify(self) -> int:
        """See `AuditLog`."""
        return self._log.verify()
