"""The order: a promise of goods at a price, both as they were when it was placed."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from contexts.orders.domain.cart import PricedCart
from contexts.orders.domain.customer import Customer, EveryAccount, OwnAccount, Portfolio, RowScope
from contexts.orders.domain.rejections import (
    ApprovalRequired,
    EmptyCart,
    InvalidTransition,
    PriceChanged,
    PriceOnRequest,
    ProductGone,
    VersionConflict,
)
from contexts.orders.domain.status import BUYER_STEPS, STAFF_STEPS, OrderStatus
from contexts.shared.money import Money, subtotal
from contexts.shared.quantity import Quantity
from contexts.shared.rejections import Detail, InvalidInput, NotFound


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A product, its quantity and its price, as they were when the order was placed."""

    product_id: UUID
    sku: str
    name: str
    quantity: Quantity
    unit_price: Money
    price_source: str
    line_total: Money


@dataclass(frozen=True, slots=True)
class Order:
    """An order. Lines and total never change; `version` grows with every step it takes."""

    id: UUID
    number: str
    account_id: UUID
    user_id: UUID
    status: OrderStatus
    lines: tuple[OrderLine, ...]
    total: Money
    placed_at: datetime
    version: int

    @classmethod
    def place(
        cls, id: UUID, number: str, customer: Customer, lines: tuple[OrderLine, ...], at: datetime
    ) -> "Order":
        """A new order of the lines that `confirm_cart` let through."""
        return cls(
            id=id,
            number=number,
            account_id=customer.account_id,
            user_id=customer.user_id,
            status=OrderStatus.PLACED,
            lines=lines,
            total=subtotal([line.line_total for line in lines]),
            placed_at=at,
            version=1,
        )

    def move(self, to: OrderStatus, reach: RowScope) -> "Order | InvalidTransition":
        """The order one step on: staff take any step there is, a buyer only theirs."""
        steps = BUYER_STEPS if isinstance(reach, OwnAccount) else STAFF_STEPS
        if (self.status, to) not in steps:
            return InvalidTransition(self.status, to)
        return replace(self, status=to, version=self.version + 1)

    def is_within(self, reach: RowScope, portfolio: Collection[UUID]) -> bool:
        """Whether somebody may touch this order. For those who may not, it does not exist."""
        match reach:
            case OwnAccount(account_id):
                return account_id == self.account_id
            case Portfolio():
                return self.account_id in portfolio
            case EveryAccount():
                return True


def order_not_found() -> NotFound:
    """No order with the id that a mutation's input names."""
    return NotFound("order", ("input", "id"))


def confirm_cart(
    priced: PricedCart, cart_version: int, expected_total: Decimal | None
) -> (
    tuple[OrderLine, ...]
    | EmptyCart
    | VersionConflict
    | ProductGone
    | InvalidInput
    | PriceOnRequest
    | PriceChanged
):
    """The lines to order if the customer and we mean the same cart at the same prices, or what differs.

    Lines that the product's unit or step has left behind are all told at once, by their place among those shown.
    """
    cart = priced.cart
    if not cart.lines:
        return EmptyCart()
    if cart.version != cart_version:
        return VersionConflict(expected=cart_version, actual=cart.version)
    if priced.gone:
        return ProductGone(tuple(line.sku for line in priced.gone))
    if unfit := tuple(
        Detail(("cart", "lines", str(place), "quantity"), line.unfit.code, line.unfit.message)
        for place, line in enumerate(priced.lines)
        if line.unfit is not None
    ):
        return InvalidInput(unfit)
    lines = {
        line.product_id: OrderLine(
            product_id=line.product_id,
            sku=line.sku,
            name=line.name,
            quantity=line.quantity,
            unit_price=line.unit_price,
            price_source=line.price_source,
            line_total=line.line_total,
        )
        for line in priced.lines
        if line.unit_price is not None and line.price_source is not None and line.line_total is not None
    }
    if unpriced := tuple(line.sku for line in cart.lines if line.product_id not in lines):
        return PriceOnRequest(unpriced)
    if expected_total is not None and expected_total != priced.subtotal.amount:
        return PriceChanged(expected=Money(expected_total, priced.subtotal.currency), actual=priced.subtotal)
    return tuple(lines.values())


def beyond_limit(lines: tuple[OrderLine, ...], limit: Money | None) -> ApprovalRequired | None:
    """Whether somebody has to approve an order of these lines: what is paid is more than the limit, not equal to it."""
    total = subtotal([line.line_total for line in lines])
    if limit is None or total.amount <= limit.amount:
        return None
    return ApprovalRequired(limit, total)
