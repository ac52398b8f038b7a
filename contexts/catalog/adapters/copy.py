"""Products in bulk by COPY, for data of a benchmark or a first load."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select, text

from contexts.catalog.adapters.tables import products
from contexts.catalog.domain.slugs import slug_of
from contexts.shared.adapters.database import Database
from contexts.shared.adapters.query import Query
from contexts.shared.ids import new_id

PRODUCT_COLUMNS = ("id", "sku", "slug", "name", "unit", "quantity_step", "category_id", "created_at")
STOCK_COLUMNS = ("product_id", "on_hand", "low_stock_at")

ProductRecord = tuple[UUID, str, str, str, str, Decimal, UUID, datetime]


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product to copy, checked by who made it, in a category that is there."""

    sku: str
    name: str
    unit: str
    quantity_step: Decimal
    category_id: UUID
    stock: Decimal
    low_stock_at: Decimal
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CatalogCopy:
    """Copies products with their stock into the catalog."""

    database: Database

    async def ids(self, sku_prefix: str) -> dict[str, UUID]:
        """The products there are whose sku begins so, by sku."""
        named = products.c.sku.startswith(sku_prefix, autoescape=True)
        return dict(await self.database.fetch(Query(select(products.c.sku, products.c.id).where(named))))

    async def __call__(
        self, drafts: Sequence[NewProduct], progress: Callable[[int], None]
    ) -> dict[str, UUID]:
        """The ids of the new products by sku. All are copied, or none: a sku that is taken is an exception.

        `progress` hears how many products the server has taken so far.
        """
        ids = {draft.sku: new_id() for draft in drafts}

        def records() -> Iterator[ProductRecord]:
            for copied, draft in enumerate(drafts):
                progress(copied)
                yield (
                    ids[draft.sku],
                    draft.sku,
                    slug_of(draft.name, draft.sku),
                    draft.name,
                    draft.unit,
                    draft.quantity_step,
                    draft.category_id,
                    draft.created_at,
                )
            progress(len(drafts))

        async with self.database.begin() as transaction:
            await transaction.connection.execute(text("SET LOCAL statement_timeout = 0"))
            driver = transaction.connection.raw
            await driver.copy_records_to_table(
                "products", schema_name="catalog", columns=PRODUCT_COLUMNS, records=records()
            )
            await driver.copy_records_to_table(
                "stock",
                schema_name="catalog",
                columns=STOCK_COLUMNS,
                records=((ids[draft.sku], draft.stock, draft.low_stock_at) for draft in drafts),
            )
            await transaction.commit()
        return ids
