"""Orders in PostgreSQL: reads within somebody's reach, and the book that writes are entered into."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Text, Uuid, any_, bindparam, func, literal, select, true
from sqlalchemy.dialects.postgresql import insert

from contexts.orders.adapters.tables import order_lines, order_transitions, orders
from contexts.orders.domain.customer import EveryAccount, OwnAccount, Portfolio, Reach
from contexts.orders.domain.number import read_order_number
from contexts.orders.domain.order import Order, OrderLine
from contexts.orders.domain.status import OrderStatus
from contexts.orders.ports import Buyers
from contexts.shared.adapters.database import Database, run, run_many
from contexts.shared.adapters.query import Query
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.pagination import InvalidPosition, Page, Position, Window, page_of
from contexts.shared.quantity import Quantity
from contexts.shared.transaction import Transaction

ORDER_CHANNEL = "prumo_order_updated"
"""PostgreSQL notifies here at commit of every change of an order; the payload is `account_id:order_id`."""

_ORDER = (
    orders.c.id,
    orders.c.number,
    orders.c.account_id,
    orders.c.user_id,
    orders.c.status,
    orders.c.total,
    orders.c.currency,
    orders.c.placed_at,
    orders.c.version,
)
_LINE = (
    order_lines.c.product_id,
    order_lines.c.sku,
    order_lines.c.name.label("product_name"),
    order_lines.c.unit,
    order_lines.c.quantity,
    order_lines.c.unit_price,
    order_lines.c.price_source,
    order_lines.c.line_total,
)
_STATUSES = {status.value: status for status in OrderStatus}

_REACH: dict[type[Reach], ColumnElement[bool]] = {
    OwnAccount: orders.c.account_id == bindparam("account", type_=Uuid),
    Portfolio: orders.c.account_id == any_(bindparam("accounts", type_=ARRAY(Uuid))),
    EveryAccount: true(),
}


def _with_lines(asked: Select[Any], *, backward: bool = False) -> Query[*tuple[Any, ...]]:
    """The orders asked for, newest first (oldest first when `backward`), a row for each of their lines."""
    page = asked.subquery()
    return Query(
        select(*page.c, *_LINE)
        .join(order_lines, order_lines.c.order_id == page.c.id)
        .order_by(page.c.id.asc() if backward else page.c.id.desc(), order_lines.c.position)
    )


_BY_IDS = {
    reach: _with_lines(
        select(*_ORDER).where(within, orders.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    )
    for reach, within in _REACH.items()
}
_BY_NUMBERS = {
    reach: _with_lines(
        select(*_ORDER).where(within, orders.c.number == any_(bindparam("numbers", type_=ARRAY(Text))))
    )
    for reach, within in _REACH.items()
}
_COUNT = {
    reach: Query(select(func.count()).select_from(orders).where(within)) for reach, within in _REACH.items()
}


class _Shape(NamedTuple):
    """What the text of a page's statement depends on: two dozen texts at most."""

    reach: type[Reach]
    backward: bool
    after: bool
    before: bool


@cache
def _page(shape: _Shape) -> Query[*tuple[Any, ...]]:
    asked = select(*_ORDER).where(_REACH[shape.reach])
    if shape.after:
        asked = asked.where(orders.c.id < bindparam("after"))
    if shape.before:
        asked = asked.where(orders.c.id > bindparam("before"))
    order_by = orders.c.id.asc() if shape.backward else orders.c.id.desc()
    return _with_lines(asked.order_by(order_by).limit(bindparam("limit")), backward=shape.backward)


@dataclass(frozen=True, slots=True)
class SqlOrders:
    """Orders with their lines, in one statement each; a rep's portfolio is asked for before it."""

    database: Database
    buyers: Buyers

    async def page(self, reach: Reach, window: Window) -> Page[Order]:
        """Ids are UUIDv7, so the newest first is the largest id first."""
        after = None if window.after is None else _id_of(window.after)
        before = None if window.before is None else _id_of(window.before)
        asked = await self._asked(reach)
        rows = await self.database.fetch(
            _page(_Shape(type(reach), window.backward, after is not None, before is not None)),
            {**asked, "after": after, "before": before, "limit": window.limit + 1},
        )
        return page_of(window, [(order, (str(order.id),)) for order in _orders(rows)])

    async def count(self, reach: Reach) -> int:
        asked = await self._asked(reach)
        ((count,),) = await self.database.fetch(_COUNT[type(reach)], asked)
        return count

    async def by_ids(self, reach: Reach, ids: Collection[UUID]) -> dict[UUID, Order]:
        if not ids:
            return {}
        asked = await self._asked(reach)
        rows = await self.database.fetch(_BY_IDS[type(reach)], {**asked, "ids": list(ids)})
        return {order.id: order for order in _orders(rows)}

    async def by_numbers(self, reach: Reach, numbers: Collection[str]) -> dict[str, Order]:
        read = {number: kept for number in numbers if (kept := read_order_number(number)) is not None}
        if not read:
            return {}
        asked = await self._asked(reach)
        rows = await self.database.fetch(_BY_NUMBERS[type(reach)], {**asked, "numbers": list(read.values())})
        found = {order.number: order for order in _orders(rows)}
        return {number: found[kept] for number, kept in read.items() if kept in found}

    async def _asked(self, reach: Reach) -> dict[str, object]:
        """What the reach's condition in _REACH compares with."""
        match reach:
            case OwnAccount(account_id):
                return {"account": account_id}
            case Portfolio(rep_id):
                return {"accounts": list(await self.buyers.portfolio_of(rep_id))}
            case EveryAccount():
                return {}


