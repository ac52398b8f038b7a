"""Put a product into the cart, change its quantity, or take it out."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from contexts.orders.domain.cart import Cart, CartLine, OrderableProduct, PricedCart, malformed, off_step
from contexts.orders.domain.customer import Customer
from contexts.orders.ports import Carts, Products
from contexts.orders.use_cases.price_cart import PricedCarts
from contexts.shared.rejections import InvalidInput, NotFound
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class CartChanged:
    """The cart as it is now; None when there was none and nothing was put into it."""

    cart: PricedCart | None


@dataclass(frozen=True, slots=True)
class SetCartLine:
    """Sets the quantity of one product; zero takes it out, the same again changes nothing."""

    transactions: Transactions
    carts: Carts
    products: Products
    priced: PricedCarts

    async def __call__(
        self, customer: Customer, sku: str, quantity: Decimal, at: datetime
    ) -> CartChanged | InvalidInput | NotFound:
        """Several at once on one cart take turns, also when there is no cart yet. The prices are those of `at`."""
        if invalid := malformed(quantity):
            return invalid
        # A sku that cannot be printed cannot exist, nor could PostgreSQL be asked for it.
        goods = await self.products.by_skus([sku]) if sku.isprintable() else {}
        good = goods.get(sku)
        changed: Cart | InvalidInput | NotFound | None
        if quantity == 0:
            changed = await self._remove(customer, sku, good, at)
        elif good is None:
            changed = _unknown()
        else:
            changed = off_step(quantity, good) or await self._put(
                customer, CartLine(good.product_id, good.sku, quantity, good.unit), at
            )
        match changed:
            case Cart():
                return CartChanged(await self.priced.for_customer(customer, changed, at))
            case None:
                return CartChanged(None)
            case InvalidInput() | NotFound():
                return changed

    async def _put(self, customer: Customer, line: CartLine, at: datetime) -> Cart | InvalidInput:
        async with self.transactions.begin() as transaction:
            cart = await self.carts.open(transaction, customer)
            changed = cart.with_line(line)
            if isinstance(changed, Cart) and changed is not cart:
                await self.carts.put(transaction, changed, line, at)
                await transaction.commit()
            return changed

    async def _remove(
        self, customer: Customer, sku: str, good: OrderableProduct | None, at: datetime
    ) -> Cart | NotFound | None:
        """A product that left the catalog can still be taken out of the cart."""
        async with self.transactions.begin() as transaction:
            cart = await self.carts.lock(transaction, customer.user_id)
            line = cart.line(sku, good.product_id if good else None) if cart else None
            if cart is None or line is None:
                return _unknown() if good is None else cart
            changed = cart.without(line)
            await self.carts.take(transaction, changed, line, at)
            await transaction.commit()
            return changed


def _unknown() -> NotFound:
    return NotFound("product", ("input", "sku"))
