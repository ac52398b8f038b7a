"""What pricing adds to the catalog's Product."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from contexts.catalog import api as catalog
from contexts.identity.api import PRICE_READ
from contexts.pricing import api as pricing
from contexts.shared.quantity import MAX_QUANTITY, QUANTITY_DECIMALS, decimals
from resolvers.pricing.types import PricedProduct, ResolvedPrice
from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import requires
from resolvers.vocabulary.errors import BadUserInput

ONE = Decimal(1)


@strawberry.type
class ProductPricing:
    """Merged into Product."""

    @batch(
        graphql_type=ResolvedPrice | None,
        description=(
            "What one unit costs the viewer's account when this quantity is bought. Null: price on request, or"
            " no buyer account in sight (staff see prices through `products(onBehalfOf:)`)."
        ),
        guard=requires(PRICE_READ),
    )
    async def price(
        products: Sequence[catalog.Product],
        info: Info,
        quantity: Annotated[
            Decimal | None,
            strawberry.argument(description="In the product's unit, more than 0; 1 when null."),
        ] = ONE,
    ) -> Sequence[PricedProduct | None]:
        wanted = ONE if quantity is None else quantity
        if not 0 < wanted <= MAX_QUANTITY or decimals(wanted) > QUANTITY_DECIMALS:
            raise BadUserInput(
                f"`quantity` is more than 0, at most {MAX_QUANTITY}, with up to {QUANTITY_DECIMALS} decimals."
            )
        accounts = {product.seen_by for product in products if product.seen_by is not None}
        seen = [_seen_by(info, id, products, wanted) for id in accounts]
        found = await seen[0] if len(seen) == 1 else _merged(await asyncio.gather(*seen))
        return [found.get((product.seen_by, product.id)) for product in products]


Prices = dict[tuple[UUID | None, UUID], PricedProduct]
"""By account and product."""


def _merged(each: Sequence[Prices]) -> Prices:
    return {key: price for prices in each for key, price in prices.items()}


async def _seen_by(
    info: Info, account_id: UUID, products: Sequence[catalog.Product], quantity: Decimal
) -> Prices:
    """The prices of those of the products that are seen through this account's eyes."""
    account = await info.context.account(account_id)
    if account is None or not account.sees_prices:
        return {}
    mine = {product.id: product for product in products if product.seen_by == account_id}
    perspective = pricing.Perspective(account.id, account.state, account.tier)
    lines = [pricing.Line(id, quantity) for id in mine]
    resolved = await info.context.contexts.pricing.resolve(perspective, lines, info.context.at)
    return {
        (account_id, line.product_id): PricedProduct(price, mine[line.product_id].unit)
        for line, price in resolved.items()
    }
