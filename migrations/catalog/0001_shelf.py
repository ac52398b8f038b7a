"""Categories, products with their images, and stock with what orders hold of it.

Revision: catalog_0001
"""

import sqlalchemy as sa
from alembic import op

revision = "catalog_0001"
down_revision = None
branch_labels = ("catalog",)
depends_on = "shared_0001"
runs_with = "catalog_0001"

QUANTITY = sa.Numeric(14, 3)
INSTANT = sa.DateTime(timezone=True)

# `unaccent` is STABLE because its dictionary could be replaced; ours is not, so an index may hold its result.
FOLD = """
CREATE FUNCTION catalog.fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(public.unaccent('public.unaccent'::regdictionary, $1))
"""


def upgrade() -> None:
    """`folded_name` is the sort key of a name: case and accents ignored, in one fixed ("C") order."""
    op.execute("CREATE SCHEMA catalog")
    op.get_bind().exec_driver_sql(FOLD)
    op.create_table(
        "categories",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("slug", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        schema="catalog",
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("sku", sa.Text, nullable=False, unique=True),
        sa.Column("slug", sa.Text, nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("quantity_step", QUANTITY, nullable=False),
        sa.Column("category_id", sa.Uuid, sa.ForeignKey("catalog.categories.id"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.text("now()")),
        sa.Column(
            "folded_name",
            sa.Text(collation="C"),
            sa.Computed("catalog.fold(name)", persisted=True),
            nullable=False,
        ),
        sa.CheckConstraint("quantity_step > 0", name="quantity_step_positive"),
        schema="catalog",
    )
    op.create_index("products_by_name", "products", ["folded_name", "id"], schema="catalog")
    op.create_index("products_by_age", "products", ["created_at", "id"], schema="catalog")
    op.create_index(
        "products_by_category", "products", ["category_id", "folded_name", "id"], schema="catalog"
    )
    op.create_table(
        "product_images",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("product_id", sa.Uuid, sa.ForeignKey("catalog.products.id"), nullable=False),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("alt", sa.Text),
        sa.Column("is_main", sa.Boolean, nullable=False),
        schema="catalog",
    )
    op.create_index(
        "product_main_image",
        "product_images",
        ["product_id"],
        unique=True,
        schema="catalog",
        postgresql_where=sa.text("is_main"),
    )
    op.create_table(
        "stock",
        sa.Column("product_id", sa.Uuid, sa.ForeignKey("catalog.products.id"), primary_key=True),
        sa.Column("on_hand", QUANTITY, nullable=False),
        sa.Column("reserved", QUANTITY, nullable=False, server_default=sa.text("0")),
        sa.Column("low_stock_at", QUANTITY, nullable=False, server_default=sa.text("0")),
        sa.CheckConstraint("0 <= reserved AND reserved <= on_hand", name="reserved_within_on_hand"),
        schema="catalog",
    )
    op.create_table(
        "stock_reservations",
        sa.Column("reference", sa.Uuid, primary_key=True),
        sa.Column("product_id", sa.Uuid, sa.ForeignKey("catalog.stock.product_id"), primary_key=True),
        sa.Column("quantity", QUANTITY, nullable=False),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        schema="catalog",
    )


def downgrade() -> None:
    """Everything goes with the schema."""
    op.execute("DROP SCHEMA catalog CASCADE")
