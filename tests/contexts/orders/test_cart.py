"""The rules of the cart."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from contexts.orders.domain.cart import (
    MAX_LINES,
    Cart,
    CartLine,
    OrderableProduct,
    UnitPrice,
    malformed,
    off_step,
    priced,
)
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.quantity import Quantity
from contexts.shared.rejections import InvalidInput

NAILS = OrderableProduct(new_id(), "PREGO", "Prego 18×27", "KG", Decimal("0.250"))


def cart(*lines: CartLine) -> Cart:
    return Cart(new_id(), 1, lines)


def line(
    quantity: str = "1", product_id: UUID | None = None, sku: str = "X", unit: str | None = None
) -> CartLine:
    return CartLine(product_id or new_id(), sku, Decimal(quantity), unit)


@pytest.mark.parametrize(
    ("quantity", "code"),
    [
        ("-1", "NEGATIVE"),
        ("-0.001", "NEGATIVE"),
        ("1.2345", "TOO_MANY_DECIMALS"),
        ("1E-9999999", "TOO_MANY_DECIMALS"),
        ("1000000.001", "TOO_LARGE"),
        ("1E+9999999", "TOO_LARGE"),
        ("NaN", "NOT_A_NUMBER"),
        ("sNaN", "NOT_A_NUMBER"),
        ("Infinity", "NOT_A_NUMBER"),
        ("-Infinity", "NOT_A_NUMBER"),
    ],
)
def test_malformed_quantities(quantity: str, code: str) -> None:
    rejection = malformed(Decimal(quantity))
    assert rejection is not None
    (detail,) = rejection.details
    assert (detail.path, detail.code) == (("input", "quantity"), code)


@pytest.mark.parametrize("quantity", ["0", "-0", "0.001", "1.5000000", "1E+6", "1000000"])
def test_well_formed_quantities(quantity: str) -> None:
    assert malformed(Decimal(quantity)) is None


@pytest.mark.parametrize(
    ("quantity", "step", "fits"),
    [
        ("2.5", "0.5", True),
        ("2.500", "0.5", True),
        ("2.5", "1", False),
        ("0.001", "0.001", True),
        ("1000000", "0.001", True),
        ("7", "2.33", False),
        ("6.99", "2.33", True),
    ],
)
def test_a_quantity_is_sold_in_steps(quantity: str, step: str, fits: bool) -> None:
    good = replace(NAILS, quantity_step=Decimal(step))
    assert (off_step(Decimal(quantity), good) is None) is fits


def test_a_quantity_off_the_step_is_told_the_step() -> None:
    rejection = off_step(Decimal("1.8"), NAILS)
    assert rejection is not None
    assert rejection.details[0].code == "OFF_STEP"
    assert "0.25 KG" in rejection.details[0].message


def test_same_line_again_changes_nothing() -> None:
    product_id = new_id()
    before = cart(line("1.5", product_id))
    assert before.with_line(line("1.500", product_id)) is before


def test_a_changed_line_keeps_its_place() -> None:
    first, second = line(), line()
    changed = cart(first, second).with_line(line("7", first.product_id))
    assert isinstance(changed, Cart)
    assert [(line.product_id, line.quantity) for line in changed.lines] == [
        (first.product_id, Decimal(7)),
        (second.product_id, Decimal(1)),
    ]
    assert changed.version == 2


def test_a_full_cart_takes_changes_but_no_new_line() -> None:
    full = cart(*(line() for _ in range(MAX_LINES)))
    refused = full.with_line(line())
    assert isinstance(refused, InvalidInput)
    assert refused.details[0].code == "TOO_MANY"
    assert isinstance(full.with_line(line("2", full.lines[0].product_id)), Cart)


def test_subtotal_is_the_sum_of_lines_rounded_half_even() -> None:
    # Twice 0.125: rounded first, as it must be, 0.24; added first it would be 0.25.
    goods = [OrderableProduct(new_id(), f"S{n}", "Parafuso", "UN", Decimal(1)) for n in range(3)]
    prices = {
        goods[0].product_id: UnitPrice(Money(Decimal("0.1250")), "STATE"),
        goods[1].product_id: UnitPrice(Money(Decimal("0.1250")), "STATE"),
    }
    view = priced(
        cart(*(line("1", good.product_id, good.sku) for good in goods)),
        {good.product_id: good for good in goods},
        prices,
    )
    assert [line.line_total for line in view.lines] == [Money(Decimal("0.12")), Money(Decimal("0.12")), None]
    assert view.subtotal == Money(Decimal("0.24"))


def test_a_vanished_product_is_not_shown_and_does_not_count() -> None:
    gone = line()
    view = priced(cart(gone), {}, {gone.product_id: UnitPrice(Money(Decimal(9)), "STATE")})
    assert view.lines == ()
    assert view.gone == (gone,)
    assert view.subtotal == Money(Decimal("0.00"))


def test_a_line_in_another_unit_than_the_products_is_shown_as_it_is_and_has_no_price() -> None:
    other = OrderableProduct(new_id(), "BRITA", "Brita 1", "M3", Decimal("0.5"))
    price = UnitPrice(Money(Decimal("0.80")), "STATE")
    view = priced(
        cart(line("25", NAILS.product_id, unit="SC"), line("2", other.product_id, unit="M3")),
        {NAILS.product_id: NAILS, other.product_id: other},
        {NAILS.product_id: price, other.product_id: price},
    )
    left, right = view.lines
    assert (left.quantity, left.unit_price, left.price_source, left.line_total) == (
        Quantity(Decimal(25), "SC"),
        None,
        None,
        None,
    )
    assert left.unfit is not None
    assert left.unfit.code == "UNIT_CHANGED"
    assert "25 SC" in left.unfit.message and "by the KG" in left.unfit.message
    assert (right.unfit, view.subtotal) == (None, Money(Decimal("1.60")))


@pytest.mark.parametrize(("quantity", "unit", "code"), [("0.6", "KG", "OFF_STEP"), ("0.75", None, None)])
def test_a_line_is_measured_by_the_step_of_now(quantity: str, unit: str | None, code: str | None) -> None:
    (shown,) = priced(cart(line(quantity, NAILS.product_id, unit=unit)), {NAILS.product_id: NAILS}, {}).lines
    assert shown.quantity.unit == "KG", "a line of a release before is in the product's unit"
    assert (shown.unfit and shown.unfit.code) == code


def test_setting_the_same_quantity_in_the_unit_of_now_changes_the_line() -> None:
    product_id = new_id()
    changed = cart(line("1", product_id, unit="KG")).with_line(line("1", product_id, unit="SC"))
    assert isinstance(changed, Cart)
    assert (changed.version, changed.lines[0].unit) == (2, "SC")
