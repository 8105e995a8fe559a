"""The tables, as SQLAlchemy knows them. Migrations make them; a test compares the two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect


class UtcTime(TypeDecorator[datetime]):
    """A time as RFC 3339 text in UTC with microseconds, so that the order of the text is the order in time."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy passes it)
        """To the database."""
        return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 (likewise)
        """From the database."""
        return None if value is None else datetime.fromisoformat(value)


metadata: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

organizations: Final = Table(
    "organizations",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("slug", String(63), nullable=False),
    Column("name", String(200), nullable=False),
    Column("token_format", String(63), nullable=False),
    Column("subject_claims", JSON, nullable=False),
    Column("audiences", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("own_issuer", Boolean, nullable=False, server_default=false()),
    Column("aws_claims", JSON, nullable=False, server_default="{}"),
    Column("previous", JSON(none_as_null=True)),
    UniqueConstraint("slug"),
)

projects: Final = Table(
    "projects",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("slug", String(63), nullable=False),
    Column("name", String(200), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("organization_id", "slug"),
)

workloads: Final = Table(
    "workloads",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("name", String(200), nullable=False),
    Column("attributes", JSON, nullable=False),
    Column("secret_hash", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("revoked_at", UtcTime),
    UniqueConstraint("secret_hash"),
    Index(None, "project_id", "id"),
    Index(None, "organization_id", "created_at"),
)

admin_tokens: Final = Table(
    "admin_tokens",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("organization_id", ForeignKey("organizations.id")),
    Column("secret_hash", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("revoked_at", UtcTime),
    UniqueConstraint("secret_hash"),
)

signing_keys: Final = Table(
    "signing_keys",
    metadata,
    Column("kid", String(256), primary_key=True),
    Column("algorithm", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("public_jwk", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("activated_at", UtcTime),
    Column("retiring_at", UtcTime),
    Column("retired_at", UtcTime),
    Column("organization_id", String(24)),  # NULL: the root issuer
    Column("published_at", UtcTime),
    Column("activate_at", UtcTime),
    Column("revoked_at", UtcTime),
    Index(None, "organization_id"),
)

key_rings: Final = Table(
    "key_rings",
    metadata,
    Column("issuer", String(24), primary_key=True),  # an organization's id; empty: the root issuer
    Column("version", Integer, nullable=False),
)

connections: Final = Table(
    "connections",
    metadata,
    Column("id", String(24), primary_key=True),
    Column("organization_id", ForeignKey("organizations.id"), nullable=False),
    Column("project_id", ForeignKey("projects.id"), nullable=False),
    Column("name", String(63), nullable=False),
    # A copy out of `terms`, for the one question that is asked for every token.
    Column("issuer", String(255), nullable=False),
    Column("terms", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("disabled_at", UtcTime),
    UniqueConstraint("organization_id", "name"),
    Index(None, "issuer", "id"),
)

exchanged_tokens: Final = Table(
    "exchanged_tokens",
    metadata,
    Column("token_key", String(64), primary_key=True),
    Column("until", UtcTime, nullable=False),
    Index(None, "until"),
)

# Without foreign keys: a subject stays somebody's when organization, project and workload are long gone.
issued_subjects: Final = Table(
    "issued_subjects",
    metadata,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("organization_id", String(24), nullable=False),
    Column("issued_at", UtcTime, nullable=False),
    Column("released_at", UtcTime),
    Index(None, "organization_id", "subject"),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    # A copy out of `row`, for the reader who may only see one organization.
    Column("organization_id", String(24)),
    # The entry as canonical JSON: exactly these bytes are hashed.
    Column("row", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    CheckConstraint("sequence > 0", name="counts_from_one"),
    Index(None, "organization_id", "sequence"),
)
