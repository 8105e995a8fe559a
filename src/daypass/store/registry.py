"""Organizations, projects, workloads and admin tokens in SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, or_, select, update

from daypass.errors import NotFound
from daypass.idp.model import AdminToken, Organization, Project, Workload, WorkloadKind
from daypass.store.engine import reading, writing
from daypass.store.schema import admin_tokens, organizations, projects, workloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine, Row, Select, Table


class SqlRegistryStore:
    """A `RegistryStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_organization(self, organization: Organization) -> None:
        """See `RegistryStore`, as of all methods here."""
        self._add(organizations, _organization_row(organization))

    def update_organization(self, organization: Organization) -> None:  # noqa: D102
        self._update(organizations, _organization_row(organization))

    def organization(self, id_or_slug: str) -> Organization | None:  # noqa: D102
        table = organizations
        row = self._one(select(table).where(or_(table.c.id == id_or_slug, table.c.slug == id_or_slug)))
        return None if row is None else _organization(row)

    def organizations(self, *, after: str | None = None, limit: int = 100) -> Sequence[Organization]:  # noqa: D102
        return [_organization(row) for row in self._page(organizations, select(organizations), after, limit)]

    def add_project(self, project: Project) -> None:  # noqa: D102
        self._add(projects, _project_row(project))

    def update_project(self, project: Project) -> None:  # noqa: D102
        self._update(projects, _project_row(project))

    def project(self, organization_id: str, id_or_slug: str) -> Project | None:  # noqa: D102
        table = projects
        row = self._one(
            select(table).where(
                table.c.organization_id == organization_id, or_(table.c.id == id_or_slug, table.c.slug == id_or_slug)
            )
        )
        return None if row is None else _project(row)

    def projects(  # noqa: D102
        self, organization_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Project]:
        query = select(projects).where(projects.c.organization_id == organization_id)
        return [_project(row) for row in self._page(projects, query, after, limit)]

    def add_workload(self, workload: Workload) -> None:  # noqa: D102
        self._add(workloads, _workload_row(workload))

    def update_workload(self, workload: Workload) -> None:  # noqa: D102
        self._update(workloads, _workload_row(workload))

    def workload(self, workload_id: str) -> Workload | None:  # noqa: D102
        row = self._one(select(workloads).where(workloads.c.id == workload_id))
        return None if row is None else _workload(row)

    def workload_by_secret(self, secret_hash: str) -> Workload | None:  # noqa: D102
        row = self._one(select(workloads).where(workloads.c.secret_hash == secret_hash))
        return None if row is None else _workload(row)

    def workloads(  # noqa: D102
        self, project_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Workload]:
        query = select(workloads).where(workloads.c.project_id == project_id)
        return [_workload(row) for row in self._page(workloads, query, after, limit)]

    def add_admin_token(self, token: AdminToken) -> None:  # noqa: D102
        self._add(admin_tokens, _admin_token_row(token))

    def update_admin_token(self, token: AdminToken) -> None:  # noqa: D102
        self._update(admin_tokens, _admin_token_row(token))

    def admin_token_by_secret(self, secret_hash: str) -> AdminToken | None:  # noqa: D102
        row = self._one(select(admin_tokens).where(admin_tokens.c.secret_hash == secret_hash))
        return None if row is None else _admin_token(row)

    def admin_token(self, token_id: str) -> AdminToken | None:  # noqa: D102
        row = self._one(select(admin_tokens).where(admin_tokens.c.id == token_id))
        return None if row is None else _admin_token(row)

    def admin_tokens(  # noqa: D102
        self, *, organization_id: str | None = None, after: str | None = None, limit: int = 100
    ) -> Sequence[AdminToken]:
        query = select(admin_tokens)
        if organization_id is not None:
            query = query.where(admin_tokens.c.organization_id == organization_id)
        return [_admin_token(row) for row in self._page(admin_tokens, query, after, limit)]

    def _add(self, table: Table, row: dict[str, object]) -> None:
        with writing(self._engine) as connection:
            connection.execute(insert(table).values(row))

    def _update(self, table: Table, row: dict[str, object]) -> None:
        with writing(self._engine) as connection:
            changed = connection.execute(update(table).where(table.c.id == row["id"]).values(row))
        if changed.rowcount != 1:
            raise NotFound(f"there is no `{row['id']}`")

    def _one(self, query: Select[Any]) -> Row[Any] | None:
        try:
            with reading(self._engine) as connection:
                return connection.execute(query).one_or_none()
        except NotFound:
            return None

    def _page(self, table: Table, query: Select[Any], after: str | None, limit: int) -> Sequence[Row[Any]]:
        if after is not None:
            query = query.where(table.c.id > after)
        with reading(self._engine) as connection:
            return connection.execute(query.order_by(table.c.id).limit(limit)).all()


def _organization_row(organization: Organization) -> dict[str, object]:
    return {
        "id": organization.id,
        "slug": organization.slug,
        "name": organization.name,
        "token_format": organization.token_format,
        "subject_claims": list(organization.subject_claims),
        "audiences": list(organization.audiences),
        "created_at": organization.created_at,
        "own_issuer": organization.own_issuer,
    }


def _organization(row: Row[Any]) -> Organization:
    members = row._asdict()
    return Organization(**members | {"subject_claims": tuple(row.subject_claims), "audiences": tuple(row.audiences)})


def _project_row(project: Project) -> dict[str, object]:
    return {
        "id": project.id,
        "organization_id": project.organization_id,
        "slug": project.slug,
        "name": project.name,
        "created_at": project.created_at,
    }


def _project(row: Row[Any]) -> Project:
    return Project(**row._asdict())


def _workload_row(workload: Workload) -> dict[str, object]:
    return {
        "id": workload.id,
        "organization_id": workload.organization_id,
        "project_id": workload.project_id,
        "kind": workload.kind.value,
        "name": workload.name,
        "attributes": dict(workload.attributes),
        "secret_hash": workload.secret_hash,
        "created_at": workload.created_at,
        "expires_at": workload.expires_at,
        "revoked_at": workload.revoked_at,
    }


def _workload(row: Row[Any]) -> Workload:
    return Workload(**row._asdict() | {"kind": WorkloadKind(row.kind)})


def _admin_token_row(token: AdminToken) -> dict[str, object]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(token.scopes),
        "organization_id": token.organization_id,
        "secret_hash": token.secret_hash,
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
    }


def _admin_token(row: Row[Any]) -> AdminToken:
    return AdminToken(**row._asdict() | {"scopes": frozenset(row.scopes)})
