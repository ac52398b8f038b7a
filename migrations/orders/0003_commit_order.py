"""Orders are numbered in the order in which they become visible.

Revision: orders_0003
"""

import sqlalchemy as sa
from alembic import op

revision = "orders_0003"
down_revision = "orders_0002"
branch_labels = None
depends_on = "shared_0003"
runs_with = None


def upgrade() -> None:
    """Orders of before have 0, and stand in the order of their ids as before."""
    op.add_column(
        "orders",
        sa.Column("commit_order", sa.BigInteger, nullable=False, server_default="0"),
        schema="orders",
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER take_commit_order AFTER INSERT ON orders.orders"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.commit_order = 0)"
        " EXECUTE FUNCTION shared.take_commit_order()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER take_commit_order ON orders.orders")
    op.drop_column("orders", "commit_order", schema="orders")
