"""What pricing needs from outside, in its own words."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from contexts.pricing.domain.price import Price, PriceKey
from contexts.pricing.domain.resolver import Candidate, Perspective
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

    async def of(
        self, transaction: Transaction, keys: Mapping[PriceKey, Decimal]
    ) -> dict[PriceKey, list[Price]]:
        """What is set for each of the keys; keys without any price are left out.

        Beside each key stands the smallest quantity of its product that can be bought. For a key of every quantity
        that is also what was set from a quantity up to this one on: by a release of before, or while the product had
        a smaller step.
        """
        ...

    async def replace(
        self, transaction: Transaction, before: Sequence[Price], after: Sequence[Price]
    ) -> None:
        """Make the prices in the table, which are `before`, those of `after`.

        A price in both, by its id, may differ in `valid_to` and `min_quantity` only.
        """
        ...


@dataclass(frozen=True, slots=True)
class PriceableProduct:
    """A product as far as pricing it goes: a price is for one `unit`, and nobody buys less than `minimum`."""

    product_id: UUID
    unit: str
    minimum: Decimal


class Products(Protocol):
    """The products that prices are set for. Their units and minima stay as they are until the transaction ends.

    So this is asked before prices are locked: somebody who changes a unit has locked units, and asks for prices.
    """

    async def by_skus(self, transaction: Transaction, skus: Collection[str]) -> dict[str, PriceableProduct]:
        """The products by sku; unknown skus are left out."""
        ...

    async def by_ids(self, transaction: Transaction, ids: Collection[UUID]) -> dict[UUID, PriceableProduct]:
        """The products by id; unknown ones are left out."""
        ...


class Accounts(Protocol):
    """The buyer accounts that prices are negotiated with."""

    async def exist(self, account_id: UUID, *, within: Transaction | None = None) -> bool:
        """Whether there is such a buyer account."""
        ...
