"""Organizations, projects, workloads and admin tokens: create, list, change, revoke, authenticate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from daypass.idp.caller import Caller
    from daypass.idp.model import AdminToken, Organization, Project, Workload
    from daypass.idp.ports import AuditLog, Clock, RegistryStore
    from daypass.secret import Secret


@dataclass(frozen=True, slots=True)
class NewWorkload:
    """A workload with its secret, which is shown this once."""

    workload: Workload
    secret: Secret


@dataclass(frozen=True, slots=True)
class NewAdminToken:
    """An admin token with its secret, which is shown this once."""

    token: AdminToken
    secret: Secret


class Registry:
    """See the module."""

    def __init__(
        self, store: RegistryStore, audit: AuditLog, clock: Clock, random_bytes: Callable[[int], bytes]
    ) -> None: ...

    async def create_organization(
        self,
        caller: Caller,
        *,
        slug: str,
        name: str | None = None,
        token_format: str = "daypass",
        subject_claims: Sequence[str] = (),
        audiences: Sequence[str] = ("sts.amazonaws.com",),
    ) -> Organization:
        raise NotImplementedError

    async def organizations(
        self, caller: Caller, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Organization]:
        raise NotImplementedError

    async def organization(self, caller: Caller, id_or_slug: str) -> Organization:
        raise NotImplementedError

    async def update_organization(
        self,
        caller: Caller,
        id_or_slug: str,
        *,
        name: str | None = None,
        token_format: str | None = None,
        subject_claims: Sequence[str] | None = None,
        audiences: Sequence[str] | None = None,
    ) -> Organization:
        raise NotImplementedError

    async def create_project(self, caller: Caller, organization: str, *, slug: str, name: str | None = None) -> Project:
        raise NotImplementedError

    async def projects(
        self, caller: Caller, organization: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Project]:
        raise NotImplementedError

    async def project(self, caller: Caller, organization: str, id_or_slug: str) -> Project:
        raise NotImplementedError

    async def update_project(self, caller: Caller, organization: str, id_or_slug: str, *, name: str) -> Project:
        raise NotImplementedError

    async def create_workload(
        self,
        caller: Caller,
        organization: str,
        project: str,
        *,
        kind: str,
        name: str | None = None,
        attributes: Mapping[str, str] | None = None,
        expires_in_seconds: int | None = None,
    ) -> NewWorkload:
        raise NotImplementedError

    async def workloads(
        self, caller: Caller, organization: str, project: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Workload]:
        raise NotImplementedError

    async def workload(self, caller: Caller, id: str) -> Workload:
        raise NotImplementedError

    async def revoke_workload(self, caller: Caller, id: str) -> Workload:
        raise NotImplementedError

    async def create_admin_token(
        self,
        caller: Caller,
        *,
        name: str,
        scopes: Sequence[str],
        organization: str | None = None,
        expires_in_seconds: int | None = None,
    ) -> NewAdminToken:
        raise NotImplementedError

    async def admin_tokens(self, caller: Caller, *, after: str | None = None, limit: int = 100) -> Sequence[AdminToken]:
        raise NotImplementedError

    async def revoke_admin_token(self, caller: Caller, id: str) -> AdminToken:
        raise NotImplementedError

    async def authenticate_workload(self, secret: Secret) -> tuple[Workload, Project, Organization]:
        raise NotImplementedError

    async def authenticate_admin(self, secret: Secret) -> AdminToken:
        raise NotImplementedError
