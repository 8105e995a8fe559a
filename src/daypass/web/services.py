"""What the routes work with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daypass.config import Settings
    from daypass.idp.exchange.connections import Connections
    from daypass.idp.exchange.exchange import Exchange
    from daypass.idp.issue import Issuer
    from daypass.idp.key_ring import KeyRing
    from daypass.idp.key_rings import KeyRings
    from daypass.idp.limits import Limits
    from daypass.idp.ports import Clock
    from daypass.idp.registry import Registry
    from daypass.idp.subject_ledger import SubjectLedger
    from daypass.idp.watched_audit import WatchedAuditLog


@dataclass(frozen=True, slots=True)
class Services:
    """The use cases of the identity provider, and the settings that concern HTTP."""

    settings: Settings
    registry: Registry
    issuer: Issuer
    subjects: SubjectLedger
    exchange: Exchange
    connections: Connections
    key_rings: KeyRings
    audit: WatchedAuditLog
    clock: Clock
    limits: Limits

    @property
    def key_ring(self) -> KeyRing:
        """The root issuer's keys."""
        return self.key_rings.root.key_ring
