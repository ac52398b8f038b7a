"""Look at a cart: its prices are those of one instant, from the same resolver as everywhere else."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contexts.orders.domain.cart import Cart, PricedCart, UnitPrice, priced
from contexts.orders.domain.customer import Buyer, Customer
from contexts.orders.ports import Buyers, Carts, Prices, Products
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PricedCarts:
    """Carts with live prices, in a number of statements that does not depend on the lines."""

    carts: Carts
    buyers: Buyers
    products: Products
    prices: Prices

    async def of(self, customer: Customer, at: datetime) -> PricedCart | None:
        """The customer's active cart; None when there is none."""
        cart = await self.carts.of(customer.user_id)
        return None if cart is None else await self.for_customer(customer, cart, at)

    async def for_customer(self, customer: Customer, cart: Cart, at: datetime) -> PricedCart:
        """This cart at the prices of the customer's account."""
        buyer = await self.buyers.of(customer.account_id) if cart.lines else None
        return await self.for_buyer(buyer, cart, at)

    async def for_buyer(
        self, buyer: Buyer | None, cart: Cart, at: datetime, *, within: Transaction | None = None
    ) -> PricedCart:
        """This cart at the buyer's prices; without a buyer, or for one not approved, it has none."""
        if not cart.lines:
            return priced(cart, {}, {})
        goods = await self.products.by_ids([line.product_id for line in cart.lines], within=within)
        prices: dict[UUID, UnitPrice] = {}
        if buyer is not None and buyer.approved:
            prices = await self.prices.resolve(buyer, cart.lines, at, within=within)
        return priced(cart, goods, prices)
