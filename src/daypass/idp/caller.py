"""Who asks for a change, and what they may do. The one place where scopes are checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from daypass.errors import ScopeMissing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from daypass.idp.model import AdminToken


class Scope(StrEnum):
    """What an admin token may do. The set is closed; `*` stands for all of it."""

    ORGANIZATIONS_READ = "organizations:read"
    ORGANIZATIONS_WRITE = "organizations:write"
    PROJECTS_READ = "projects:read"
    PROJECTS_WRITE = "projects:write"
    WORKLOADS_READ = "workloads:read"
    WORKLOADS_WRITE = "workloads:write"
    CONNECTIONS_READ = "connections:read"
    CONNECTIONS_WRITE = "connections:write"
    KEYS_READ = "keys:read"
    KEYS_WRITE = "keys:write"
    ADMIN_TOKENS_WRITE = "admin-tokens:write"
    AUDIT_READ = "audit:read"
    ALL = "*"


@dataclass(frozen=True, slots=True)
class Caller:
    """One request to the administration: who (`actor`), what they may do, where, until when, and for the audit row.

    `organization_id` is None for a caller who is not bound to one. `actor` is an admin token's id, or `operator`.
    """

    actor: str
    scopes: frozenset[str]
    organization_id: str | None
    expires_at: datetime | None
    request_id: str
    source_ip: str | None = None

    @classmethod
    def of(cls, token: AdminToken, *, request_id: str, source_ip: str | None = None) -> Self:
        """The holder of an admin token that `Registry.authenticate_admin` has let in."""
        return cls(
            actor=token.id,
            scopes=token.scopes,
            organization_id=token.organization_id,
            expires_at=token.expires_at,
            request_id=request_id,
            source_ip=source_ip,
        )

    @classmethod
    def operator(cls, *, request_id: str) -> Self:
        """Whoever starts the server and owns its data folder: may do everything. Never made from a request."""
        return cls(
            actor="operator",
            scopes=frozenset({Scope.ALL}),
            organization_id=None,
            expires_at=None,
            request_id=request_id,
        )

    def holds(self, scope: str) -> bool:
        """Whether `scope` is among the caller's."""
        return scope in self.scopes or Scope.ALL in self.scopes

    def require(self, scope: Scope) -> None:
        """Let the caller pass who holds `scope`.

        Raises:
            ScopeMissing: when they do not.
        """
        if not self.holds(scope):
            raise ScopeMissing(
                f"this needs the scope `{scope}`",
                advice="Ask for an admin token with that scope.",
                scope=str(scope),
                held=sorted(self.scopes),
            )

    def require_everywhere(self, scope: Scope) -> None:
        """Let the caller pass who holds `scope` and is not bound to one organization: for what all of them share.

        Raises:
            ScopeMissing: when they do not, or are bound.
        """
        self.require(scope)
        if self.organization_id is not None:
            raise ScopeMissing(
                "this concerns all organizations, and the admin token is bound to one",
                advice="Ask for an admin token that is not bound to an organization.",
                scope=str(scope),
            )

    def sees(self, organization_id: str) -> bool:
        """Whether that organization exists for this caller."""
        return self.organization_id in (None, organization_id)

    def exceeding(self, scopes: Iterable[str]) -> list[str]:
        """Those of `scopes` that the caller does not hold, and so cannot hand out."""
        return sorted(scope for scope in scopes if not self.holds(scope))
