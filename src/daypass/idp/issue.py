"""Issuing: the one pipeline that every token passes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from daypass.idp.key_ring import KeyRing
    from daypass.idp.model import Organization, Project, Workload
    from daypass.idp.ports import AuditLog, Clock
    from daypass.names import IssuerUrl
    from daypass.secret import Secret


@dataclass(frozen=True, slots=True)
class IssueRequest:
    """What a workload asks for. None means: as the organization's token format has it.

    `lifetime_seconds` is 60 to 3600. `request_id` and `source_ip` are for the audit row.
    """

    audience: tuple[str, ...]
    lifetime_seconds: int | None
    algorithm: str | None
    scope: str | None
    request_id: str
    source_ip: str | None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token, and what a caller wants to know of it without reading it."""

    token: Secret
    expires_at: datetime
    jti: str
    kid: str
    subject: str


class Issuer:
    """Makes tokens for workloads that the registry has authenticated."""

    def __init__(
        self,
        url: IssuerUrl,
        key_ring: KeyRing,
        audit: AuditLog,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        *,
        default_algorithm: str = "RS256",
        subject_limit: int | None = None,
    ) -> None: ...

    async def issue(
        self, workload: Workload, project: Project, organization: Organization, request: IssueRequest
    ) -> IssuedToken:
        raise NotImplementedError
