"""Issuers of organizations, and keys that rotate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organizations", sa.Column("own_issuer", sa.Boolean(), nullable=False, server_default=sa.false()))
    for column in (
        sa.Column("organization_id", sa.String(24)),
        sa.Column("published_at", sa.String(27)),
        sa.Column("activate_at", sa.String(27)),
        sa.Column("revoked_at", sa.String(27)),
    ):
        op.add_column("signing_keys", column)
    op.create_index("ix_signing_keys_organization_id", "signing_keys", ["organization_id"])
    op.create_table(
        "key_rings",
        sa.Column("issuer", sa.String(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", name="pk_key_rings"),
    )
    # Keys were published when they were made.
    op.execute("UPDATE signing_keys SET published_at = created_at")
