"""What does this cost, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contexts.pricing.domain.resolver import Line, Perspective, PriceResolver, PriceStep, ResolvedPrice
from contexts.pricing.ports import Prices
from contexts.shared.clock import Clock
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ResolvePrices:
    """Resolves the prices of any number of lines in one statement."""

    prices: Prices
    clock: Clock

    async def __call__(
        self,
        perspective: Perspective,
        lines: Sequence[Line],
        at: datetime | None = None,
        *,
        within: Transaction | None = None,
    ) -> list[ResolvedPrice | None]:
        """The price of each line, in their order, at an instant (None: now). A price None is on request."""
        if not lines:
            return []
        resolver = PriceResolver(perspective, at or self.clock.now())
        product_ids = {line.product_id for line in lines}
        candidates = await self.prices.candidates(perspective, product_ids, resolver.at, within=within)
        return [resolver.resolve(line, candidates.get(line.product_id, ())) for line in lines]


@dataclass(frozen=True, slots=True)
class ExplainPrices:
    """Tells why resolved prices are what they are."""

    prices: Prices

    async def __call__(self, prices: Sequence[ResolvedPrice]) -> list[tuple[PriceStep, ...]]:
        """The steps of each price, in the order given; one statement per distinct perspective.

        Candidates are read again, ended ones included: a table changed since shows as it is now.
        """
        groups: dict[Perspective, set[UUID]] = {}
        for price in prices:
            groups.setdefault(price.perspective, set()).add(price.product_id)
        candidates = {
            perspective: await self.prices.candidates(perspective, product_ids, None)
            for perspective, product_ids in groups.items()
        }
        return [
            PriceResolver(price.perspective, price.at).explain(
                Line(price.product_id, price.quantity),
                candidates[price.perspective].get(price.product_id, ()),
            )
            for price in prices
        ]
