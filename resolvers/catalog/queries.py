"""The catalog's root fields: the listing, one product, the categories."""

from collections.abc import Callable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from contexts.catalog import api as catalog
from contexts.catalog.api import ProductSort
from contexts.identity.api import PRICE_READ
from resolvers.catalog.types import Category, Product, ProductFilter
from resolvers.vocabulary.connections import Connection, Listing, listing, window
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import PUBLIC
from resolvers.vocabulary.errors import BadUserInput, Denied
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.node import id_of
from resolvers.vocabulary.on_behalf_of import on_behalf_of as account_of

MOST_SKUS = 500
SEARCHING, PRICING = 50, 200
"""Points: a search matches more than it shows, and to order or filter by price every product is priced."""


_BY_PRICE = (ProductSort.PRICE_ASC, ProductSort.PRICE_DESC)


async def _perspective(info: Info, seen_by: UUID | None) -> catalog.PricePerspective | None:
    """Whose prices order and filter a listing; None when the viewer sees no prices."""
    principal = info.context.principal
    if principal is None:
        raise Denied.unauthenticated("Sign in to sort or filter by price: prices are your account's own.")
    if PRICE_READ not in principal.scopes:
        raise Denied.forbidden("Your role does not see prices.")
    account = None if seen_by is None else await info.context.account(seen_by)
    if account is None or not account.sees_prices:
        return None
    return catalog.PricePerspective(account.id, account.state, account.tier, info.context.at)


def _filter(given: ProductFilter | None) -> catalog.ProductFilter:
    if given is None:
        return catalog.ProductFilter()
    if given.skus is not None and len(given.skus) > MOST_SKUS:
        raise BadUserInput(f"`filter.skus` takes at most {MOST_SKUS} SKUs.")
    return catalog.ProductFilter(
        search=given.search,
        category_slug=given.category_slug,
        in_stock=given.in_stock,
        skus=None if given.skus is None else tuple(given.skus),
        min_price=given.min_price,
        max_price=given.max_price,
    )


def _work(argument: Callable[[str], object]) -> int:
    """Of a listing, beside the page it answers with."""
    given = argument("filter")
    filter: Mapping[str, object] = given if isinstance(given, Mapping) else {}
    by_price = (
        argument("sort") in _BY_PRICE
        or filter.get("minPrice") is not None
        or filter.get("maxPrice") is not None
    )
    return SEARCHING * (filter.get("search") is not None) + PRICING * by_price


@strawberry.type
class Query:
    """Merged into the root."""

    @root_field(
        type=Connection[Product],
        description="The catalog, page by page. Prices on it are the viewer's own.",
        guard=PUBLIC,
        work=_work,
    )
    async def products(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="1 to 100; 24 when absent.")] = None,
        after: Annotated[str | None, strawberry.argument(description="Start after this cursor.")] = None,
        last: Annotated[int | None, strawberry.argument(description="1 to 100, from the end.")] = None,
        before: Annotated[str | None, strawberry.argument(description="End before this cursor.")] = None,
        filter: Annotated[ProductFilter | None, strawberry.argument(description="Which products.")] = None,
        sort: Annotated[
            ProductSort | None,
            strawberry.argument(
                description=(
                    "RELEVANCE when absent, which is NAME without a search. By price: by what one unit costs the"
                    " listing's account when 1 is bought."
                )
            ),
        ] = None,
        on_behalf_of: Annotated[
            strawberry.ID | None,
            strawberry.argument(
                description=(
                    "Staff only: the buyer account whose prices to show; in one's own portfolio. Sorts and filters by"
                    " price are this account's, whatever a `price(onBehalfOf:)` below says."
                )
            ),
        ] = None,
    ) -> Listing[catalog.Product]:
        principal = info.context.principal
        if on_behalf_of is not None:
            seen_by: UUID | None = (await account_of(info.context, on_behalf_of)).id
        else:
            seen_by = None if principal is None else principal.account_id
        order = sort if sort is not None else ProductSort.RELEVANCE
        wanted = _filter(filter)
        by_price = order in _BY_PRICE or wanted.min_price is not None or wanted.max_price is not None
        cut = window(order.name, first, after, last, before)
        perspective = await _perspective(info, seen_by) if by_price else None
        products = info.context.contexts.catalog.products
        page = products.page(cut, wanted, order, seen_by, perspective)
        return await listing(order.name, page, lambda: products.count(wanted, perspective))

    @root_field(
        type=Product | None,
        description="One product by exactly one of id, SKU or slug; null when there is none.",
        guard=PUBLIC,
    )
    async def product(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its node id.")] = None,
        sku: Annotated[str | None, strawberry.argument(description="Its SKU.")] = None,
        slug: Annotated[str | None, strawberry.argument(description="Its slug.")] = None,
    ) -> catalog.Product | None:
        products = info.context.contexts.catalog.products
        principal = info.context.principal
        seen_by = None if principal is None else principal.account_id
        match (id, sku, slug):
            case (str(), None, None):
                if (decoded := id_of("Product", id)) is None:
                    raise BadUserInput("`id` is not the id of a product.")
                return (await products.by_ids([decoded], seen_by)).get(decoded)
            case (None, str(), None):
                return (await products.by_skus([sku], seen_by)).get(sku)
            case (None, None, str()):
                return (await products.by_slugs([slug], seen_by)).get(slug)
            case _:
                raise BadUserInput("Give exactly one of `id`, `sku` and `slug`.")

    @root_field(type=list[Category], description="Every category, in shelf order.", guard=PUBLIC)
    async def categories(self, info: Info) -> list[catalog.Category]:
        return await info.context.contexts.catalog.categories.all()


async def find_product(info: Info, id: UUID) -> catalog.Product | None:
    """`node` for products: everybody may see them."""
    principal = info.context.principal
    seen_by = None if principal is None else principal.account_id
    return (await info.context.contexts.catalog.products.by_ids([id], seen_by)).get(id)


async def find_category(info: Info, id: UUID) -> catalog.Category | None:
    """`node` for categories: everybody may see them."""
    return (await info.context.contexts.catalog.categories.by_ids([id])).get(id)
