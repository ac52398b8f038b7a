"""The cart: what a customer is about to order. It keeps no prices; those are resolved when it is looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from contexts.shared.codes import DetailCode
from contexts.shared.money import Money, line_total, subtotal
from contexts.shared.number import number_problem
from contexts.shared.quantity import MAX_QUANTITY, QUANTITY_DECIMALS, Quantity
from contexts.shared.rejections import InvalidInput

MAX_LINES = 500


@dataclass(frozen=True, slots=True)
class OrderableProduct:
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
    """One product of the cart; a product has at most one line.

    `unit` is the one that the quantity was entered in. None: the product's, for lines of a release before this was
    kept.
    """

    product_id: UUID
    sku: str
    quantity: Decimal
    unit: str | None


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
            return InvalidInput.at(
                "sku", DetailCode.TOO_MANY, f"a cart holds at most {MAX_LINES} lines; order these first"
            )
        return replace(self, lines=lines, version=self.version + 1)

    def without(self, line: CartLine) -> "Cart":
        """The cart less this line; the last one leaves an empty cart."""
        return replace(self, lines=tuple(old for old in self.lines if old != line), version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why a line of the cart cannot be ordered as it stands: a code, and what to do."""

    code: DetailCode
    message: str


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A cart line as it is now. No price: on request, so `unit_price` and what follows from it are None.

    `unfit`: the product is sold in another unit or step by now. In another unit it has no price, either: that is for
    one of the product's unit, of which the quantity says nothing.
    """

    cart_id: UUID
    product_id: UUID
    sku: str
    name: str
    quantity: Quantity
    unit_price: Money | None
    price_source: str | None
    line_total: Money | None
    unfit: Unfit | None = None


@dataclass(frozen=True, slots=True)
class PricedCart:
    """A cart with the prices of one instant.

    `subtotal` leaves lines without a price out. `gone`: the lines whose product has vanished from the catalog. They
    have no priced line, because nothing can be shown of the product, and they cannot be ordered.
    """

    cart: Cart
    lines: tuple[PricedLine, ...]
    subtotal: Money
    gone: tuple[CartLine, ...] = ()


def priced(
    cart: Cart, goods: Mapping[UUID, OrderableProduct], prices: Mapping[UUID, UnitPrice]
) -> PricedCart:
    """The cart with these prices; `goods` and `prices` are keyed by product."""
    lines = tuple(
        _priced_line(cart.id, line, good, prices.get(line.product_id))
        for line in cart.lines
        if (good := goods.get(line.product_id)) is not None
    )
    return PricedCart(
        cart,
        lines,
        subtotal([line.line_total for line in lines if line.line_total is not None]),
        gone=tuple(line for line in cart.lines if line.product_id not in goods),
    )


def _priced_line(
    cart_id: UUID, line: CartLine, good: OrderableProduct, price: UnitPrice | None
) -> PricedLine:
    unit = line.unit or good.unit
    if unit != good.unit:
        price = None
    return PricedLine(
        cart_id=cart_id,
        product_id=line.product_id,
        sku=good.sku,
        name=good.name,
        quantity=Quantity(line.quantity, unit),
        unit_price=price.amount if price else None,
        price_source=price.source if price else None,
        line_total=line_total(price.amount, line.quantity) if price else None,
        unfit=_unfit(line, unit, good),
    )


def _unfit(line: CartLine, unit: str, good: OrderableProduct) -> Unfit | None:
    quantity = f"{line.quantity.normalize():f} {unit}"
    if unit != good.unit:
        return Unfit(
            DetailCode.UNIT_CHANGED,
            f"{good.sku} was put into the cart as {quantity} and is sold by the {good.unit} now; set the line again",
        )
    if line.quantity % good.quantity_step != 0:
        return Unfit(
            DetailCode.OFF_STEP,
            f"{_sold_in(good)}, and the cart has {quantity}; set the line again or take it out",
        )
    return None


def malformed(quantity: Decimal) -> InvalidInput | None:
    """What is wrong with a quantity whatever the product is; None if nothing. Zero is well-formed."""
    wrong = number_problem(quantity, MAX_QUANTITY, QUANTITY_DECIMALS)
    return None if wrong is None else InvalidInput((wrong.at("input", "quantity"),))


def off_step(quantity: Decimal, good: OrderableProduct) -> InvalidInput | None:
    """The rejection of a quantity that is no multiple of the product's step; None if it is one."""
    if quantity % good.quantity_step == 0:
        return None
    return InvalidInput.at("quantity", DetailCode.OFF_STEP, _sold_in(good))


def _sold_in(good: OrderableProduct) -> str:
    return f"{good.sku} is sold in multiples of {good.quantity_step.normalize():f} {good.unit}"
