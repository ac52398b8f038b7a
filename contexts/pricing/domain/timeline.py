"""How setting a price changes what was set before."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from contexts.pricing.domain.price import Price
from contexts.shared.ids import new_id
from contexts.shared.money import Money


@dataclass(frozen=True, slots=True)
class Timeline:
    """The prices of one key in the order of time. They may leave gaps and never overlap."""

    prices: tuple[Price, ...] = ()

    @classmethod
    def of(cls, min_quantity: Decimal, prices: Iterable[Price]) -> "Timeline":
        """The timeline of the key with this minimum quantity, from prices that are of this key now.

        Those that were set for another minimum quantity, which by now means the same, may overlap in time with the
        others. Then it is as if all had been set for this key, in the order of their ids, which is that of time: a
        later one takes its period, and an open one lasts until the next that begins after it.
        """
        found = tuple(prices)
        if all(price.min_quantity == min_quantity for price in found):
            return cls(tuple(sorted(found, key=lambda price: price.valid_from)))
        timeline = cls()
        for price in sorted(found, key=lambda price: price.id):
            end = price.valid_to or timeline.next_start(price.valid_from)
            timeline = timeline.with_price(replace(price, min_quantity=min_quantity, valid_to=end))
        return timeline

    def next_start(self, instant: datetime) -> datetime | None:
        """When the first price that begins after the instant begins."""
        return next((price.valid_from for price in self.prices if price.valid_from > instant), None)

    def at(self, instant: datetime) -> Price | None:
        """The price that holds at the instant."""
        return next(
            (
                price
                for price in self.prices
                if price.valid_from <= instant and (price.valid_to is None or instant < price.valid_to)
            ),
            None,
        )

    def covering(self, amount: Money, start: datetime, end: datetime | None) -> Price | None:
        """The price valid at `start`, if from there to `end` every price is this amount, without a gap."""
        first: Price | None = None
        covered_to = start
        for price in self.prices:
            if price.valid_to is not None and price.valid_to <= start:
                continue
            if price.valid_from > covered_to or price.amount != amount:
                return None
            first = first or price
            if price.valid_to is None or (end is not None and price.valid_to >= end):
                return first
            covered_to = price.valid_to
        return None

    def with_price(self, price: Price) -> "Timeline":
        """The timeline where `price` holds its whole period.

        A price running into the period is cut there and keeps its id; what it covered beyond the period
        resumes afterwards under a new id. Prices wholly inside the period are gone.
        """
        prices = [price]
        for earlier in self.prices:
            if earlier.valid_from < price.valid_from:
                cut = earlier.valid_to is None or earlier.valid_to > price.valid_from
                prices.append(replace(earlier, valid_to=price.valid_from) if cut else earlier)
            if price.valid_to is not None and (earlier.valid_to is None or earlier.valid_to > price.valid_to):
                resumes = earlier.valid_from < price.valid_to
                prices.append(
                    replace(earlier, id=new_id(), valid_from=price.valid_to) if resumes else earlier
                )
        return Timeline(tuple(sorted(prices, key=lambda each: each.valid_from)))
