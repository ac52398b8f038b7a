"""The rules of the cart."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from contexts.orders.domain.cart import (
    MAX_LINES,
    Cart,
    CartLine,
    Good,
    UnitPrice,
    malformed,
    off_step,
    priced,
)
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.rejections import InvalidInput

NAILS = Good(new_id(), "PREGO", "Prego 18×27", "KG", Decimal("0.250"))


def cart(*lines: CartLine) -> Cart:
    return Cart(new_id(), 1, lines)


def line(quantity: str = "1", product_id: UUID | None = None, sku: str = "X") -> CartLine:
    return CartLine(product_id or new_id(), sku, Decimal(quantity))


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
    goods = [Good(new_id(), f"S{n}", "Parafuso", "UN", Decimal(1)) for n in range(3)]
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
