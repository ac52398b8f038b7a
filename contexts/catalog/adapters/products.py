"""Products and categories read from PostgreSQL, in one statement each."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, bindparam, func, select

from contexts.catalog.adapters import keyset
from contexts.catalog.adapters.listing import listing
from contexts.catalog.adapters.parameters import any_id, any_text
from contexts.catalog.adapters.tables import categories, product_images, products, stock
from contexts.catalog.domain.product import Category, Image, Product, availability
from contexts.catalog.ports import PricePerspective, ProductFilter, ProductSort
from contexts.shared.adapters.database import Database
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
        """The page's rows are chosen by their keys alone; only those are joined with what is shown."""
        wanted = listing(filter, sort, perspective, self.price_relation)
        chosen = (
            select(products.c.id, *(key.column.label(f"key_{n}") for n, key in enumerate(wanted.keys)))
            .select_from(wanted.source)
            .where(wanted.condition, keyset.inside(wanted.keys, window))
            .order_by(*keyset.order_by(wanted.keys, backward=window.backward))
            # A literal, not a parameter: a cached plan that does not know the limit would scan everything.
            .limit(bindparam("limit", window.limit + 1, literal_execute=True))
            .subquery("chosen")
        )
        keys = [key.of(chosen.c[f"key_{n}"]) for n, key in enumerate(wanted.keys)]
        statement = (
            _product.add_columns(*(key.column for key in keys))
            .join(chosen, chosen.c.id == products.c.id)
            .order_by(*keyset.order_by(keys, backward=window.backward))
        )
        async with self.database.reading() as connection:
            rows = (await connection.execute(statement)).all()
        return page_of(
            window, [(self._product(row, seen_by), keyset.position_of(row[-len(keys) :])) for row in rows]
        )

    async def count(self, filter: ProductFilter, perspective: PricePerspective | None) -> int:
        wanted = listing(filter, ProductSort.NAME, perspective, self.price_relation)
        statement = select(func.count()).select_from(wanted.source).where(wanted.condition)
        async with self.database.reading() as connection:
            return (await connection.execute(statement)).scalar_one()

    async def by_ids(
        self, ids: Collection[UUID], seen_by: UUID | None, *, within: Transaction | None = None
    ) -> dict[UUID, Product]:
        found = await self._where(products.c.id == any_id(ids), seen_by, within)
        return {product.id: product for product in found}

    async def by_skus(
        self, skus: Collection[str], seen_by: UUID | None, *, within: Transaction | None = None
    ) -> dict[str, Product]:
        found = await self._where(products.c.sku == any_text(skus), seen_by, within)
        return {product.sku: product for product in found}

    async def by_slugs(self, slugs: Collection[str], seen_by: UUID | None) -> dict[str, Product]:
        found = await self._where(products.c.slug == any_text(slugs), seen_by, None)
        return {product.slug: product for product in found}

    async def _where(
        self, condition: ColumnElement[bool], seen_by: UUID | None, within: Transaction | None
    ) -> list[Product]:
        async with self.database.reading(within) as connection:
            rows = (await connection.execute(_product.where(condition))).all()
        return [self._product(row, seen_by) for row in rows]

    def _product(self, row: Row[*tuple[object, ...]], seen_by: UUID | None) -> Product:
        return Product(
            id=row.id,
            sku=row.sku,
            slug=row.slug,
            name=row.name,
            unit=row.unit,
            quantity_step=row.quantity_step,
            category=Category(row.category_id, row.category_slug, row.category_name),
            image=Image(f"{self.media_url}/{quote(row.object_key)}", row.alt) if row.object_key else None,
            availability=availability(row.on_hand, row.reserved, row.low_stock_at),
            created_at=row.created_at,
            seen_by=seen_by,
        )


@dataclass(frozen=True, slots=True)
class SqlCategories:
    """Categories in PostgreSQL."""

    database: Database

    async def all(self) -> list[Category]:
        return await self._where(None)

    async def by_ids(self, ids: Collection[UUID]) -> dict[UUID, Category]:
        found = await self._where(categories.c.id == any_id(ids))
        return {category.id: category for category in found}

    async def _where(self, condition: ColumnElement[bool] | None) -> list[Category]:
        statement = select(categories.c.id, categories.c.slug, categories.c.name)
        if condition is not None:
            statement = statement.where(condition)
        async with self.database.reading() as connection:
            rows = await connection.execute(statement.order_by(categories.c.position, categories.c.id))
            return [Category(row.id, row.slug, row.name) for row in rows]
