"""AWS claims, a period for two forms of tokens, and whose the issued subjects are.

Subjects that were issued before are not known here: each becomes that of the first who asks for it again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organizations", sa.Column("aws_claims", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("organizations", sa.Column("previous", sa.JSON()))
    op.create_index("ix_workloads_organization_id_created_at", "workloads", ["organization_id", "created_at"])
    op.create_table(
        "issued_subjects",
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.String(24), nullable=False),
        sa.Column("issued_at", sa.String(27), nullable=False),
        sa.Column("released_at", sa.String(27)),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_issued_subjects"),
    )
    op.create_index("ix_issued_subjects_organization_id_subject", "issued_subjects", ["organization_id", "subject"])
