"""Organizations, projects, workloads and admin tokens in SQL."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, insert, or_, select, update

from daypass.errors import ChangedMeanwhile, NotFound
from daypass.idp.model import (
    AdminToken,
    AwsClaims,
    Holder,
    Organization,
    PreviousForm,
    Project,
    Workload,
    WorkloadKind,
)
from daypass.store.engine import reading, writing
from daypass.store.schema import admin_tokens, organizations, projects, workloads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine, Row, Select, Table

_HOLDER: Final = (
    select(workloads, projects, organizations)
    .join_from(workloads, projects, workloads.c.project_id == projects.c.id)
    .join(organizations, workloads.c.organization_id == organizations.c.id)
    .set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)
)


class SqlRegistryStore:
    """A `RegistryStore`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add_organization(self, organization: Organization) -> None:
        """See `RegistryStore`, as of all methods here."""
        self._add(organizations, _organization_row(organization))

    def update_organization(self, organization: Organization, *, was: Organization) -> None:  # noqa: D102
        found = select(organizations).where(organizations.c.id == organization.id).with_for_update()
        with writing(self._engine) as connection:
            row = connection.execute(found).one_or_none()
            if row is None:
                raise NotFound(f"there is no `{organization.id}`")
            if _organization(row._asdict()) != was:
                raise ChangedMeanwhile(
                    f"the organization `{was.slug}` was changed by somebody else at the same moment",
                    advice="Look at it again, then repeat the change.",
                )
            mine = organizations.c.id == organization.id
            connection.execute(update(organizations).where(mine).values(_organization_row(organization)))

    def organization(self, id_or_slug: str) -> Organization | None:  # noqa: D102
        table = organizations
        row = self._one(select(table).where(or_(table.c.id == id_or_slug, table.c.slug == id_or_slug)))
        return None if row is None else _organization(row._asdict())

    def organizations(self, *, after: str | None = None, limit: int = 100) -> Sequence[Organization]:  # noqa: D102
        return [_organization(row._asdict()) for row in self._page(organizations, select(organizations), after, limit)]

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
        return None if row is None else _workload(row._asdict())

    def holder_by_secret(self, secret_hash: str) -> Holder | None:  # noqa: D102
        row = self._one(_HOLDER.where(workloads.c.secret_hash == secret_hash))
        if row is None:
            return None
        members = row._asdict()
        workload, project, organization = (
            {column.name: members[f"{table.name}_{column.name}"] for column in table.c}
            for table in (workloads, projects, organizations)
        )
        return Holder(_workload(workload), Project(**project), _organization(organization))

    def workloads(  # noqa: D102
        self, project_id: str, *, after: str | None = None, limit: int = 100
    ) -> Sequence[Workload]:
        query = select(workloads).where(workloads.c.project_id == project_id)
        return [_workload(row._asdict()) for row in self._page(workloads, query, after, limit)]

    def recent_workloads(self, organization_id: str, *, limit: int) -> Sequence[Workload]:  # noqa: D102
        usable = (workloads.c.organization_id == organization_id, workloads.c.revoked_at.is_(None))
        query = select(workloads).where(*usable).order_by(workloads.c.created_at.desc(), workloads.c.id.desc())
        with reading(self._engine) as connection:
            return [_workload(row._asdict()) for row in connection.execute(query.limit(limit))]

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
        "aws_claims": _aws_claims_document(organization.aws_claims),
        "previous": None if organization.previous is None else _previous_document(organization.previous),
    }


def _organization(row: Mapping[str, Any]) -> Organization:
    lists = {name: tuple(row[name]) for name in ("subject_claims", "audiences")}
    previous = None if row["previous"] is None else _previous(row["previous"])
    return Organization(**{**row, **lists, "aws_claims": _aws_claims(row["aws_claims"]), "previous": previous})


def _aws_claims_document(claims: AwsClaims) -> dict[str, object]:
    return {
        "tags": [list(pair) for pair in claims.tags],
        "transitive": list(claims.transitive),
        "source_identity": claims.source_identity,
    }


def _aws_claims(document: Mapping[str, Any]) -> AwsClaims:
    return AwsClaims(
        tags=tuple((key, fact) for key, fact in document.get("tags", ())),
        transitive=tuple(document.get("transitive", ())),
        source_identity=document.get("source_identity"),
    )


def _previous_document(previous: PreviousForm) -> dict[str, object]:
    return {
        "token_format": previous.token_format,
        "subject_claims": list(previous.subject_claims),
        "until": previous.until.isoformat(),
        "usual": previous.usual,
    }


def _previous(document: Mapping[str, Any]) -> PreviousForm:
    return PreviousForm(
        token_format=document["token_format"],
        subject_claims=tuple(document["subject_claims"]),
        until=datetime.fromisoformat(document["until"]),
        usual=document["usual"],
    )


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


def _workload(row: Mapping[str, Any]) -> Workload:
    return Workload(**{**row, "kind": WorkloadKind(row["kind"])})


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
