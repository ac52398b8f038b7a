"""Stock in PostgreSQL, held under row locks that are always taken in the order of product ids."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import TableValuedAlias, Uuid, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from contexts.catalog.adapters.parameters import any_id, relation
from contexts.catalog.adapters.tables import stock, stock_reservations
from contexts.catalog.ports import Shortage, StockLine
from contexts.shared.adapters.database import connection_of
from contexts.shared.adapters.writers import Writer
from contexts.shared.transaction import Transaction

_NONE = Decimal(0)


class SqlStock:
    """Reserves and releases in the caller's transaction; it has no connection of its own."""

    async def reserve(
        self, transaction: Transaction, reference: UUID, lines: Sequence[StockLine]
    ) -> list[Shortage]:
        requested = _requested(lines)
        if not requested:
            return []
        connection = connection_of(transaction)
        available = await lock_stock(connection, requested)
        shortages = [
            Shortage(product_id, quantity, available.get(product_id, _NONE))
            for product_id, quantity in sorted(requested.items())
            if quantity > available.get(product_id, _NONE)
        ]
        if shortages:
            return shortages
        held = _quantities(requested)
        await connection.execute(
            stock.update()
            .where(stock.c.product_id == held.c.product_id)
            .values(reserved=stock.c.reserved + held.c.quantity)
        )
        insertion = insert(stock_reservations).from_select(
            ["reference", "product_id", "quantity"],
            select(bindparam(None, reference, Uuid), held.c.product_id, held.c.quantity),
        )
        await connection.execute(
            insertion.on_conflict_do_update(
                index_elements=["reference", "product_id"],
                set_={"quantity": stock_reservations.c.quantity + insertion.excluded.quantity},
            )
        )
        return []

    async def release(self, transaction: Transaction, reference: UUID) -> None:
        connection = connection_of(transaction)
        released = await connection.execute(
            stock_reservations.delete()
            .where(stock_reservations.c.reference == reference)
            .returning(stock_reservations.c.product_id, stock_reservations.c.quantity)
        )
        quantities: dict[UUID, Decimal] = {row.product_id: row.quantity for row in released}
        if not quantities:
            return
        await lock_stock(connection, quantities)
        returned = _quantities(quantities)
        await connection.execute(
            stock.update()
            .where(stock.c.product_id == returned.c.product_id)
            .values(reserved=stock.c.reserved - returned.c.quantity)
        )


async def lock_stock(connection: Writer, product_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """Lock the stock rows of products, in the one order that everybody uses; what is available of each."""
    rows = await connection.execute(
        select(stock.c.product_id, (stock.c.on_hand - stock.c.reserved).label("available"))
        .where(stock.c.product_id == any_id(product_ids))
        .order_by(stock.c.product_id)
        .with_for_update()
    )
    return {row.product_id: row.available for row in rows}


def _requested(lines: Sequence[StockLine]) -> dict[UUID, Decimal]:
    """How much of each product: several lines may ask for the same one."""
    requested: defaultdict[UUID, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.quantity <= 0:
            raise ValueError(f"cannot hold {line.quantity} of {line.product_id}")
        requested[line.product_id] += line.quantity
    return requested


def _quantities(quantities: Mapping[UUID, Decimal]) -> TableValuedAlias:
    return relation(
        "held",
        product_id=(stock.c.product_id, list(quantities)),
        quantity=(stock.c.reserved, list(quantities.values())),
    )
