"""A quantity is a Decimal with the unit of measure it is sold in."""

from dataclasses import dataclass
from decimal import Decimal

QUANTITY_DECIMALS = 3
MAX_QUANTITY = Decimal(1000000)


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` in `unit`: the trade's own words (SC, KG, M, M2, M3, UN, MIL, BR, CX, L …)."""

    value: Decimal
    unit: str


def decimals(value: Decimal) -> int:
    """How many decimal places a number really needs: 1.500 needs one, 100 needs none."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent >= 0:
        return 0
    # Digit by digit: `normalize` would round to the context's 28 digits first.
    significant = "".join(map(str, digits[exponent:])).rjust(-exponent, "0").rstrip("0")
    return len(significant)
