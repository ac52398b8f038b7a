"""The keys that sign access tokens, wrapped, where all processes find them.

Revision: identity_0010
"""

import sqlalchemy as sa
from alembic import op

revision = "identity_0010"
down_revision = "identity_0009"
branch_labels = None
depends_on = None
runs_with = None


def upgrade() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text, primary_key=True),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("wrapped_by", sa.Text, nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("algorithm = 'EdDSA'", name="signing_keys_algorithm"),
        sa.CheckConstraint("octet_length(wrapped) = 60", name="signing_keys_wrapped"),
        schema="identity",
    )


def downgrade() -> None:
    op.drop_table("signing_keys", schema="identity")
