"""What pricing adds to the catalog's Product."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from contexts.catalog import api as catalog
from contexts.identity.api import PRICE_READ
from contexts.pricing import api as pricing
from contexts.shared.quantity import MAX_QUANTITY, QUANTITY_DECIMALS, decimals
from resolvers.pricing.types import PricedProduct, ResolvedPrice
from resolvers.vocabulary.asked import Asked
from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Info, RequestContext
from resolvers.vocabulary.directives import requires
from resolvers.vocabulary.errors import BadUserInput
from resolvers.vocabulary.on_behalf_of import LOOKING_UP
from resolvers.vocabulary.on_behalf_of import on_behalf_of as account_of


@strawberry.type
class ProductPricing:
    """Merged into Product."""

    @batch(
        graphql_type=ResolvedPrice | None,
        description=(
            "What one unit costs the viewer's account when this quantity is bought. Null: price on request, or"
            " no buyer account in sight: staff say which, here or on the listing."
        ),
        guard=requires(PRICE_READ),
        work=lambda argument: 0 if argument("onBehalfOf") is None else LOOKING_UP,
    )
    async def price(
        products: Sequence[catalog.Product],
        info: Info,
        quantity: Annotated[
            Decimal | None,
            strawberry.argument(
                description="In the product's unit, more than 0; the smallest that can be bought when absent."
            ),
        ] = None,
        on_behalf_of: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description=(
                    "Staff only: the buyer account whose price to show; in one's own portfolio. Absent: that of the"
                    " listing. Caches that keep fields by their arguments keep two accounts' prices apart by it."
                )
            ),
        ] = None,
    ) -> Sequence[PricedProduct | None]:
        if quantity is not None and (
            not 0 < quantity <= MAX_QUANTITY or decimals(quantity) > QUANTITY_DECIMALS
        ):
            raise BadUserInput(
                f"`quantity` is more than 0, at most {MAX_QUANTITY}, with up to {QUANTITY_DECIMALS} decimals."
            )
        if on_behalf_of is not None:
            account = await account_of(info.context, on_behalf_of)
            return await _as_seen_by(info.context, account.id, products, quantity)
        seen: dict[UUID, list[int]] = {}
        for index, product in enumerate(products):
            if product.seen_by is not None:
                seen.setdefault(product.seen_by, []).append(index)
        prices: list[PricedProduct | None] = [None] * len(products)
        asked = (
            _as_seen_by(info.context, account_id, [products[index] for index in indexes], quantity)
            for account_id, indexes in seen.items()
        )
        for indexes, found in zip(seen.values(), await asyncio.gather(*asked), strict=True):
            for index, price in zip(indexes, found, strict=True):
                prices[index] = price
        return prices


async def _as_seen_by(
    context: RequestContext, account_id: UUID, products: Sequence[catalog.Product], quantity: Decimal | None
) -> Sequence[PricedProduct | None]:
    """The prices of so much of each product for this account; none when it may see no prices.

    `quantity` None: of the smallest that can be bought, which is each product's own.
    """
    account = await context.account(account_id)
    if account is None or not account.sees_prices:
        return [None] * len(products)
    perspective = pricing.Perspective(account.id, account.state, account.tier)
    lines = [
        pricing.Line(product.id, product.quantity_step if quantity is None else quantity)
        for product in products
    ]
    resolved = await _resolved(context, perspective, lines)
    return [
        None if price is None else PricedProduct(price, product.unit, product.quantity_step)
        for product, price in zip(products, resolved, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _PriceBatch:
    """The lines that fields side by side ask for: `price` for several quantities, on several levels."""

    lines: list[pricing.Line]
    asked: Asked[list[pricing.ResolvedPrice | None]]


async def _resolved(
    context: RequestContext, perspective: pricing.Perspective, lines: list[pricing.Line]
) -> list[pricing.ResolvedPrice | None]:
    """The prices of the lines. The question waits one turn for the other fields and asks for their lines too."""
    batches: dict[pricing.Perspective, _PriceBatch] = context.loader(_PriceBatch, dict)
    joined = batches.get(perspective)
    if joined is None or joined.asked.given_up:
        together: list[pricing.Line] = []

        async def ask() -> list[pricing.ResolvedPrice | None]:
            del batches[perspective]
            return await context.contexts.pricing.resolve(perspective, together, context.at)

        joined = batches[perspective] = _PriceBatch(together, Asked(ask()))
    start = len(joined.lines)
    joined.lines.extend(lines)
    return (await joined.asked.answer())[start : start + len(lines)]
