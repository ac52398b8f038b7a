"""Hand-written stand-ins for what pricing asks of others."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from contexts.shared.transaction import Transaction


@dataclass(slots=True)
class Shop:
    """Products by sku."""

    products: dict[str, UUID] = field(default_factory=dict)

    async def ids(self, skus: Collection[str], *, within: Transaction | None = None) -> dict[str, UUID]:
        return {sku: self.products[sku] for sku in skus if sku in self.products}


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
