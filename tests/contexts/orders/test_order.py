"""The rules of the order."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import pytest

from contexts.orders.domain.cart import Cart, CartLine, OrderableProduct, PricedCart, UnitPrice, priced
from contexts.orders.domain.customer import Customer, EveryAccount, OwnAccount, Portfolio
from contexts.orders.domain.order import Order, confirm_cart
from contexts.orders.domain.rejections import (
    EmptyCart,
    InvalidTransition,
    PriceChanged,
    PriceOnRequest,
    ProductGone,
    VersionConflict,
)
from contexts.orders.domain.status import OrderStatus
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.rejections import Detail, InvalidInput

CUSTOMER = Customer(new_id(), new_id())
CEMENT = OrderableProduct(new_id(), "CIM-50", "Cimento CP II 50 kg", "SC", Decimal(1))
SAND = OrderableProduct(new_id(), "AREIA", "Areia média", "M3", Decimal("0.5"))
PRICES = {CEMENT.product_id: UnitPrice(Money(Decimal("39.90")), "BUYER")}


def cart(*goods: OrderableProduct, sand_was: str = "M3") -> PricedCart:
    """Two of each; only cement has a price."""
    lines = tuple(
        CartLine(good.product_id, good.sku, Decimal(2), sand_was if good is SAND else good.unit)
        for good in goods
    )
    return priced(
        Cart(new_id(), 3, lines),
        {CEMENT.product_id: CEMENT, SAND.product_id: SAND},
        PRICES,
    )


def order(status: OrderStatus = OrderStatus.PLACED) -> Order:
    lines = confirm_cart(cart(CEMENT), 3, None)
    assert isinstance(lines, tuple)
    placed = Order.place(new_id(), "P-0000-0007-6", CUSTOMER, lines, datetime(2026, 5, 1, tzinfo=UTC))
    return replace(placed, status=status)


def test_an_order_keeps_the_prices_of_the_cart() -> None:
    placed = order()
    (line,) = placed.lines
    assert (line.sku, line.unit_price, line.price_source) == ("CIM-50", Money(Decimal("39.90")), "BUYER")
    assert placed.total == line.line_total == Money(Decimal("79.80"))
    assert placed.version == 1


def test_checks_come_in_their_order() -> None:
    """Everything is wrong at first, then one thing less each time."""
    wrong = Decimal("1.00")
    left_behind = cart(CEMENT, SAND, sand_was="KG")
    assert confirm_cart(cart(), 1, wrong) == EmptyCart()
    assert confirm_cart(cart(CEMENT, SAND), 1, wrong) == VersionConflict(expected=1, actual=3)
    (detail,) = details_of(confirm_cart(left_behind, 3, wrong))
    assert (detail.path, detail.code) == (("cart", "lines", "1", "quantity"), "UNIT_CHANGED")
    assert confirm_cart(cart(CEMENT, SAND), 3, wrong) == PriceOnRequest(("AREIA",))
    assert confirm_cart(cart(CEMENT), 3, wrong) == PriceChanged(Money(wrong), Money(Decimal("79.80")))
    assert isinstance(confirm_cart(cart(CEMENT), 3, Decimal("79.8")), tuple)


def details_of(outcome: object) -> tuple[Detail, ...]:
    assert isinstance(outcome, InvalidInput)
    return outcome.details


def test_all_lines_that_the_products_have_left_behind_are_told_at_once() -> None:
    sold_whole = replace(SAND, quantity_step=Decimal(1))
    lines = (
        CartLine(SAND.product_id, SAND.sku, Decimal("0.5"), "M3"),
        CartLine(CEMENT.product_id, CEMENT.sku, Decimal(25), "KG"),
    )
    view = priced(Cart(new_id(), 3, lines), {CEMENT.product_id: CEMENT, SAND.product_id: sold_whole}, PRICES)
    found = [
        (detail.path[2], detail.code, detail.message) for detail in details_of(confirm_cart(view, 3, None))
    ]
    assert found == [
        (
            "0",
            "OFF_STEP",
            "AREIA is sold in multiples of 1 M3, and the cart has 0.5 M3; set the line again or take it out",
        ),
        (
            "1",
            "UNIT_CHANGED",
            "CIM-50 was put into the cart as 25 KG and is sold by the SC now; set the line again",
        ),
    ]


def test_what_left_the_catalog_cannot_be_ordered() -> None:
    gone = OrderableProduct(new_id(), "VELHO", "Fora de linha", "UN", Decimal(1))
    assert confirm_cart(cart(CEMENT, gone), 3, None) == ProductGone(("VELHO",))
    # Told before what has no price, and after whether it is the cart that was looked at.
    assert confirm_cart(cart(SAND, gone), 3, Decimal(1)) == ProductGone(("VELHO",))
    assert confirm_cart(cart(SAND, gone), 2, None) == VersionConflict(expected=2, actual=3)


STAFF = {
    ("PLACED", "CONFIRMED"),
    ("CONFIRMED", "PICKING"),
    ("PICKING", "SHIPPED"),
    ("SHIPPED", "DELIVERED"),
    ("PLACED", "CANCELLED"),
    ("CONFIRMED", "CANCELLED"),
    ("PICKING", "CANCELLED"),
}


@pytest.mark.parametrize(("start", "end"), list(product(OrderStatus, OrderStatus)))
def test_every_step_by_staff_and_by_the_buyer(start: OrderStatus, end: OrderStatus) -> None:
    before = order(start)
    refused = InvalidTransition(start, end)
    by_staff = before.move(end, EveryAccount())
    by_buyer = before.move(end, OwnAccount(CUSTOMER.account_id))
    allowed = replace(before, status=end, version=2)
    assert by_staff == (allowed if (start.value, end.value) in STAFF else refused)
    assert by_buyer == (allowed if (start.value, end.value) == ("PLACED", "CANCELLED") else refused)


def test_reach() -> None:
    mine = order()
    assert mine.is_within(OwnAccount(CUSTOMER.account_id), ())
    assert not mine.is_within(OwnAccount(new_id()), ())
    assert mine.is_within(Portfolio(new_id()), {CUSTOMER.account_id})
    assert not mine.is_within(Portfolio(new_id()), {new_id()})
    assert mine.is_within(EveryAccount(), ())
