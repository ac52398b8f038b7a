"""Hand-written stand-ins for what pricing asks of others."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from contexts.pricing.ports import PriceableProduct
from contexts.shared.transaction import Transaction


@dataclass(slots=True)
class Shop:
    """Products by sku, which anybody may change as they like; all others are sold by the whole UN."""

    products: dict[str, PriceableProduct] = field(default_factory=dict)

    @classmethod
    def of(cls, sku: str, product_id: UUID) -> "Shop":
        """A shop with one product, sold by the whole."""
        return cls({sku: PriceableProduct(product_id, "UN", Decimal(1))})

    async def by_skus(self, transaction: Transaction, skus: Collection[str]) -> dict[str, PriceableProduct]:
        return {sku: self.products[sku] for sku in skus if sku in self.products}

    async def by_ids(self, transaction: Transaction, ids: Collection[UUID]) -> dict[UUID, PriceableProduct]:
        known = {good.product_id: good for good in self.products.values()}
        return {id: known.get(id, PriceableProduct(id, "UN", Decimal(1))) for id in ids}


@dataclass(slots=True)
class Customers:
    """Known buyer accounts."""

    accounts: Collection[UUID]

    async def exist(self, account_id: UUID, *, within: Transaction | None = None) -> bool:
        return account_id in self.accounts


@dataclass(slots=True)
class HandClock:
    """Stands still until it is set."""

    instant: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.instant
