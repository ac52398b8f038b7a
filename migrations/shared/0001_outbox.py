"""The extensions every context builds on, and the outbox.

Revision: shared_0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "shared_0001"
down_revision = None
branch_labels = ("shared",)
depends_on = None
runs_with = "shared_0001"

EXTENSIONS = ("btree_gist", "citext", "pg_trgm", "unaccent")


def upgrade() -> None:
    """Extensions go to `public`, where every context's statements find them."""
    for extension in EXTENSIONS:
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension} SCHEMA public")
    op.execute("CREATE SCHEMA shared")
    op.create_table(
        "outbox",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("handled_at", sa.DateTime(timezone=True)),
        sa.Column("failed_at", sa.DateTime(timezone=True)),
        sa.Column("last_error", sa.Text),
        schema="shared",
    )
    op.create_index(
        "outbox_due",
        "outbox",
        ["due_at"],
        schema="shared",
        postgresql_where=sa.text("handled_at IS NULL AND failed_at IS NULL"),
    )


def downgrade() -> None:
    """The extensions stay: other schemas may use them."""
    op.execute("DROP SCHEMA shared CASCADE")
