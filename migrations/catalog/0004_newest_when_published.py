"""A product is as old as its insertion, not as the transaction that waited for its turn to publish.

Publishing takes turns by a lock until the commit is visible (contexts/catalog/adapters/product_writer.py), so the
newest products are in commit order when their instant is taken under it. docs/adr/0025-commit-order.md

Revision: catalog_0004
"""

from alembic import op

revision = "catalog_0004"
down_revision = "catalog_0003"
branch_labels = None
depends_on = None
runs_with = None


def upgrade() -> None:
    op.execute("ALTER TABLE catalog.products ALTER COLUMN created_at SET DEFAULT clock_timestamp()")


def downgrade() -> None:
    op.execute("ALTER TABLE catalog.products ALTER COLUMN created_at SET DEFAULT now()")
