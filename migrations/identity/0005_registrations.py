"""Registrations of their own: one that found its e-mail address taken holds its CNPJ like any other.

Revision: identity_0005
"""

import sqlalchemy as sa
from alembic import op

revision = "identity_0005"
down_revision = "identity_0004"
branch_labels = None
depends_on = None
runs_with = "identity_0005"


def upgrade() -> None:
    op.create_table(
        "registrations",
        sa.Column("cnpj", sa.Text, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cnpj ~ '^[0-9A-Z]{12}[0-9]{2}$'", name="registrations_cnpj"),
        sa.CheckConstraint("octet_length(digest) = 32", name="registrations_digest"),
        schema="identity",
    )
    op.execute(
        "INSERT INTO identity.registrations (cnpj, digest, at)"
        " SELECT cnpj, registration, created_at FROM identity.buyer_accounts WHERE registration IS NOT NULL"
    )
    op.drop_column("buyer_accounts", "registration", schema="identity")


def downgrade() -> None:
    """Registrations that made no account are forgotten: their CNPJs are free again."""
    op.add_column("buyer_accounts", sa.Column("registration", sa.LargeBinary), schema="identity")
    op.execute(
        "UPDATE identity.buyer_accounts a SET registration = r.digest"
        " FROM identity.registrations r WHERE r.cnpj = a.cnpj"
    )
    op.drop_table("registrations", schema="identity")
