"""Carts, orders and the idempotency keys of what makes or moves an order.

Revision: orders_0001
"""

import sqlalchemy as sa
from alembic import op

revision = "orders_0001"
down_revision = None
branch_labels = ("orders",)
depends_on = "shared_0001"
runs_with = "orders_0001"

QUANTITY = sa.Numeric(14, 3)
TOTAL = sa.Numeric(22, 2)


def upgrade() -> None:
    """The schema `orders`."""
    op.execute("CREATE SCHEMA orders")
    op.execute("CREATE SEQUENCE orders.order_numbers")
    op.create_table(
        "carts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("user_id", name="carts_user_id_key"),
        sa.CheckConstraint("version >= 0", name="carts_version_check"),
        schema="orders",
    )
    op.create_table(
        "cart_lines",
        sa.Column("cart_id", sa.Uuid, sa.ForeignKey("orders.carts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("product_id", sa.Uuid, primary_key=True),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("quantity", QUANTITY, nullable=False),
        sa.Column("position", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.CheckConstraint("quantity > 0", name="cart_lines_quantity_check"),
        schema="orders",
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("account_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("total", TOTAL, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("number", name="orders_number_key"),
        sa.CheckConstraint(
            "status IN ('PLACED', 'CONFIRMED', 'PICKING', 'SHIPPED', 'DELIVERED', 'CANCELLED')",
            name="orders_status_check",
        ),
        sa.CheckConstraint("total >= 0", name="orders_total_check"),
        schema="orders",
    )
    op.create_index("orders_newest_of_account", "orders", ["account_id", sa.text("id DESC")], schema="orders")
    op.create_table(
        "order_lines",
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.orders.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("product_id", sa.Uuid, nullable=False),
        sa.Column("sku", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("quantity", QUANTITY, nullable=False),
        sa.Column("unit_price", sa.Numeric(14, 4), nullable=False),
        sa.Column("price_source", sa.Text, nullable=False),
        sa.Column("line_total", TOTAL, nullable=False),
        sa.CheckConstraint("quantity > 0", name="order_lines_quantity_check"),
        schema="orders",
    )
    op.create_table(
        "order_transitions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.orders.id"), nullable=False),
        sa.Column("from_status", sa.Text, nullable=False),
        sa.Column("to_status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("by", sa.Uuid, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        schema="orders",
    )
    op.create_index("order_transitions_of_order", "order_transitions", ["order_id", "id"], schema="orders")
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("order_id", sa.Uuid, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        schema="orders",
    )


def downgrade() -> None:
    """Orders are gone after this."""
    op.execute("DROP SCHEMA orders CASCADE")
