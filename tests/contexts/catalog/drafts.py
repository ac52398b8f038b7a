"""Products to test with."""

from collections.abc import Mapping
from decimal import Decimal

from contexts.catalog.adapters.measures import SqlMeasures
from contexts.catalog.adapters.product_writer import SqlProductWriter
from contexts.catalog.ports import ProductDraft, Published, References
from contexts.catalog.use_cases.publish import PublishProducts
from contexts.shared.adapters.database import Database
from contexts.shared.audit import SYSTEM
from contexts.shared.clock import SystemClock


def draft(
    sku: str,
    name: str = "Cimento CP II-E-32 50 kg",
    *,
    unit: str = "SC",
    step: str = "1",
    category: str = "cimentos",
    stock: str | None = "10",
    low_stock_at: str = "0",
    image_key: str | None = None,
) -> ProductDraft:
    """A product that is right in every respect, but for what the test says."""
    return ProductDraft(
        sku=sku,
        name=name,
        unit=unit,
        quantity_step=Decimal(step),
        category_slug=category,
        category_name=category.capitalize(),
        stock=None if stock is None else Decimal(stock),
        low_stock_at=Decimal(low_stock_at),
        image_key=image_key,
        image_alt=None if image_key is None else name,
    )


def publishing(database: Database, references: Mapping[str, References] | None = None) -> PublishProducts:
    """The use case; nothing refers to any product unless the test says so."""
    return PublishProducts(database, SqlProductWriter(), SqlMeasures(), references or {}, SystemClock())


async def publish(database: Database, *drafts: ProductDraft) -> Published:
    """The drafts, on the shelf."""
    published = await publishing(database)(drafts, SYSTEM)
    assert isinstance(published, Published), published
    return published
