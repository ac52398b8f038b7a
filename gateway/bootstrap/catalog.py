"""The catalog on its adapters."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext

from contexts.catalog.adapters.images import S3Images
from contexts.catalog.adapters.measures import SqlMeasures
from contexts.catalog.adapters.product_writer import SqlProductWriter
from contexts.catalog.adapters.products import SqlCategories, SqlProducts
from contexts.catalog.adapters.stock import SqlStock
from contexts.catalog.api import Catalog, PublishProducts, References
from contexts.orders.adapters.references import SqlOrderReferences
from contexts.pricing.adapters.references import SqlPriceReferences
from contexts.shared.adapters.database import Database
from contexts.shared.clock import Clock
from gateway.settings import Settings

PRICE_RELATION = "pricing.resolved_prices"
"""Published by pricing, used by the catalog to sort and filter a listing by price."""
REFERENCES: Mapping[str, References] = {
    "prices": SqlPriceReferences(),
    "cart lines or open orders": SqlOrderReferences(),
}
"""What keeps a product's unit and step as they are. The catalog knows neither pricing nor orders."""


@asynccontextmanager
async def bootstrap_catalog(
    *, settings: Settings, database: Database, clock: Clock, store: bool
) -> AsyncIterator[Catalog]:
    """The store of the images is open inside the block, unless nobody needs it."""
    images = S3Images(
        endpoint_url=settings.s3_endpoint,
        bucket=settings.s3_bucket,
        key=settings.s3_key,
        secret=settings.s3_secret,
        region=settings.s3_region,
    )
    measures = SqlMeasures()
    catalog = Catalog(
        products=SqlProducts(database, media_url=settings.image_url, price_relation=PRICE_RELATION),
        categories=SqlCategories(database),
        stock=SqlStock(),
        measures=measures,
        publish=PublishProducts(
            transactions=database,
            writer=SqlProductWriter(),
            measures=measures,
            references=REFERENCES,
            clock=clock,
        ),
        images=images,
    )
    async with images if store else nullcontext():
        yield catalog
