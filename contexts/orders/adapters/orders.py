"""Orders in PostgreSQL: reads within somebody's reach, and the book that writes are entered into."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    TableValuedAlias,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy import column as sa_column
from sqlalchemy.dialects.postgresql import insert

from contexts.orders.adapters.tables import NUMBER_DIGITS, order_lines, order_transitions, orders
from contexts.orders.domain.customer import EveryAccount, OwnAccount, Portfolio, RowScope
from contexts.orders.domain.number import read_number_part, read_order_number
from contexts.orders.domain.order import Order, OrderLine
from contexts.orders.domain.status import OrderStatus
from contexts.orders.ports import EVERYTHING, Buyers, OrderFilter
from contexts.shared.adapters.commit_order import bounds, in_order, inside, number_of
from contexts.shared.adapters.database import Database, run, run_many
from contexts.shared.adapters.query import Query
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.pagination import Page, Position, Window, page_of
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
    orders.c.commit_order,
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

_ACCOUNTS = bindparam("accounts", type_=ARRAY(Uuid))


class _Scope(Enum):
    """How many accounts' orders. It decides which index a page is read from."""

    ONE = auto()
    SOME = auto()
    EVERY = auto()


_WITHIN: Mapping[_Scope, ColumnElement[bool]] = {
    _Scope.ONE: orders.c.account_id == bindparam("account", type_=Uuid),
    _Scope.SOME: orders.c.account_id == any_(_ACCOUNTS),
    _Scope.EVERY: true(),
}


def _with_lines(asked: Select[Any], *, backward: bool = False) -> Query[*tuple[Any, ...]]:
    """The orders asked for, newest first (oldest first when `backward`), a row for each of their lines."""
    page = asked.subquery()
    # One page's lines at a time, whatever PostgreSQL thinks of the page's size: sorted, this is no plain join to it.
    lines = (
        select(*_LINE, order_lines.c.position)
        .where(order_lines.c.order_id == page.c.id)
        .order_by(order_lines.c.position)
        .lateral("lines")
    )
    return Query(
        select(*page.c, *(lines.c[column.name] for column in _LINE))
        .select_from(page)
        .join(lines, true())
        .order_by(*in_order(page, backward), lines.c.position)
    )


