"""`priceSet`."""

from datetime import datetime
from decimal import Decimal
from typing import assert_never

import strawberry

from contexts.identity.api import PRICE_WRITE
from contexts.pricing import api as pricing
from contexts.pricing.api import PriceSource
from contexts.shared import rejections
from contexts.shared.codes import DetailCode
from resolvers.pricing.types import Price
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import requires
from resolvers.vocabulary.errors import shared_error
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.node import id_of
from resolvers.vocabulary.payload import Payload, done, refused


@strawberry.input(
    description=(
        "Sets the price of one key (product, source, account or state, tier, minimum quantity) for a period. An"
        " earlier row of the key that runs in the period is cut; what it would still have covered afterwards"
        " resumes. A call whose period already has the amount changes nothing."
    )
)
class PriceSetInput:
    """Becomes `contexts.pricing.api.SetPriceCommand`."""

    sku: str = strawberry.field(description="The product.")
    source: PriceSource = strawberry.field(description="The level to set.")
    account_id: strawberry.ID | None = strawberry.field(
        default=None, description="The buyer account; required for BUYER, absent otherwise."
    )
    state: str | None = strawberry.field(
        default=None, description='Two letters, "SP"; required for STATE, absent otherwise.'
    )
    tier: str | None = strawberry.field(default=None, description="Only for this tier; absent: every tier.")
    min_quantity: Decimal | None = strawberry.field(
        default=None,
        description=(
            "The smallest quantity it applies to; absent, or no more than the smallest that can be bought: every"
            " quantity, kept as 0."
        ),
    )
    amount: Decimal = strawberry.field(description="BRL per unit, up to four decimals, not negative.")
    valid_from: datetime | None = strawberry.field(
        default=None, description="Inclusive; absent: now. It may lie in the past."
    )
    valid_to: datetime | None = strawberry.field(
        default=None, description="Exclusive; absent: until the key's next scheduled row, or open."
    )


@strawberry.type
class Mutation:
    """Merged into the root."""

    @root_field(
        type=Payload[Price] | None,
        description="Set a price for a period, keeping what lies before and after it.",
        guard=requires(PRICE_WRITE),
    )
    async def price_set(self, info: Info, input: PriceSetInput) -> Payload[pricing.Price]:
        account_id = None
        if input.account_id is not None:
            account_id = id_of("BuyerAccount", input.account_id)
            if account_id is None:
                return refused(
                    info,
                    shared_error(
                        rejections.InvalidInput.at(
                            "accountId", DetailCode.NOT_AN_ID, "must be the id of a buyer account"
                        )
                    ),
                )
        outcome = await info.context.contexts.pricing.set_price(
            pricing.SetPriceCommand(
                sku=input.sku,
                source=input.source,
                account_id=account_id,
                state=input.state,
                tier=input.tier,
                min_quantity=input.min_quantity,
                amount=input.amount,
                valid_from=input.valid_from,
                valid_to=input.valid_to,
                by=info.context.actor,
            )
        )
        match outcome:
            case pricing.PriceSet(price):
                return done(info, price)
            case rejections.InvalidInput() | rejections.NotFound():
                return refused(info, shared_error(outcome))
            case _:
                assert_never(outcome)
