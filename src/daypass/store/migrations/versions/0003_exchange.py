"""Connections of the exchange, and which upstream tokens were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connections",
        sa.Column("id", sa.String(24), nullable=False),
        sa.Column("organization_id", sa.String(24), nullable=False),
        sa.Column("project_id", sa.String(24), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("disabled_at", sa.String(27)),
        sa.PrimaryKeyConstraint("id", name="pk_connections"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_connections_organization_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_connections_project_id"),
        sa.UniqueConstraint("organization_id", "name", name="uq_connections_organization_id_name"),
    )
    op.create_index("ix_connections_issuer_id", "connections", ["issuer", "id"])
    op.create_table(
        "exchanged_tokens",
        sa.Column("token_key", sa.String(64), nullable=False),
        sa.Column("until", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("token_key", name="pk_exchanged_tokens"),
    )
    op.create_index("ix_exchanged_tokens_until", "exchanged_tokens", ["until"])
