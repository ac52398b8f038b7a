"""Orders on its adapters."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

from contexts.catalog.api import Catalog
from contexts.identity.api import Identity
from contexts.orders.adapters.buyers import IdentityBuyers
from contexts.orders.adapters.carts import SqlCarts
from contexts.orders.adapters.idempotency import SqlIdempotencyKeys
from contexts.orders.adapters.order_changes import ListenedOrderChanges
from contexts.orders.adapters.orders import SqlOrderBook, SqlOrders
from contexts.orders.adapters.prices import PricingPrices
from contexts.orders.adapters.products import CatalogProducts
from contexts.orders.adapters.stock import CatalogStock
from contexts.orders.api import (
    CheckOut,
    MailOrder,
    MoveOrder,
    Ordering,
    OrderStatus,
    PricedCarts,
    SetCartLine,
)
from contexts.pricing.api import Pricing
from contexts.shared.adapters.database import Database
from contexts.shared.clock import Clock
from gateway.bootstrap.mail import mailer_of
from gateway.settings import Settings


@asynccontextmanager
async def bootstrap_orders(
    *,
    settings: Settings,
    database: Database,
    clock: Clock,
    catalog: Catalog,
    pricing: Pricing,
    identity: Identity,
    listening: bool,
) -> AsyncIterator[Ordering]:
    """Changes of orders are listened for inside the block, unless nobody follows them."""
    buyers = IdentityBuyers(
        accounts=identity.accounts, viewers=identity.viewers, directory=identity.personnel.directory
    )
    products, prices = CatalogProducts(products=catalog.products), PricingPrices(pricing=pricing.resolve)
    carts, stock = SqlCarts(database), CatalogStock(stock=catalog.stock)
    orders, book, keys = SqlOrders(database=database, buyers=buyers), SqlOrderBook(), SqlIdempotencyKeys()
    changes = ListenedOrderChanges(database=database, orders=orders, buyers=buyers)
    priced = PricedCarts(carts=carts, buyers=buyers, products=products, prices=prices)

    def move(to: OrderStatus) -> MoveOrder:
        return MoveOrder(
            to=to, transactions=database, keys=keys, buyers=buyers, book=book, stock=stock, clock=clock
        )

    ordering = Ordering(
        carts=priced,
        orders=orders,
        changes=changes,
        set_cart_line=SetCartLine(transactions=database, carts=carts, products=products, priced=priced),
        check_out=CheckOut(
            transactions=database,
            keys=keys,
            buyers=buyers,
            carts=carts,
            priced=priced,
            stock=stock,
            book=book,
            clock=clock,
        ),
        confirm=move(OrderStatus.CONFIRMED),
        cancel=move(OrderStatus.CANCELLED),
        mail=MailOrder(orders=orders, buyers=buyers, mailer=mailer_of(settings)),
    )
    async with changes if listening else nullcontext():
        yield ordering
