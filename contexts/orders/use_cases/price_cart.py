"""Look at a cart: its prices are those of this moment, from the same resolver as everywhere else."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contexts.orders.domain.cart import Cart, PricedCart, UnitPrice, priced
from contexts.orders.domain.customer import Buyer, Customer
from contexts.orders.ports import Buyers, Carts, Prices, Products
from contexts.shared.clock import Clock
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PricedCarts:
    """Carts with live prices, in a number of statements that does not depend on the lines."""

    carts: Carts
    buyers: Buyers
    products: Products
    prices: Prices
    clock: Clock

    async def of(self, customer: Customer) -> PricedCart | None:
        """The customer's active cart; None when there is none."""
        cart = await self.carts.of(customer.user_id)
        return None if cart is None else await self.now(cart, customer)

    async def now(self, cart: Cart, customer: Customer) -> PricedCart:
        """This cart at today's prices for the customer's account."""
        buyer = await self.buyers.of(customer.account_id) if cart.lines else None
        return await self.at(self.clock.now(), cart, buyer)

    async def at(
        self, instant: datetime, cart: Cart, buyer: Buyer | None, *, within: Transaction | None = None
    ) -> PricedCart:
        """This cart at the buyer's prices of an instant; nobody's (None) are all on request."""
        if not cart.lines:
            return priced(cart, {}, {})
        goods = await self.products.by_ids([line.product_id for line in cart.lines], within=within)
        prices: dict[UUID, UnitPrice] = {}
        if buyer is not None:
            prices = await self.prices.resolve(buyer, cart.lines, instant, within=within)
        return priced(cart, goods, prices)
