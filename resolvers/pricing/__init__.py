"""Prices in GraphQL."""

from uuid import UUID

from contexts.identity.api import PRICE_WRITE
from contexts.pricing import api as pricing
from resolvers.catalog.types import Product
from resolvers.pricing.mutations import Mutation
from resolvers.pricing.product import ProductPricing
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.contribution import Contribution


async def find_price(info: Info, id: UUID) -> pricing.Price | None:
    """`node` for rows of the price tables: those who keep them."""
    principal = info.context.principal
    if principal is None or PRICE_WRITE not in principal.scopes:
        return None
    return (await info.context.contexts.pricing.rows.by_ids([id])).get(id)


contribution = Contribution(
    mutation=Mutation, extensions={Product: ProductPricing}, nodes={"Price": find_price}
)
