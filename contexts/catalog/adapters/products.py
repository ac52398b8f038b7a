"""Products and categories read from PostgreSQL, in one statement each."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Text, Uuid, and_, any_, bindparam, func, literal_column, select

from contexts.catalog.adapters import keyset
from contexts.catalog.adapters.listing import Shape, listing, parameters_of
from contexts.catalog.adapters.parameters import storable
from contexts.catalog.adapters.tables import categories, product_images, products, stock
from contexts.catalog.domain.product import Category, Image, Product, availability
from contexts.catalog.ports import PricePerspective, ProductFilter, ProductSort
from contexts.shared.adapters.database import Database
from contexts.shared.adapters.query import Query
from contexts.shared.pagination import Page, Window, page_of
from contexts.shared.transaction import Transaction

_main_image = and_(product_images.c.product_id == products.c.id, product_images.c.is_main)
_product = (
    select(
        products.c.id,
        products.c.sku,
        products.c.slug,
        products.c.name,
        products.c.unit,
        products.c.quantity_step,
        products.c.created_at,
        categories.c.id.label("category_id"),
        categories.c.slug.label("category_slug"),
        categories.c.name.label("category_name"),
        product_images.c.object_key,
        product_images.c.alt,
        func.coalesce(stock.c.on_hand, 0).label("on_hand"),
        func.coalesce(stock.c.reserved, 0).label("reserved"),
        func.coalesce(stock.c.low_stock_at, 0).label("low_stock_at"),
    )
    .select_from(products)
    .join(categories, categories.c.id == products.c.category_id)
    .outerjoin(product_images, _main_image)
    .outerjoin(stock, stock.c.product_id == products.c.id)
)
_WIDTH = len(_product.selected_columns)
_BY_IDS = Query(_product.where(products.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))))
_BY_SKUS = Query(_product.where(products.c.sku == any_(bindparam("skus", type_=ARRAY(Text)))))
_BY_SLUGS = Query(_product.where(products.c.slug == any_(bindparam("slugs", type_=ARRAY(Text)))))

_category = select(categories.c.id, categories.c.slug, categories.c.name)
_in_order = (categories.c.position, categories.c.id)
_CATEGORIES = Query(_category.order_by(*_in_order))
_CATEGORIES_BY_IDS = Query(
    _category.where(categories.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))).order_by(*_in_order)
)

_listing = lru_cache(maxsize=128)(listing)


@lru_cache(maxsize=512)
def _page(shape: Shape, backward: bool, limit: int, bounds: keyset.Bounds) -> Query[*tuple[Any, ...]]:
    """The page's rows are chosen by their keys alone; only those are joined with what is shown."""
    wanted = _listing(shape)
    chosen = (
        select(products.c.id, *(key.column.label(f"key_{n}") for n, key in enumerate(wanted.keys)))
        .select_from(wanted.source)
        .where(wanted.condition, keyset.inside(wanted.keys, bounds))
        .order_by(*keyset.order_by(wanted.keys, backward=backward))
        # A literal, not a parameter: a cached plan that does not know the limit would scan everything.
        .limit(literal_column(str(limit), Integer))
        .subquery("chosen")
    )
    keys = [key.of(chosen.c[f"key_{n}"]) for n, key in enumerate(wanted.keys)]
    return Query(
        _product.add_columns(*(key.column for key in keys))
        .join(chosen, chosen.c.id == products.c.id)
        .order_by(*keyset.order_by(keys, backward=backward))
    )


@lru_cache(maxsize=128)
def _count(shape: Shape) -> Query[int]:
    wanted = _listing(shape)
    return Query(select(func.count()).select_from(wanted.source).where(wanted.condition))


@dataclass(frozen=True, slots=True)
class SqlProducts:
    """Products in PostgreSQL.

    `media_url` is what image keys are appended to. `price_relation` names the published set-returning
    function (account_id, state, tier, quantity, at) → (product_id, unit_price); None: nothing has a price.
    """

    database: Database
    media_url: str
    price_relation: str | None

    async def page(
        self,
        window: Window,
        filter: ProductFilter,
        sort: ProductSort,
        seen_by: UUID | None,
        perspective: PricePerspective | None,
    ) -> Page[Product]:
        shape = Shape.of(filter, sort, perspective, self.price_relation)
        bounds, cut = keyset.bounds_of(_listing(shape).keys, window)
        rows = await self.database.fetch(
            _page(shape, window.backward, window.limit + 1, bounds),
            parameters_of(filter, perspective) | cut,
        )
        positions = [keyset.position_of(row[_WIDTH:]) for row in rows]
        return page_of(window, list(zip(self._products(rows, seen_by), positions, strict=True)))

    async def count(self, filter: ProductFilter, perspective: PricePerspective | None) -> int:
        shape = Shape.of(filter, ProductSort.NAME, perspective, self.price_relation)
        ((count,),) = await self.database.fetch(_count(shape), parameters_of(filter, perspective))
        return count

    async def by_ids(
        self, ids: Collection[UUID], seen_by: UUID | None, *, within: Transaction | None = None
    ) -> dict[UUID, Product]:
        rows = await self.database.fetch(_BY_IDS, {"ids": list(ids)}, within)
        return {product.id: product for product in self._products(rows, seen_by)}

    async def by_skus(
        self, skus: Collection[str], seen_by: UUID | None, *, within: Transaction | None = None
    ) -> dict[str, Product]:
        rows = await self.database.fetch(_BY_SKUS, {"skus": storable(skus)}, within)
        return {product.sku: product for product in self._products(rows, seen_by)}

    async def by_slugs(self, slugs: Collection[str], seen_by: UUID | None) -> dict[str, Product]:
        rows = await self.database.fetch(_BY_SLUGS, {"slugs": storable(slugs)})
        return {product.slug: product for product in self._products(rows, seen_by)}

    def _products(self, rows: Sequence[tuple[Any, ...]], seen_by: UUID | None) -> Iterator[Product]:
        """From rows that begin with the columns of `_product`; the products share their categories."""
        shelves: dict[UUID, Category] = {}
        for row in rows:
            (
                id_,
                sku,
                slug,
                name,
                unit,
                quantity_step,
                created_at,
                category_id,
                category_slug,
                category_name,
                object_key,
                alt,
                on_hand,
                reserved,
                low_stock_at,
            ) = row[:_WIDTH]
            category = shelves.get(category_id)
            if category is None:
                category = shelves[category_id] = Category(category_id, category_slug, category_name)
            yield Product(
                id_,
                sku,
                slug,
                name,
                unit,
                quantity_step,
                category,
                Image(f"{self.media_url}/{quote(object_key)}", alt) if object_key else None,
                availability(on_hand, reserved, low_stock_at),
                created_at,
                seen_by,
            )


@dataclass(frozen=True, slots=True)
class SqlCategories:
    """Categories in PostgreSQL."""

    database: Database

    async def all(self) -> list[Category]:
        return [Category(*row) for row in await self.database.fetch(_CATEGORIES)]

    async def by_ids(self, ids: Collection[UUID]) -> dict[UUID, Category]:
        rows = await self.database.fetch(_CATEGORIES_BY_IDS, {"ids": list(ids)})
        return {row[0]: Category(*row) for row in rows}
