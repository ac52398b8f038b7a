"""Orders are paged in the order in which they became visible, and found by what they are filtered by.

Revision: orders_0004
"""

import sqlalchemy as sa

from migrations import concurrently

revision = "orders_0004"
down_revision = "orders_0003"
branch_labels = None
depends_on = None
runs_with = None

INDEXES: dict[str, list[str]] = {
    "orders_in_order": ["commit_order", "id", "placed_at"],
    "orders_in_order_of_account": ["account_id", "commit_order", "id", "placed_at"],
    "orders_in_order_of_status": ["status", "commit_order", "id", "placed_at"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        concurrently.create_index(name, "orders", columns, schema="orders")
    digits = sa.func.replace(sa.column("number"), sa.literal_column("'-'"), sa.literal_column("''"))
    concurrently.create_index(
        "orders_number_parts",
        "orders",
        [digits.label("digits")],
        schema="orders",
        postgresql_using="gin",
        postgresql_ops={"digits": "gin_trgm_ops"},
    )


def downgrade() -> None:
    for name in (*INDEXES, "orders_number_parts"):
        concurrently.drop_index(name, "orders", schema="orders")
