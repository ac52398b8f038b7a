"""Buyer accounts are numbered in the order in which they become visible.

Revision: identity_0011
"""

import sqlalchemy as sa
from alembic import op

revision = "identity_0011"
down_revision = "identity_0010"
branch_labels = None
depends_on = "shared_0003"
runs_with = None


def upgrade() -> None:
    """Accounts of before have 0, and stand in the order of their ids as before."""
    op.add_column(
        "buyer_accounts",
        sa.Column("commit_order", sa.BigInteger, nullable=False, server_default="0"),
        schema="identity",
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER take_commit_order AFTER INSERT ON identity.buyer_accounts"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.commit_order = 0)"
        " EXECUTE FUNCTION shared.take_commit_order()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER take_commit_order ON identity.buyer_accounts")
    op.drop_column("buyer_accounts", "commit_order", schema="identity")
