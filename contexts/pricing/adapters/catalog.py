"""Products, asked of the catalog."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from contexts.catalog.api import Products
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CatalogProducts:
    """The catalog's products, as pricing knows them: an id for a sku."""

    products: Products

    async def ids(self, skus: Collection[str], *, within: Transaction | None = None) -> dict[str, UUID]:
        found = await self.products.by_skus(skus, None, within=within)
        return {sku: product.id for sku, product in found.items()}
