"""What is repeated is counted; operators invite.

Revision: identity_0008
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "identity_0008"
down_revision = "identity_0007"
branch_labels = None
depends_on = None
runs_with = None
accepted = {
    "ban-drop-not-null": "the code before reads such an invitation too: its inviter is a user that is not found",
}


def upgrade() -> None:
    op.create_table(
        "repeated_acts",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("account_id", sa.Uuid),
        sa.Column("subject_type", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("told", sa.Integer, nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("after", JSONB),
        sa.CheckConstraint("octet_length(key) = 32", name="repeated_acts_key"),
        schema="identity",
    )
    op.create_index("repeated_acts_over", "repeated_acts", ["ends_at"], schema="identity")
    op.alter_column("invitations", "invited_by", nullable=True, schema="identity")


def downgrade() -> None:
    # What no user sent cannot be kept; its tokens go with it.
    op.execute("DELETE FROM identity.invitations WHERE invited_by IS NULL")
    op.alter_column("invitations", "invited_by", nullable=False, schema="identity")
    op.drop_table("repeated_acts", schema="identity")
