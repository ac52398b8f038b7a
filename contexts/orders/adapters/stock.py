"""Stock as the catalog keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from contexts.catalog.api import Stock as CatalogReservations
from contexts.catalog.api import StockLine
from contexts.orders.domain.order import OrderLine
from contexts.orders.ports import Shortage
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CatalogStock:
    """Reservations under the order's id."""

    stock: CatalogReservations

    async def reserve(
        self, transaction: Transaction, order_id: UUID, lines: Sequence[OrderLine]
    ) -> list[Shortage]:
        asked = [StockLine(line.product_id, line.quantity.value) for line in lines]
        missing = await self.stock.reserve(transaction, order_id, asked)
        return [Shortage(short.product_id, short.requested, short.available) for short in missing]

    async def release(self, transaction: Transaction, order_id: UUID) -> None:
        await self.stock.release(transaction, order_id)