_ENTER: Query[UUID] = Query(
    insert(orders)
    .values({column.name: bindparam(column.name) for column in orders.columns})
    .on_conflict_do_nothing(index_elements=[orders.c.number])
    .returning(orders.c.id)
)
_ENTER_LINE: Query[()] = Query(
    order_lines.insert().values({column.name: bindparam(column.name) for column in order_lines.columns})
)
_LOCK = Query(
    select(*_ORDER, *_LINE)
    .join(order_lines, order_lines.c.order_id == orders.c.id)
    .where(orders.c.id == bindparam("order_id"))
    .order_by(order_lines.c.position)
    .with_for_update(of=orders)
)
_MOVE: Query[()] = Query(
    orders.update()
    .where(orders.c.id == bindparam("order_id"))
    .values(status=bindparam("new_status"), version=bindparam("new_version"))
)
_TRANSITION: Query[()] = Query(
    order_transitions.insert().values(
        {column.name: bindparam(column.name) for column in order_transitions.columns}
    )
)
_NOTIFY = Query(select(func.pg_notify(literal(ORDER_CHANNEL, Text), bindparam("changed", type_=Text))))


@dataclass(frozen=True, slots=True)
class SqlOrderBook:
    """Writes orders, their lines and their transitions, and notifies ORDER_CHANNEL."""

    async def enter(self, transaction: Transaction, order: Order) -> bool:
        entered = {
            "id": order.id,
            "number": order.number,
            "account_id": order.account_id,
            "user_id": order.user_id,
            "status": order.status.value,
            "total": order.total.amount,
            "currency": order.total.currency,
            "placed_at": order.placed_at,
            "version": order.version,
        }
        lines = [
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
        ]
        if not await run(transaction, _ENTER, entered):
            return False
        await run_many(transaction, _ENTER_LINE, lines)
        await _notify(transaction, order)
        return True

    async def lock(self, transaction: Transaction, order_id: UUID) -> Order | None:
        """One statement is enough here, because the lines of an order never change."""
        found = _orders(await run(transaction, _LOCK, {"order_id": order_id}))
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
        moved = {"order_id": order.id, "new_status": order.status.value, "new_version": order.version}
        transition = {
            "id": new_id(),
            "order_id": order.id,
            "from_status": came_from.value,
            "to_status": order.status.value,
            "reason": reason,
            "by": by,
            "at": at,
        }
        await run(transaction, _MOVE, moved)
        await run(transaction, _TRANSITION, transition)
        await _notify(transaction, order)


async def _notify(transaction: Transaction, order: Order) -> None:
    await run(transaction, _NOTIFY, {"changed": f"{order.account_id}:{order.id}"})


def _id_of(position: Position) -> UUID:
    try:
        (text,) = position
        return UUID(text)
    except (TypeError, ValueError):
        raise InvalidPosition("not a position in a list of orders") from None


def _orders(rows: Sequence[tuple[Any, ...]]) -> list[Order]:
    """From _ORDER and _LINE, one row per line, those of an order together."""
    return [_order(list(group)) for _, group in groupby(rows, key=itemgetter(0))]


def _order(rows: Sequence[tuple[Any, ...]]) -> Order:
    id_, number, account_id, user_id, status, total, currency, placed_at, version = rows[0][: len(_ORDER)]
    return Order(
        id=id_,
        number=number,
        account_id=account_id,
        user_id=user_id,
        status=_STATUSES[status],
        lines=tuple(_line(row[len(_ORDER) :], currency) for row in rows),
        total=Money(total, currency),
        placed_at=placed_at,
        version=version,
    )


def _line(values: tuple[Any, ...], currency: str) -> OrderLine:
    product_id, sku, name, unit, quantity, unit_price, price_source, line_total = values
    return OrderLine(
        product_id=product_id,
        sku=sku,
        name=name,
        quantity=Quantity(quantity, unit),
        unit_price=Money(unit_price, currency),
        price_source=price_source,
        line_total=Money(line_total, currency),
    )
