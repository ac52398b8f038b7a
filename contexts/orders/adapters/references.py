"""Which products are in carts or open orders, for the catalog, which asks before a unit changes; its port is met
structurally."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, literal_column, select

from contexts.orders.adapters.tables import cart_lines, order_lines, orders
from contexts.orders.domain.status import OrderStatus
from contexts.shared.adapters.database import run
from contexts.shared.adapters.query import Query
from contexts.shared.transaction import Transaction

_open = (
    orders.c.status != literal_column(f"'{ended.value}'")
    for ended in (OrderStatus.DELIVERED, OrderStatus.CANCELLED)
)
_asked = any_(bindparam("product_ids", type_=ARRAY(Uuid)))
# One statement, hence one snapshot: a checkout between two of them would be in neither.
_USED: Query[UUID] = Query(
    select(cart_lines.c.product_id)
    .where(cart_lines.c.product_id == _asked)
    .union(
        select(order_lines.c.product_id)
        .join(orders, orders.c.id == order_lines.c.order_id)
        .where(order_lines.c.product_id == _asked, *_open)
    )
)


class SqlOrderReferences:
    """Reads all order lines when it is asked, which is when a unit is about to change: no index is kept for that."""

    async def among(self, transaction: Transaction, product_ids: Collection[UUID]) -> Collection[UUID]:
        return [id for (id,) in await run(transaction, _USED, {"product_ids": list(product_ids)})]
