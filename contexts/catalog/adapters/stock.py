"""Stock in PostgreSQL, held under row locks that are always taken in the order of product ids."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ARRAY, Numeric, Uuid, any_, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import insert

from contexts.catalog.adapters.tables import stock, stock_reservations
from contexts.catalog.ports import Shortage, StockLine
from contexts.shared.adapters.database import run
from contexts.shared.adapters.query import Query
from contexts.shared.transaction import Transaction

_NONE = Decimal(0)

_held = (
    func.unnest(bindparam("product_ids", type_=ARRAY(Uuid)), bindparam("quantities", type_=ARRAY(Numeric)))
    .table_valued(column("product_id", Uuid), column("quantity", Numeric), name="held")
    .render_derived()
)
_LOCK: Query[UUID, Decimal] = Query(
    select(stock.c.product_id, (stock.c.on_hand - stock.c.reserved).label("available"))
    .where(stock.c.product_id == any_(bindparam("product_ids", type_=ARRAY(Uuid))))
    .order_by(stock.c.product_id)
    .with_for_update()
)
_RESERVE: Query[()] = Query(
    stock.update()
    .where(stock.c.product_id == _held.c.product_id)
    .values(reserved=stock.c.reserved + _held.c.quantity)
)
_RETURN: Query[()] = Query(
    stock.update()
    .where(stock.c.product_id == _held.c.product_id)
    .values(reserved=stock.c.reserved - _held.c.quantity)
)
_insertion = insert(stock_reservations).from_select(
    ["reference", "product_id", "quantity"],
    select(bindparam("reference", type_=Uuid), _held.c.product_id, _held.c.quantity),
)
_HOLD: Query[()] = Query(
    _insertion.on_conflict_do_update(
        index_elements=["reference", "product_id"],
        set_={"quantity": stock_reservations.c.quantity + _insertion.excluded.quantity},
    )
)
_RELEASE: Query[UUID, Decimal] = Query(
    stock_reservations.delete()
    .where(stock_reservations.c.reference == bindparam("reference"))
    .returning(stock_reservations.c.product_id, stock_reservations.c.quantity)
)


class SqlStock:
    """Reserves and releases in the caller's transaction; it has no connection of its own."""

    async def reserve(
        self, transaction: Transaction, reference: UUID, lines: Sequence[StockLine]
    ) -> list[Shortage]:
        requested = _requested(lines)
        if not requested:
            return []
        available = await lock_stock(transaction, requested)
        shortages = [
            Shortage(product_id, quantity, available.get(product_id, _NONE))
            for product_id, quantity in sorted(requested.items())
            if quantity > available.get(product_id, _NONE)
        ]
        if shortages:
            return shortages
        held = _quantities(requested)
        await run(transaction, _RESERVE, held)
        await run(transaction, _HOLD, {"reference": reference, **held})
        return []

    async def release(self, transaction: Transaction, reference: UUID) -> None:
        quantities: dict[UUID, Decimal] = dict(await run(transaction, _RELEASE, {"reference": reference}))
        if not quantities:
            return
        await lock_stock(transaction, quantities)
        await run(transaction, _RETURN, _quantities(quantities))


async def lock_stock(transaction: Transaction, product_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """Lock the stock rows of products, in the one order that everybody uses; what is available of each."""
    return dict(await run(transaction, _LOCK, {"product_ids": list(product_ids)}))


def _requested(lines: Sequence[StockLine]) -> dict[UUID, Decimal]:
    """How much of each product: several lines may ask for the same one."""
    requested: defaultdict[UUID, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.quantity <= 0:
            raise ValueError(f"cannot hold {line.quantity} of {line.product_id}")
        requested[line.product_id] += line.quantity
    return requested


def _quantities(quantities: Mapping[UUID, Decimal]) -> dict[str, object]:
    return {"product_ids": list(quantities), "quantities": list(quantities.values())}