_BY_IDS = {
    scope: _with_lines(
        select(*_ORDER).where(_WITHIN[scope], orders.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    )
    for scope in _Scope
}
_BY_NUMBERS = {
    scope: _with_lines(
        select(*_ORDER).where(
            _WITHIN[scope], orders.c.number == any_(bindparam("numbers", type_=ARRAY(Text)))
        )
    )
    for scope in _Scope
}
_NUMBER = number_of(orders)


class _Shape(NamedTuple):
    """What the text of a listing's statement depends on: some hundred texts at most."""

    scope: _Scope
    statuses: bool
    placed: bool
    number: bool
    named: bool
    """Or of accounts of that name."""


@cache
def _page(shape: _Shape, backward: bool, after: bool, before: bool) -> Query[*tuple[Any, ...]]:
    """PostgreSQL plans without the values, and so could not know which condition finds few orders. The text leaves it
    one way each: an index that has one account's or one status's orders in the listing's order, or that of parts of
    numbers, and all that it finds sorted."""
    conditions = [inside(orders, after, before), *_conditions(shape)]
    if shape.number:
        found = (
            select(*_ORDER).where(_WITHIN[shape.scope], *conditions).cte("found").prefix_with("MATERIALIZED")
        )
        asked = select(*found.c).order_by(*in_order(found, backward))
    elif shape.scope is _Scope.SOME:
        asked = _of_each(_ACCOUNTS, orders.c.account_id, conditions, backward)
    elif shape.scope is _Scope.EVERY and shape.statuses:
        asked = _of_each(_STATUSES_ASKED, orders.c.status, conditions, backward)
    else:
        asked = select(*_ORDER).where(_WITHIN[shape.scope], *conditions).order_by(*in_order(orders, backward))
    return _with_lines(asked.limit(bindparam("limit")), backward=backward)


def _of_each(
    values: BindParameter[Any],
    column: ColumnElement[Any],
    conditions: list[ColumnElement[bool]],
    backward: bool,
) -> Select[Any]:
    each = _each(values, column)
    first = (
        select(*_ORDER)
        .where(column == each.c.value, *conditions)
        .order_by(*in_order(orders, backward))
        .limit(bindparam("limit"))
        .lateral("first")
    )
    return select(*first.c).select_from(each).join(first, true()).order_by(*in_order(first, backward))


@cache
def _count(shape: _Shape) -> Query[int]:
    """As `_page` finds them."""
    conditions = _conditions(shape)
    if shape.scope is _Scope.SOME and not shape.number:
        return _counted_of_each(_ACCOUNTS, orders.c.account_id, conditions)
    if shape.scope is _Scope.EVERY and shape.statuses and not shape.number:
        return _counted_of_each(_STATUSES_ASKED, orders.c.status, conditions)
    return Query(select(func.count()).select_from(orders).where(_WITHIN[shape.scope], *conditions))


def _counted_of_each(
    values: BindParameter[Any], column: ColumnElement[Any], conditions: list[ColumnElement[bool]]
) -> Query[int]:
    each = _each(values, column)
    counted = (
        select(func.count().label("orders")).where(column == each.c.value, *conditions).lateral("counted")
    )
    total = func.coalesce(func.sum(counted.c.orders), 0)
    return Query(select(cast(total, BigInteger)).select_from(each).join(counted, true()))


def _each(values: BindParameter[Any], column: ColumnElement[Any]) -> TableValuedAlias:
    return func.unnest(values).table_valued(sa_column("value", column.type), name="each").render_derived()


_STATUSES_ASKED = bindparam("statuses", type_=ARRAY(Text))


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    """What a filter asks for, but whose orders."""
    conditions: list[ColumnElement[bool]] = []
    if shape.statuses:
        conditions.append(orders.c.status == any_(_STATUSES_ASKED))
    if shape.placed:
        conditions.append(orders.c.placed_at >= bindparam("placed_from"))
        conditions.append(orders.c.placed_at < bindparam("placed_to"))
    if shape.number:
        numbered = NUMBER_DIGITS.like(bindparam("digits", type_=Text))
        named = orders.c.account_id == any_(bindparam("named", type_=ARRAY(Uuid)))
        conditions.append(or_(numbered, named) if shape.named else numbered)
    return conditions


_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SqlOrders:
    """Orders with their lines, in one statement each; a rep's portfolio and accounts by name are asked for before."""

    database: Database
    buyers: Buyers

    async def page(self, reach: RowScope, window: Window, filter: OrderFilter = EVERYTHING) -> Page[Order]:
        place = await bounds(self.database, _NUMBER, window)
        if (asked := await self._listed(reach, filter)) is None:
            return page_of(window, [])
        shape, values = asked
        query = _page(shape, window.backward, window.after is not None, window.before is not None)
        rows = await self.database.fetch(query, {**values, **place, "limit": window.limit + 1})
        return page_of(window, [(_order(group), _position(group)) for group in _by_order(rows)])

    async def count(self, reach: RowScope, filter: OrderFilter = EVERYTHING) -> int:
        if (asked := await self._listed(reach, filter)) is None:
            return 0
        shape, values = asked
        ((count,),) = await self.database.fetch(_count(shape), values)
        return count

    async def by_ids(self, reach: RowScope, ids: Collection[UUID]) -> dict[UUID, Order]:
        if not ids:
            return {}
        scope, asked = await self._scope(reach)
        rows = await self.database.fetch(_BY_IDS[scope], {**asked, "ids": list(ids)})
        return {order.id: order for order in _orders(rows)}

    async def by_numbers(self, reach: RowScope, numbers: Collection[str]) -> dict[str, Order]:
        read = {number: kept for number in numbers if (kept := read_order_number(number)) is not None}
        if not read:
            return {}
        scope, asked = await self._scope(reach)
        rows = await self.database.fetch(_BY_NUMBERS[scope], {**asked, "numbers": list(read.values())})
        found = {order.number: order for order in _orders(rows)}
        return {number: found[kept] for number, kept in read.items() if kept in found}

    async def _scope(self, reach: RowScope) -> tuple[_Scope, dict[str, object]]:
        """The condition, and what it compares with."""
        match reach:
            case OwnAccount(account_id):
                return _Scope.ONE, {"account": account_id}
            case Portfolio(rep_id):
                return _Scope.SOME, {"accounts": list(await self.buyers.portfolio_of(rep_id))}
            case EveryAccount():
                return _Scope.EVERY, {}

    async def _listed(self, reach: RowScope, filter: OrderFilter) -> tuple[_Shape, dict[str, object]] | None:
        """The shape of a listing and its values; None: nothing can be in it."""
        scope, values = await self._scope(reach)
        if (account := filter.account_id) is not None:
            if not _holds(scope, values, account):
                return None
            scope, values = _Scope.ONE, {"account": account}
        number = named = False
        if (text := filter.searched) is not None:
            digits = read_number_part(text)
            found = await self.buyers.named(text, among=_accounts(scope, values))
            number, named = digits is not None, bool(found)
            if not (number or named):
                return None
            if not number:
                # Only by name: then the accounts are the scope.
                scope, values, named = _Scope.SOME, {"accounts": list(found)}, False
            else:
                values |= {"digits": f"%{digits}%", "named": list(found)}
        placed = filter.placed_from is not None or filter.placed_to is not None
        values |= {
            "statuses": [status.value for status in filter.statuses or ()],
            "placed_from": filter.placed_from or _EARLIEST,
            "placed_to": filter.placed_to or _LATEST,
        }
        return _Shape(scope, filter.statuses is not None, placed, number, named), values


def _holds(scope: _Scope, values: Mapping[str, object], account: UUID) -> bool:
    among = _accounts(scope, values)
    return among is None or account in among


def _accounts(scope: _Scope, values: Mapping[str, Any]) -> Collection[UUID] | None:
    """Those of the scope; None: every account."""
    match scope:
        case _Scope.ONE:
            return [values["account"]]
        case _Scope.SOME:
            accounts: list[UUID] = values["accounts"]
            return accounts
        case _Scope.EVERY:
            return None


_ENTER: Query[UUID] = Query(
    insert(orders)
    .values(
        {column.name: bindparam(column.name) for column in orders.columns if column.name != "commit_order"}
    )
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


def _position(rows: Sequence[tuple[Any, ...]]) -> Position:
    return str(rows[0][len(_ORDER) - 1]), str(rows[0][0])


def _by_order(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """From _ORDER and _LINE, one row per line, those of an order together."""
    for _, group in groupby(rows, key=itemgetter(0)):
        yield list(group)


def _orders(rows: Sequence[tuple[Any, ...]]) -> list[Order]:
    return [_order(group) for group in _by_order(rows)]


def _order(rows: Sequence[tuple[Any, ...]]) -> Order:
    id_, number, account_id, user_id, status, total, currency, placed_at, version, _ = rows[0][: len(_ORDER)]
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
