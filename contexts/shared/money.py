"""Money is a Decimal with a currency, never a float."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

BRL = "BRL"
CENTAVO = Decimal("0.01")
TOTAL_DECIMALS = 2
UNIT_PRICE_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency (ISO 4217). A unit price keeps up to four decimals, a total has two."""

    amount: Decimal
    currency: str = BRL

    def __add__(self, other: "Money") -> "Money":
        """The sum; adding two currencies is a bug, hence a ValueError."""
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)


ZERO = Money(Decimal("0.00"))


def line_total(unit_price: Money, quantity: Decimal) -> Money:
    """Unit price × quantity, rounded half-even to centavos. A subtotal is the sum of such rounded lines."""
    exact = unit_price.amount * quantity
    return Money(exact.quantize(CENTAVO, rounding=ROUND_HALF_EVEN), unit_price.currency)


def subtotal(lines: list[Money]) -> Money:
    """The sum of already rounded line totals; 0.00 for none."""
    return sum(lines, start=ZERO)
