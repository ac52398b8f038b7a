"""A line of a cart keeps the unit that its quantity was entered in.

The lines there are get the unit that their product has now, which is what the code before this revision shows them in:
orders builds on the catalog, and this reads it once. That code goes on writing lines without a unit, which means the
product's; one of which it sets the quantity keeps the unit it has, and if that is not the product's any more, no server
of now orders it before the line is set again.

Revision: orders_0005
"""

import sqlalchemy as sa
from alembic import op

revision = "orders_0005"
down_revision = "orders_0004"
branch_labels = None
depends_on = "catalog_0001"
runs_with = None


def upgrade() -> None:
    """NULL is left where the product has vanished."""
    op.add_column("cart_lines", sa.Column("unit", sa.Text), schema="orders")
    op.execute(
        "UPDATE orders.cart_lines SET unit = products.unit FROM catalog.products"
        " WHERE products.id = cart_lines.product_id"
    )


def downgrade() -> None:
    op.drop_column("cart_lines", "unit", schema="orders")
