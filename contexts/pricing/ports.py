"""What pricing needs from outside, in its own words."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from contexts.pricing.domain.price import Price, PriceKey
from contexts.pricing.domain.resolver import Candidate, Perspective
from contexts.pricing.domain.timeline import Timeline
from contexts.shared.transaction import Transaction


class Prices(Protocol):
    """The prices that were set, to read."""

    async def candidates(
        self,
        perspective: Perspective,
        product_ids: Collection[UUID],
        since: datetime | None,
        *,
        within: Transaction | None = None,
    ) -> dict[UUID, list[Candidate]]:
        """By product what is set for the perspective's account, its state or everybody, and has not ended at
        `since` (None: all).

        Of every tier and minimum quantity. Products without any are not in it.
        """
        ...

    async def by_ids(self, ids: Collection[UUID], *, within: Transaction | None = None) -> dict[UUID, Price]:
        """The prices with these ids; those that do not exist (any more) are left out."""
        ...


class PriceTable(Protocol):
    """The prices that were set, to change."""

    async def lock(self, transaction: Transaction, key: PriceKey) -> None:
        """Wait until nobody else changes this key, and keep others off it until the transaction ends."""
        ...

    async def lock_all(self, transaction: Transaction) -> None:
        """The same for every key at once; readers go on reading."""
        ...

    async def timelines(
        self, transaction: Transaction, keys: Collection[PriceKey]
    ) -> dict[PriceKey, Timeline]:
        """What is set for each of the keys; keys without any price are left out."""
        ...

    async def replace(
        self, transaction: Transaction, before: Sequence[Price], after: Sequence[Price]
    ) -> None:
        """Make the prices in the table, which are `before`, those of `after`.

        A price in both, by its id, may differ in `valid_to` only.
        """
        ...


class Products(Protocol):
    """The products that prices are set for."""

    async def ids(self, skus: Collection[str], *, within: Transaction | None = None) -> dict[str, UUID]:
        """The product ids by sku; unknown skus are left out."""
        ...


class Accounts(Protocol):
    """The buyer accounts that prices are negotiated with."""

    async def exist(self, account_id: UUID, *, within: Transaction | None = None) -> bool:
        """Whether there is such a buyer account."""
        ...
