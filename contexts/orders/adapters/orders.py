"""Orders in PostgreSQL: reads within somebody's reach, and the book that writes are entered into."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Row, Select, Text, Uuid, any_, func, literal, select, true

from contexts.orders.adapters.tables import order_lines, order_numbers, order_transitions, orders
from contexts.orders.domain.customer import EveryAccount, OwnAccount, Portfolio, Reach
from contexts.orders.domain.order import Order, OrderLine
from contexts.orders.domain.status import OrderStatus
from contexts.orders.ports import Buyers
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.pagination import InvalidPosition, Page, Position, Window, page_of
from contexts.shared.quantity import Quantity
from contexts.shared.transaction import Transaction

ORDER_CHANNEL = "prumo_order_updated"
"""PostgreSQL notifies here at commit of every change of an order; the payload is `account_id:order_id`."""

_NUMBER = re.compile(r"P-[0-9]{4}-[0-9]{6,18}")

_LINE = (
    order_lines.c.product_id,
    order_lines.c.sku,
    order_lines.c.name,
    order_lines.c.unit,
    order_lines.c.quantity,
    order_lines.c.unit_price,
    order_lines.c.price_source,
    order_lines.c.line_total,
)


@dataclass(frozen=True, slots=True)
class SqlOrders:
    """Orders with their lines, in one statement each; a rep's portfolio is asked for before it."""

    database: Database
    buyers: Buyers

    async def page(self, reach: Reach, window: Window) -> Page[Order]:
        """Ids are UUIDv7, so the newest first is the largest id first."""
        rows = select(orders).where(await self._within(reach))
        if window.after is not None:
            rows = rows.where(orders.c.id < _id_of(window.after))
        if window.before is not None:
            rows = rows.where(orders.c.id > _id_of(window.before))
        order_by = orders.c.id.asc() if window.backward else orders.c.id.desc()
        found = await self._read(rows.order_by(order_by).limit(window.limit + 1), backward=window.backward)
        return page_of(window, [(order, (str(order.id),)) for order in found])

    async def count(self, reach: Reach) -> int:
        statement = select(func.count()).select_from(orders).where(await self._within(reach))
        async with self.database.reading() as connection:
            return (await connection.execute(statement)).scalar_one()

    async def by_ids(self, reach: Reach, ids: Collection[UUID]) -> dict[UUID, Order]:
        if not ids:
            return {}
        asked = orders.c.id == any_(literal(list(ids), ARRAY(Uuid)))
        found = await self._read(select(orders).where(await self._within(reach), asked))
        return {order.id: order for order in found}

    async def by_numbers(self, reach: Reach, numbers: Collection[str]) -> dict[str, Order]:
        possible = [number for number in numbers if _NUMBER.fullmatch(number)]
        if not possible:
            return {}
        asked = orders.c.number == any_(literal(possible, ARRAY(Text)))
        found = await self._read(select(orders).where(await self._within(reach), asked))
        return {order.number: order for order in found}

    async def _within(self, reach: Reach) -> ColumnElement[bool]:
        match reach:
            case OwnAccount(account_id):
                return orders.c.account_id == account_id
            case Portfolio(rep_id):
                accounts = await self.buyers.portfolio_of(rep_id)
                return orders.c.account_id == any_(literal(list(accounts), ARRAY(Uuid)))
            case EveryAccount():
                return true()

    async def _read(self, rows: Select[Any], *, backward: bool = False) -> list[Order]:
        """The orders of these rows, newest first (oldest first when `backward`), with their lines."""
        page = rows.subquery()
        statement = (
            select(page, *(column.label(f"line_{column.name}") for column in _LINE))
            .join(order_lines, order_lines.c.order_id == page.c.id)
            .order_by(page.c.id.asc() if backward else page.c.id.desc(), order_lines.c.position)
        )
        async with self.database.reading() as connection:
            return _orders((await connection.execute(statement)).all())


@dataclass(frozen=True, slots=True)
class SqlOrderBook:
    """Writes orders, their lines and their transitions, and notifies ORDER_CHANNEL."""

    async def next_serial(self, transaction: Transaction) -> int:
        result = await connection_of(transaction).execute(select(order_numbers.next_value()))
        return result.scalar_one()

    async def enter(self, transaction: Transaction, order: Order) -> None:
        connection = connection_of(transaction)
        await connection.execute(
            orders.insert().values(
                id=order.id,
                number=order.number,
                account_id=order.account_id,
                user_id=order.user_id,
                status=order.status.value,
                total=order.total.amount,
                currency=order.total.currency,
                placed_at=order.placed_at,
                version=order.version,
            )
        )
        await connection.execute(
            order_lines.insert(),
            [
                {
                    "order_id": order.id,
                    "position": position,
                    "product_id": line.product_id,
                    "sku": line.sku,
                    "name": line.name,
                    "unit": line.quantity.unit,
                    "quantity": line.quantity.value,
                    "unit_price": line.unit_price.amount,
                    "price_source": line.price_source,
                    "line_total": line.line_total.amount,
                }
                for position, line in enumerate(order.lines)
            ],
        )
        await _notify(transaction, order)

    async def lock(self, transaction: Transaction, order_id: UUID) -> Order | None:
        """One statement is enough here, because the lines of an order never change."""
        statement = (
            select(orders, *(column.label(f"line_{column.name}") for column in _LINE))
            .join(order_lines, order_lines.c.order_id == orders.c.id)
            .where(orders.c.id == order_id)
            .order_by(order_lines.c.position)
            .with_for_update(of=orders)
        )
        found = _orders((await connection_of(transaction).execute(statement)).all())
        return found[0] if found else None

    async def move(
        self,
        transaction: Transaction,
        order: Order,
        came_from: OrderStatus,
        by: UUID,
        reason: str | None,
        at: datetime,
    ) -> None:
        connection = connection_of(transaction)
        await connection.execute(
            orders.update()
            .where(orders.c.id == order.id)
            .values(status=order.status.value, version=order.version)
        )
        await connection.execute(
            order_transitions.insert().values(
                id=new_id(),
                order_id=order.id,
                from_status=came_from.value,
                to_status=order.status.value,
                reason=reason,
                by=by,
                at=at,
            )
        )
        await _notify(transaction, order)


async def _notify(transaction: Transaction, order: Order) -> None:
    await connection_of(transaction).execute(
        select(func.pg_notify(ORDER_CHANNEL, f"{order.account_id}:{order.id}"))
    )


def _id_of(position: Position) -> UUID:
    try:
        (text,) = position
        return UUID(text)
    except (TypeError, ValueError):
        raise InvalidPosition("not a position in a list of orders") from None


def _orders(rows: Sequence[Row[Any]]) -> list[Order]:
    """From one row per line, those of an order together."""
    found = []
    for _, group in groupby(rows, key=lambda row: row.id):
        of_order = list(group)
        head = of_order[0]
        found.append(
            Order(
                id=head.id,
                number=head.number,
                account_id=head.account_id,
                user_id=head.user_id,
                status=OrderStatus(head.status),
                lines=tuple(_line(row) for row in of_order),
                total=Money(head.total, head.currency),
                placed_at=head.placed_at,
                version=head.version,
            )
        )
    return found


def _line(row: Row[Any]) -> OrderLine:
    return OrderLine(
        product_id=row.line_product_id,
        sku=row.line_sku,
        name=row.line_name,
        quantity=Quantity(row.line_quantity, row.line_unit),
        unit_price=Money(row.line_unit_price, row.currency),
        price_source=row.line_price_source,
        line_total=Money(row.line_line_total, row.currency),
    )
