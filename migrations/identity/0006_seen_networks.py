"""Where people have proved who they are.

Revision: identity_0006
"""

import sqlalchemy as sa
from alembic import op

revision = "identity_0006"
down_revision = "identity_0005"
branch_labels = None
depends_on = None
runs_with = "identity_0006"


def upgrade() -> None:
    op.create_table(
        "seen_networks",
        sa.Column(
            "user_id", sa.Uuid, sa.ForeignKey("identity.users.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("network", sa.Text, primary_key=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        schema="identity",
    )
    op.create_index("seen_networks_last", "seen_networks", ["last_seen_at"], schema="identity")
    # As contexts.shared.network names them; what is neither is seen when it comes again.
    op.execute(
        """
        INSERT INTO identity.seen_networks (user_id, network, last_seen_at)
        SELECT user_id, network, max(last_used_at)
        FROM (
            SELECT user_id, last_used_at, CASE
                WHEN address ~ '^[0-9]{1,3}([.][0-9]{1,3}){3}$' THEN address
                WHEN address ~ '^[0-9a-f]{1,4}:[0-9a-f:]+$' THEN network(set_masklen(address::inet, 64))::text
            END AS network
            FROM identity.sessions
        ) AS seen
        WHERE network IS NOT NULL
        GROUP BY user_id, network
        """
    )


def downgrade() -> None:
    op.drop_table("seen_networks", schema="identity")
