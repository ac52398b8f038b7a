"""Products as the catalog knows them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from contexts.catalog.api import Product
from contexts.catalog.api import Products as CatalogReads
from contexts.orders.domain.cart import OrderableProduct
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CatalogProducts:
    """Read through nobody's eyes: orders asks pricing for the price itself."""

    products: CatalogReads

    async def by_skus(
        self, skus: Collection[str], *, within: Transaction | None = None
    ) -> dict[str, OrderableProduct]:
        found = await self.products.by_skus(skus, None, within=within)
        return {sku: _orderable(product) for sku, product in found.items()}

    async def by_ids(
        self, ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, OrderableProduct]:
        found = await self.products.by_ids(ids, None, within=within)
        return {id: _orderable(product) for id, product in found.items()}


def _orderable(product: Product) -> OrderableProduct:
    return OrderableProduct(product.id, product.sku, product.name, product.unit, product.quantity_step)
