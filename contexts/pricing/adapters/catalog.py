"""Products, asked of the catalog."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from contexts.catalog.api import Measures, Product, Products
from contexts.pricing.ports import Good
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class CatalogProducts:
    """The catalog's products, as pricing knows them."""

    products: Products
    measures: Measures

    async def by_skus(self, transaction: Transaction, skus: Collection[str]) -> dict[str, Good]:
        await self.measures.keep(transaction)
        found = await self.products.by_skus(skus, None, within=transaction)
        return {sku: _good(product) for sku, product in found.items()}

    async def by_ids(self, transaction: Transaction, ids: Collection[UUID]) -> dict[UUID, Good]:
        await self.measures.keep(transaction)
        found = await self.products.by_ids(ids, None, within=transaction)
        return {id: _good(product) for id, product in found.items()}


def _good(product: Product) -> Good:
    return Good(product.id, product.unit, product.quantity_step)
