"""Carts in PostgreSQL. Every change of a cart holds the lock of its row, so changes take turns."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, false, func, select, true
from sqlalchemy.dialects.postgresql import insert

from contexts.orders.adapters.tables import cart_lines, carts
from contexts.orders.domain.cart import Cart, CartLine
from contexts.orders.domain.customer import Customer
from contexts.shared.adapters.database import Database, run
from contexts.shared.adapters.query import Query
from contexts.shared.ids import new_id
from contexts.shared.transaction import Transaction

_CART = (carts.c.id, carts.c.version)
_LINE = (cart_lines.c.product_id, cart_lines.c.sku, cart_lines.c.quantity, cart_lines.c.unit)
_OF_USER = Query(
    select(*_CART, *_LINE)
    .outerjoin(cart_lines, cart_lines.c.cart_id == carts.c.id)
    .where(carts.c.user_id == bindparam("user_id"), carts.c.active)
    .order_by(cart_lines.c.position)
)


_LOCK = Query(select(*_CART).where(carts.c.user_id == bindparam("user_id"), carts.c.active).with_for_update())
_FRESH_CART = insert(carts).values(
    id=bindparam("new_id"),
    user_id=bindparam("user_id"),
    account_id=bindparam("account_id"),
    version=0,
    active=true(),
    updated_at=func.now(),
)
_OPEN: Query[UUID, int] = Query(
    _FRESH_CART.on_conflict_do_update(
        index_elements=[carts.c.user_id],
        set_={"account_id": _FRESH_CART.excluded.account_id, "active": true()},
    ).returning(*_CART)
)
_LINES = Query(
    select(*_LINE).where(cart_lines.c.cart_id == bindparam("cart_id")).order_by(cart_lines.c.position)
)
_FRESH_LINE = insert(cart_lines).values(
    cart_id=bindparam("cart_id"),
    product_id=bindparam("product_id"),
    sku=bindparam("sku"),
    quantity=bindparam("quantity"),
    unit=bindparam("unit"),
)
_PUT: Query[()] = Query(
    _FRESH_LINE.on_conflict_do_update(
        index_elements=[cart_lines.c.cart_id, cart_lines.c.product_id],
        set_={name: _FRESH_LINE.excluded[name] for name in ("sku", "quantity", "unit")},
    )
)
_TAKE: Query[()] = Query(
    cart_lines.delete().where(
        cart_lines.c.cart_id == bindparam("cart_id"), cart_lines.c.product_id == bindparam("product_id")
    )
)
_KEEP_VERSION: Query[()] = Query(
    carts.update()
    .where(carts.c.id == bindparam("cart_id"))
    .values(version=bindparam("new_version"), updated_at=bindparam("at"))
)
_EMPTY: Query[()] = Query(cart_lines.delete().where(cart_lines.c.cart_id == bindparam("cart_id")))
_CLOSE: Query[()] = Query(
    carts.update().where(carts.c.id == bindparam("cart_id")).values(id=bindparam("new_id"), active=false())
)


@dataclass(frozen=True, slots=True)
class SqlCarts:
    """The tables `orders.carts` and `orders.cart_lines`."""

    database: Database

    async def of(self, user_id: UUID) -> Cart | None:
        rows = await self.database.fetch(_OF_USER, {"user_id": user_id})
        if not rows:
            return None
        cart_id, version, *_ = rows[0]
        # An empty cart has one row, with nothing on the line's side.
        lines = tuple(
            CartLine(product_id, sku, quantity, unit)
            for _, _, product_id, sku, quantity, unit in rows
            if product_id is not None
        )
        return Cart(cart_id, version, lines)

    async def lock(self, transaction: Transaction, user_id: UUID) -> Cart | None:
        rows = await run(transaction, _LOCK, {"user_id": user_id})
        return await _with_lines(transaction, *rows[0]) if rows else None

    async def open(self, transaction: Transaction, customer: Customer) -> Cart:
        """The user's row is waited for, locked and returned as it is after the wait: when a checkout closed its
        cart meanwhile, that is the next cart's."""
        owner = {"user_id": customer.user_id, "account_id": customer.account_id}
        ((cart_id, version),) = await run(transaction, _OPEN, {"new_id": new_id(), **owner})
        return await _with_lines(transaction, cart_id, version)

    async def put(self, transaction: Transaction, cart: Cart, line: CartLine, at: datetime) -> None:
        written = {
            "product_id": line.product_id,
            "sku": line.sku,
            "quantity": line.quantity,
            "unit": line.unit,
        }
        await run(transaction, _PUT, {"cart_id": cart.id, **written})
        await _keep_version(transaction, cart, at)

    async def take(self, transaction: Transaction, cart: Cart, line: CartLine, at: datetime) -> None:
        await run(transaction, _TAKE, {"cart_id": cart.id, "product_id": line.product_id})
        await _keep_version(transaction, cart, at)

    async def close(self, transaction: Transaction, cart: Cart) -> None:
        """The row stays, under the id of the user's next cart, so that the versions go on."""
        await run(transaction, _EMPTY, {"cart_id": cart.id})
        await run(transaction, _CLOSE, {"cart_id": cart.id, "new_id": new_id()})


async def _with_lines(transaction: Transaction, cart_id: UUID, version: int) -> Cart:
    """Lines are read in a statement of their own after the lock: joined to it, they would come from before the wait."""
    rows = await run(transaction, _LINES, {"cart_id": cart_id})
    return Cart(cart_id, version, tuple(CartLine(*row) for row in rows))


async def _keep_version(transaction: Transaction, cart: Cart, at: datetime) -> None:
    await run(transaction, _KEEP_VERSION, {"cart_id": cart.id, "new_version": cart.version, "at": at})
