"""A cart's row outlives its checkout, so that no version of a user's carts comes back.

Revision: orders_0002
"""

import sqlalchemy as sa
from alembic import op

revision = "orders_0002"
down_revision = "orders_0001"
branch_labels = None
depends_on = None
runs_with = "orders_0002"


def upgrade() -> None:
    """The carts there are, are active."""
    op.add_column(
        "carts",
        sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
        schema="orders",
    )


def downgrade() -> None:
    """As before, a row is an active cart."""
    op.execute("DELETE FROM orders.carts WHERE NOT active")
    op.drop_column("carts", "active", schema="orders")
