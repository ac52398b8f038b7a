"""The cart: what a customer is about to order. It keeps no prices; those are resolved when it is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from contexts.shared.money import Money, line_total, subtotal
from contexts.shared.quantity import MAX_QUANTITY, QUANTITY_DECIMALS, Quantity
from contexts.shared.rejections import InvalidInput

MAX_LINES = 500


@dataclass(frozen=True, slots=True)
class Good:
    """A product as far as ordering it goes. `quantity_step`: it is sold in multiples of this."""

    product_id: UUID
    sku: str
    name: str
    unit: str
    quantity_step: Decimal


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """The price of one unit for one buyer and quantity, and the level it comes from ("BUYER", "STATE" …)."""

    amount: Money
    source: str


@dataclass(frozen=True, slots=True)
class CartLine:
    """One product of the cart; a product has at most one line."""

    product_id: UUID
    sku: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Cart:
    """The one active cart of a user, with its `lines` in the order added.

    `version` grows with every change, and goes on growing from one cart of a user to the next, so it names one
    state of one cart for ever.
    """

    id: UUID
    version: int
    lines: tuple[CartLine, ...]

    def line(self, sku: str, product_id: UUID | None) -> CartLine | None:
        """The line of a product, by its id or by the sku it was added under."""
        return next((line for line in self.lines if line.product_id == product_id or line.sku == sku), None)

    def with_line(self, line: CartLine) -> "Cart | InvalidInput":
        """The cart with this line, at its old place if the product was there; itself if nothing changes."""
        if line in self.lines:
            return self
        if any(old.product_id == line.product_id for old in self.lines):
            lines = tuple(line if old.product_id == line.product_id else old for old in self.lines)
        elif len(self.lines) < MAX_LINES:
            lines = (*self.lines, line)
        else:
            return InvalidInput.at("sku", "TOO_MANY_LINES", f"A cart holds at most {MAX_LINES} lines.")
        return replace(self, lines=lines, version=self.version + 1)

    def without(self, line: CartLine) -> "Cart":
        """The cart less this line; the last one leaves an empty cart."""
        return replace(self, lines=tuple(old for old in self.lines if old != line), version=self.version + 1)


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A cart line as it is now. No price: on request, so `unit_price` and what follows from it are None."""

    cart_id: UUID
    product_id: UUID
    sku: str
    name: str
    quantity: Quantity
    unit_price: Money | None
    price_source: str | None
    line_total: Money | None


@dataclass(frozen=True, slots=True)
class PricedCart:
    """A cart with the prices of one instant.

    `subtotal` leaves lines without a price out. A product that has vanished from the catalog has no priced
    line, only a line in `cart`: nothing can be shown of it, and it cannot be ordered.
    """

    cart: Cart
    lines: tuple[PricedLine, ...]
    subtotal: Money


def priced(cart: Cart, goods: Mapping[UUID, Good], prices: Mapping[UUID, UnitPrice]) -> PricedCart:
    """The cart with these prices; `goods` and `prices` are keyed by product."""
    lines = tuple(
        _priced_line(cart.id, line, good, prices.get(line.product_id))
        for line in cart.lines
        if (good := goods.get(line.product_id)) is not None
    )
    return PricedCart(
        cart, lines, subtotal([line.line_total for line in lines if line.line_total is not None])
    )


def _priced_line(cart_id: UUID, line: CartLine, good: Good, price: UnitPrice | None) -> PricedLine:
    return PricedLine(
        cart_id=cart_id,
        product_id=line.product_id,
        sku=good.sku,
        name=good.name,
        quantity=Quantity(line.quantity, good.unit),
        unit_price=price.amount if price else None,
        price_source=price.source if price else None,
        line_total=line_total(price.amount, line.quantity) if price else None,
    )


def malformed(quantity: Decimal) -> InvalidInput | None:
    """What is wrong with a quantity whatever the product is; None if nothing. Zero is well-formed."""
    if not quantity.is_finite():
        return InvalidInput.at("quantity", "NOT_A_NUMBER", "The quantity must be a number.")
    if quantity < 0:
        return InvalidInput.at("quantity", "NEGATIVE", "The quantity must not be negative.")
    if quantity > MAX_QUANTITY:
        return InvalidInput.at("quantity", "TOO_LARGE", f"The quantity must be at most {MAX_QUANTITY}.")
    if quantity != round(quantity, QUANTITY_DECIMALS):
        return InvalidInput.at(
            "quantity",
            "TOO_MANY_DECIMALS",
            f"The quantity may have at most {QUANTITY_DECIMALS} decimals.",
        )
    return None


def off_step(quantity: Decimal, good: Good) -> InvalidInput | None:
    """The rejection of a quantity that is no multiple of the product's step; None if it is one."""
    if quantity % good.quantity_step == 0:
        return None
    step = f"{good.quantity_step.normalize():f} {good.unit}"
    return InvalidInput.at("quantity", "OFF_STEP", f"{good.sku} is sold in multiples of {step}.")
