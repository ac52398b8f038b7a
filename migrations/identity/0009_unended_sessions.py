"""The sessions of a user that are not over are found without those that are.

Revision: identity_0009
"""

import sqlalchemy as sa

from migrations import concurrently

revision = "identity_0009"
down_revision = "identity_0008"
branch_labels = None
depends_on = None
runs_with = None


def upgrade() -> None:
    concurrently.create_index(
        "sessions_unended",
        "sessions",
        ["user_id"],
        schema="identity",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def downgrade() -> None:
    concurrently.drop_index("sessions_unended", "sessions", schema="identity")
