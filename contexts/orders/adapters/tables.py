"""The tables of the PostgreSQL schema `orders`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    literal_column,
    text,
    true,
)

metadata = MetaData(schema="orders")

QUANTITY = Numeric(14, 3)
UNIT_PRICE = Numeric(14, 4)
TOTAL = Numeric(22, 2)
"""Wide enough for 500 lines of the largest quantity at the largest price."""

carts = Table(
    "carts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("user_id", name="carts_user_id_key"),
    CheckConstraint("version >= 0", name="carts_version_check"),
)
"""One row per user, kept when the cart becomes an order (`active` is false then, and there are no lines): a version
that came back would let a late checkout order another cart than the one it saw."""

cart_lines = Table(
    "cart_lines",
    metadata,
    Column("cart_id", ForeignKey(carts.c.id, ondelete="CASCADE"), primary_key=True),
    Column("product_id", Uuid, primary_key=True),
    Column("sku", Text, nullable=False),
    Column("quantity", QUANTITY, nullable=False),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("unit", Text),
    CheckConstraint("quantity > 0", name="cart_lines_quantity_check"),
)
"""`position` only orders the lines of a cart as they were added. `unit` is the one the quantity was entered in; NULL,
from servers of the release before, is the product's."""

orders = Table(
    "orders",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Text, nullable=False),
    Column("account_id", Uuid, nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("status", Text, nullable=False),
    Column("total", TOTAL, nullable=False),
    Column("currency", Text, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("version", Integer, nullable=False),
    Column("commit_order", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("number", name="orders_number_key"),
    CheckConstraint(
        "status IN ('PLACED', 'CONFIRMED', 'PICKING', 'SHIPPED', 'DELIVERED', 'CANCELLED')",
        name="orders_status_check",
    ),
    CheckConstraint("total >= 0", name="orders_total_check"),
)
_IN_ORDER = (orders.c.commit_order, orders.c.id, orders.c.placed_at)
"""With `placed_at`, so that a period is looked for in the index and not in the table."""
Index("orders_in_order", *_IN_ORDER)
Index("orders_in_order_of_account", orders.c.account_id, *_IN_ORDER)
Index("orders_in_order_of_status", orders.c.status, *_IN_ORDER)
Index("orders_newest_of_account", orders.c.account_id, orders.c.id.desc())
"""A trigger sets `commit_order` at COMMIT (docs/adr/0025-commit-order.md); of orders of before it is 0.

The index `orders_newest_of_account` and the sequence `orders.order_numbers` are for gateways of before that still run.
They go in a later release."""
NUMBER_DIGITS = func.replace(orders.c.number, literal_column("'-'"), literal_column("''"))
"""A number without its dashes, as the index of its parts has it."""
Index(
    "orders_number_parts",
    NUMBER_DIGITS.label("digits"),
    postgresql_using="gin",
    postgresql_ops={"digits": "gin_trgm_ops"},
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", ForeignKey(orders.c.id), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("product_id", Uuid, nullable=False),
    Column("sku", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("quantity", QUANTITY, nullable=False),
    Column("unit_price", UNIT_PRICE, nullable=False),
    Column("price_source", Text, nullable=False),
    Column("line_total", TOTAL, nullable=False),
    CheckConstraint("quantity > 0", name="order_lines_quantity_check"),
)
"""All amounts are in the order's currency."""

order_transitions = Table(
    "order_transitions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", ForeignKey(orders.c.id), nullable=False),
    Column("from_status", Text, nullable=False),
    Column("to_status", Text, nullable=False),
    Column("reason", Text),
    Column("by", Uuid, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
Index("order_transitions_of_order", order_transitions.c.order_id, order_transitions.c.id)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("order_id", Uuid, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
)
"""No foreign key to the order: the key is spent before the order is there."""
