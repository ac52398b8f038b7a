"""Products as the catalog knows them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from contexts.catalog.api import Product
from contexts.catalog.api import Products as CatalogReads
from contexts.orders.domain.cart import Good
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CatalogProducts:
    """Read through nobody's eyes: orders asks pricing for the price itself."""

    products: CatalogReads

    async def by_skus(self, skus: Collection[str], *, within: Transaction | None = None) -> dict[str, Good]:
        found = await self.products.by_skus(skus, None, within=within)
        return {sku: _good(product) for sku, product in found.items()}

    async def by_ids(self, ids: Collection[UUID], *, within: Transaction | None = None) -> dict[UUID, Good]:
        found = await self.products.by_ids(ids, None, within=within)
        return {id: _good(product) for id, product in found.items()}


def _good(product: Product) -> Good:
    return Good(product.id, product.sku, product.name, product.unit, product.quantity_step)
