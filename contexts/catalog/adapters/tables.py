"""The tables of the PostgreSQL schema `catalog`."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

metadata = MetaData(schema="catalog")

categories = Table(
    "categories",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("position", Integer, nullable=False),
)

products = Table(
    "products",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("sku", Text, nullable=False, unique=True),
    Column("slug", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("quantity_step", Numeric(14, 3), nullable=False),
    Column("category_id", ForeignKey("catalog.categories.id"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Column(
        "folded_name", Text(collation="C"), Computed("catalog.fold(name)", persisted=True), nullable=False
    ),
    Column(
        "search", TSVECTOR, Computed("catalog.search_document(name, sku)", persisted=True), nullable=False
    ),
    CheckConstraint("quantity_step > 0", name="quantity_step_positive"),
    Index("products_by_name", "folded_name", "id"),
    Index("products_by_age", "created_at", "id"),
    Index("products_by_category", "category_id", "folded_name", "id"),
    Index("products_search", "search", postgresql_using="gin"),
)
"""`folded_name`: the sort key of the name, case and accents ignored. `search`: see migrations/catalog/0002.
`created_at`: by the clock when the row is made, which is under the lock of publishing; see docs/adr/0025."""

product_images = Table(
    "product_images",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", ForeignKey("catalog.products.id"), nullable=False),
    Column("object_key", Text, nullable=False),
    Column("alt", Text),
    Column("is_main", Boolean, nullable=False),
    Index("product_main_image", "product_id", unique=True, postgresql_where=text("is_main")),
)

stock = Table(
    "stock",
    metadata,
    Column("product_id", ForeignKey("catalog.products.id"), primary_key=True),
    Column("on_hand", Numeric(14, 3), nullable=False),
    Column("reserved", Numeric(14, 3), nullable=False, server_default=text("0")),
    Column("low_stock_at", Numeric(14, 3), nullable=False, server_default=text("0")),
    CheckConstraint("0 <= reserved AND reserved <= on_hand", name="reserved_within_on_hand"),
)

stock_reservations = Table(
    "stock_reservations",
    metadata,
    Column("reference", Uuid, primary_key=True),
    Column("product_id", ForeignKey("catalog.stock.product_id"), primary_key=True),
    Column("quantity", Numeric(14, 3), nullable=False),
    CheckConstraint("quantity > 0", name="quantity_positive"),
)
"""What each `reference` (an order) holds; per product the quantities add up to `stock.reserved`."""

vocabulary = Table(
    "vocabulary",
    metadata,
    Column("word", Text(collation="C"), primary_key=True),
    Index("vocabulary_similar", "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
)
"""The words and ~stems of all product names, kept by a trigger; a searched word missing here is a typo."""
