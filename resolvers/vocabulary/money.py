"""Money and Quantity as GraphQL types."""

from decimal import Decimal

import strawberry

from contexts.shared import money, quantity
from resolvers.vocabulary.fields import computed

_TWO_PLACES = Decimal("0.01")


def _amount(root: money.Money) -> Decimal:
    """At least two decimals, no more than are needed: 36.90, 0.0825."""
    shortest = root.amount.normalize()
    exponent = shortest.as_tuple().exponent
    return shortest if isinstance(exponent, int) and exponent < -2 else root.amount.quantize(_TWO_PLACES)


def shortest(value: Decimal) -> Decimal:
    """Without trailing zeros: 10, 2.5."""
    return value.normalize()


def _value(root: quantity.Quantity) -> Decimal:
    return shortest(root.value)


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
