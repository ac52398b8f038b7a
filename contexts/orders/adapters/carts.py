"""Carts in PostgreSQL. Every change of a cart holds the lock of its row, so changes take turns."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contexts.orders.adapters.tables import cart_lines, carts
from contexts.orders.domain.cart import Cart, CartLine
from contexts.orders.domain.customer import Customer
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
from contexts.shared.ids import new_id
from contexts.shared.transaction import Transaction

_CART = (carts.c.id, carts.c.version)
_LINE = (cart_lines.c.product_id, cart_lines.c.sku, cart_lines.c.quantity)
_OF_USER = Query(
    select(*_CART, *_LINE)
    .outerjoin(cart_lines, cart_lines.c.cart_id == carts.c.id)
    .where(carts.c.user_id == bindparam("user_id"), carts.c.active)
    .order_by(cart_lines.c.position)
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
            CartLine(product_id, sku, quantity)
            for _, _, product_id, sku, quantity in rows
            if product_id is not None
        )
        return Cart(cart_id, version, lines)

    async def lock(self, transaction: Transaction, user_id: UUID) -> Cart | None:
        connection = connection_of(transaction)
        active = select(*_CART).where(carts.c.user_id == user_id, carts.c.active)
        row = (await connection.execute(active.with_for_update())).one_or_none()
        if row is None:
            return None
        return Cart(row.id, row.version, await _lines(connection, row.id))

    async def open(self, transaction: Transaction, customer: Customer) -> Cart:
        """The user's row is waited for, locked and returned as it is after the wait: when a checkout closed its
        cart meanwhile, that is the next cart's."""
        connection = connection_of(transaction)
        fresh = insert(carts).values(
            id=new_id(),
            user_id=customer.user_id,
            account_id=customer.account_id,
            version=0,
            active=True,
            updated_at=func.now(),
        )
        row = (
            await connection.execute(
                fresh.on_conflict_do_update(
                    index_elements=[carts.c.user_id],
                    set_={"account_id": fresh.excluded.account_id, "active": True},
                ).returning(*_CART)
            )
        ).one()
        return Cart(row.id, row.version, await _lines(connection, row.id))

    async def put(self, transaction: Transaction, cart: Cart, line: CartLine, at: datetime) -> None:
        fresh = insert(cart_lines).values(
            cart_id=cart.id, product_id=line.product_id, sku=line.sku, quantity=line.quantity
        )
        await connection_of(transaction).execute(
            fresh.on_conflict_do_update(
                index_elements=[cart_lines.c.cart_id, cart_lines.c.product_id],
                set_={"sku": fresh.excluded.sku, "quantity": fresh.excluded.quantity},
            )
        )
        await _keep_version(transaction, cart, at)

    async def take(self, transaction: Transaction, cart: Cart, line: CartLine, at: datetime) -> None:
        await connection_of(transaction).execute(
            cart_lines.delete()
            .where(cart_lines.c.cart_id == cart.id)
            .where(cart_lines.c.product_id == line.product_id)
        )
        await _keep_version(transaction, cart, at)

    async def close(self, transaction: Transaction, cart: Cart) -> None:
        """The row stays, under the id of the user's next cart, so that the versions go on."""
        connection = connection_of(transaction)
        await connection.execute(cart_lines.delete().where(cart_lines.c.cart_id == cart.id))
        await connection.execute(
            carts.update().where(carts.c.id == cart.id).values(id=new_id(), active=False)
        )


async def _lines(connection: AsyncConnection, cart_id: UUID) -> tuple[CartLine, ...]:
    """Read in a statement of its own after the lock: joined to it, lines would come from before the wait."""
    rows = await connection.execute(
        select(*_LINE).where(cart_lines.c.cart_id == cart_id).order_by(cart_lines.c.position)
    )
    return tuple(CartLine(row.product_id, row.sku, row.quantity) for row in rows)


async def _keep_version(transaction: Transaction, cart: Cart, at: datetime) -> None:
    await connection_of(transaction).execute(
        carts.update().where(carts.c.id == cart.id).values(version=cart.version, updated_at=at)
    )
