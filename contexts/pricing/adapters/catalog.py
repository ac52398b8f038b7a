"""Products, asked of the catalog."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from contexts.catalog.api import Measures, Product, Products
from contexts.pricing.ports import PriceableProduct
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CatalogProducts:
    """The catalog's products, as pricing knows them."""

    products: Products
    measures: Measures

    async def by_skus(self, transaction: Transaction, skus: Collection[str]) -> dict[str, PriceableProduct]:
        await self.measures.keep(transaction)
        found = await self.products.by_skus(skus, None, within=transaction)
        return {sku: _priceable(product) for sku, product in found.items()}

    async def by_ids(self, transaction: Transaction, ids: Collection[UUID]) -> dict[UUID, PriceableProduct]:
        await self.measures.keep(transaction)
        found = await self.products.by_ids(ids, None, within=transaction)
        return {id: _priceable(product) for id, product in found.items()}


def _priceable(product: Product) -> PriceableProduct:
    return PriceableProduct(product.id, product.unit, product.quantity_step)
