"""How often an invitation was mailed: the mails of an account are counted, not its invitations.

Revision: identity_0004
"""

import sqlalchemy as sa
from alembic import op

revision = "identity_0004"
down_revision = "identity_0003"
branch_labels = None
depends_on = None
runs_with = "identity_0004"


def upgrade() -> None:
    op.add_column(
        "invitations",
        sa.Column("mailings", sa.Integer, nullable=False, server_default=sa.text("1")),
        schema="identity",
    )
    op.create_index("invitations_expired", "invitations", ["expires_at"], schema="identity")


def downgrade() -> None:
    op.drop_index("invitations_expired", "invitations", schema="identity")
    op.drop_column("invitations", "mailings", schema="identity")
