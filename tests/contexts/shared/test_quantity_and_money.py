"""Money and quantities are exact."""

from decimal import Decimal

import pytest

from contexts.shared.money import Money, line_total, subtotal
from contexts.shared.quantity import decimals


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ("1", 0),
        ("1.500", 1),
        ("100", 0),
        ("1E+3", 0),
        ("0.000", 0),
        ("0.001", 3),
        ("12.0304", 4),
        ("1." + "0" * 40 + "1", 41),
        ("-2.50", 1),
        ("NaN", 0),
    ],
)
def test_decimals(value: str, places: int) -> None:
    assert decimals(Decimal(value)) == places


@pytest.mark.parametrize(
    ("unit_price", "quantity", "total"),
    [
        ("0.125", "1", "0.12"),
        ("0.375", "1", "0.38"),
        ("0.0825", "3", "0.25"),
        ("36.90", "10", "369.00"),
        ("0.1875", "0.5", "0.09"),
    ],
)
def test_a_line_total_is_rounded_half_even_to_centavos(unit_price: str, quantity: str, total: str) -> None:
    assert line_total(Money(Decimal(unit_price)), Decimal(quantity)) == Money(Decimal(total))


def test_a_subtotal_is_the_sum_of_rounded_lines() -> None:
    lines = [line_total(Money(Decimal("0.0825")), Decimal(3)) for _ in range(4)]
    assert subtotal(lines) == Money(Decimal("1.00"))  # not 0.99, the rounded sum
    assert subtotal([]) == Money(Decimal("0.00"))


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="USD"):
        subtotal([Money(Decimal(1)), Money(Decimal(1), "USD")])
