"""Prices: what a product costs this buyer, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

import strawberry

from contexts.pricing import api as pricing
from contexts.pricing.api import PriceSource
from contexts.shared import money, quantity
from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import requires
from resolvers.vocabulary.enums import describe_enum
from resolvers.vocabulary.fields import computed
from resolvers.vocabulary.money import Money, Quantity, plain
from resolvers.vocabulary.node import Node, identified_as, represents

describe_enum(
    PriceSource,
    "The level a price comes from. The first that applies wins, even when a later one is cheaper.",
    {
        PriceSource.BUYER: "Negotiated with this buyer account.",
        PriceSource.STATE: "The price of the account's state.",
        PriceSource.NATIONAL: "The price for the whole country.",
    },
)


@dataclass(frozen=True, slots=True)
class PricedProduct:
    """A resolved price beside what pricing itself does not know: the unit its quantities are in, and the smallest."""

    resolved: pricing.ResolvedPrice
    unit: str
    minimum: Decimal


@dataclass(frozen=True, slots=True)
class QuantityBreak:
    """One step of the price by quantity."""

    from_: quantity.Quantity
    unit_price: money.Money


def _breaks(root: PricedProduct) -> list[QuantityBreak]:
    return [
        QuantityBreak(quantity.Quantity(step.from_quantity, root.unit), step.unit_price)
        for step in root.resolved.breaks(root.minimum)
    ]


@strawberry.type(description="One step of a price that falls with the quantity.")
class PriceBreak:
    """Resolved from `QuantityBreak`."""

    from_: Quantity = strawberry.field(name="from", description="From this quantity on …")
    unit_price: Money = strawberry.field(description="… one unit costs this much.")


@strawberry.type(description="One candidate the price resolution looked at.")
class PriceStep:
    """Resolved from `contexts.pricing.api.PriceStep`."""

    source: PriceSource = strawberry.field(description="The candidate's level.")
    outcome: str = strawberry.field(description="WON, LOST or NOT_APPLICABLE.")
    amount: Money | None = strawberry.field(description="Its unit price; null for a level without prices.")
    reason: str = strawberry.field(description="Why it won, lost or did not apply, for a person.")


@strawberry.type(description="What one unit costs this buyer, for the quantity asked.")
class ResolvedPrice:
    """Resolved from `PricedProduct`."""

    unit_price: Money = computed(attrgetter("resolved.unit_price"), description="The price of one unit.")
    source: PriceSource = computed(attrgetter("resolved.source"), description="The level it comes from.")
    valid_until: datetime | None = computed(
        attrgetter("resolved.valid_until"),
        description="The earliest known instant at which this price may change; null when none is known.",
    )
    breaks: list[PriceBreak] = computed(
        _breaks, description="The price by quantity, from the smallest that can be bought and has a price."
    )

    @batch(
        graphql_type=list[PriceStep] | None,
        description="Every candidate that was looked at, and why it won or lost.",
        guard=requires("price:explain"),
    )
    async def explanation(
        prices: Sequence[PricedProduct], info: Info
    ) -> Sequence[tuple[pricing.PriceStep, ...]]:
        return await info.context.contexts.pricing.explain([price.resolved for price in prices])


def _min_quantity(root: pricing.Price) -> str:
    return plain(root.min_quantity)


@strawberry.type(description="One row of the price tables.")
class Price(Node):
    """Resolved from `contexts.pricing.api.Price`."""

    is_type_of = represents(pricing.Price)

    id: strawberry.ID = identified_as("Price")
    source: PriceSource = strawberry.field(description="The level it stands at.")
    amount: Money = strawberry.field(description="The price of one unit.")
    state: str | None = strawberry.field(description="The state it is for; null unless a STATE price.")
    tier: str | None = strawberry.field(description="The tier it is for; null: every tier.")
    min_quantity: Decimal = computed(
        _min_quantity, description="The smallest quantity it applies to; 0: every quantity."
    )
    valid_from: datetime = strawberry.field(description="Since when it applies, inclusive.")
    valid_to: datetime | None = strawberry.field(description="Until when, exclusive; null: open.")
