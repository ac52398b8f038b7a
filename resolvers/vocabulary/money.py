"""Money and Quantity as GraphQL types."""

from decimal import Decimal

import strawberry

from contexts.shared import money, quantity
from resolvers.vocabulary.fields import computed


def plain(value: Decimal, least_decimals: int = 0) -> str:
    """The number as Decimal travels, without trailing zeros beyond `least_decimals`: 36.90, 0.0825, 10, 2.5.

    A text, because Decimal's own arithmetic on it would take three times as long, for every price of a page.
    """
    text = str(value)
    whole, _, fraction = (text if "E" not in text else f"{value:f}").partition(".")
    fraction = fraction.rstrip("0").ljust(least_decimals, "0")
    return f"{whole}.{fraction}" if fraction else whole


def _amount(root: money.Money) -> str:
    return plain(root.amount, 2)


def _value(root: quantity.Quantity) -> str:
    return plain(root.value)


@strawberry.type(description="An amount of money.")
class Money:
    """Resolved from `contexts.shared.money.Money`."""

    amount: Decimal = computed(
        _amount, description="Exact. Unit prices have up to four decimals, totals two."
    )
    currency: str = strawberry.field(description="ISO 4217, `BRL`.")


@strawberry.type(description="How much of something, in the unit it is sold in.")
class Quantity:
    """Resolved from `contexts.shared.quantity.Quantity`."""

    value: Decimal = computed(_value, description="Exact, up to three decimals.")
    unit: str = strawberry.field(description="The trade's unit: SC, KG, M, M2, M3, UN, MIL, BR, CX, L …")
