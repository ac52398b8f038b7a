"""Which products have prices, for the catalog, which asks before a unit changes; its port is met structurally."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from contexts.pricing.adapters.tables import prices
from contexts.shared.adapters.database import run
from contexts.shared.adapters.query import Query
from contexts.shared.transaction import Transaction

_PRICED: Query[UUID] = Query(
    select(prices.c.product_id)
    .where(prices.c.product_id == any_(bindparam("product_ids", type_=ARRAY(Uuid))))
    .distinct()
)


class SqlPriceReferences:
    """Ended prices count too: they tell what was charged for one of the unit."""

    async def among(self, transaction: Transaction, product_ids: Collection[UUID]) -> Collection[UUID]:
        return [id for (id,) in await run(transaction, _PRICED, {"product_ids": list(product_ids)})]
