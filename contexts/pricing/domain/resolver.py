"""The one rule by which a price is found, for catalog, cart, quote and order alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from contexts.pricing.domain.price import Price, PriceSource
from contexts.shared.money import Money

_PRECEDENCE = {PriceSource.BUYER: 2, PriceSource.STATE: 1, PriceSource.NATIONAL: 0}

WON = "WON"
LOST = "LOST"
NOT_APPLICABLE = "NOT_APPLICABLE"


@dataclass(frozen=True, slots=True)
class Perspective:
    """Through whose eyes prices are seen. Without an account or a state that level has no candidates."""

    account_id: UUID | None
    state: str | None
    tier: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """So much of a product, in the product's own unit."""

    product_id: UUID
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class PriceBreak:
    """From this quantity on, a unit costs this much."""

    from_quantity: Decimal
    unit_price: Money


@dataclass(frozen=True, slots=True)
class ResolvedPrice:
    """The answer for one line, with all it was asked for.

    `valid_until` is the earliest known instant at which `unit_price` or `source` may change: the winner ends
    or a scheduled price takes over. `breaks` start where the first price starts, which may be above 1.
    """

    product_id: UUID
    quantity: Decimal
    unit_price: Money
    source: PriceSource
    valid_until: datetime | None
    breaks: tuple[PriceBreak, ...]
    perspective: Perspective
    at: datetime


@dataclass(frozen=True, slots=True)
class PriceStep:
    """Why one candidate won or lost; a level without any candidate is one step without an amount.

    `outcome` is WON, LOST (it applies, another one goes first) or NOT_APPLICABLE.
    """

    source: PriceSource
    outcome: str
    amount: Money | None
    reason: str


@dataclass(frozen=True, slots=True)
class PriceResolver:
    """Finds and explains prices for one perspective at one instant.

    The first of BUYER, STATE, NATIONAL that applies wins, even when a later level is cheaper. Inside the
    level a price for the buyer's tier goes before prices for every tier, then the largest minimum quantity
    reached. A level applies when one of its prices is valid, fits the tier and has its minimum reached.
    """

    perspective: Perspective
    at: datetime

    def resolve(self, line: Line, prices: Iterable[Price]) -> ResolvedPrice | None:
        """The price of the line among its product's prices; None: price on request.

        Prices of other accounts, states and tiers may be among them and are ignored.
        """
        fitting = [price for price in prices if self._concerns(price) and self._fits_tier(price)]
        current = [price for price in fitting if self._is_valid(price)]
        winner = _winner(current, line.quantity)
        if winner is None:
            return None
        return ResolvedPrice(
            product_id=line.product_id,
            quantity=line.quantity,
            unit_price=winner.amount,
            source=winner.source,
            valid_until=self._valid_until(winner, line.quantity, fitting),
            breaks=_breaks(current),
            perspective=self.perspective,
            at=self.at,
        )

    def explain(self, line: Line, prices: Iterable[Price]) -> tuple[PriceStep, ...]:
        """One step per candidate, level by level and the strongest first, whatever its period or tier."""
        candidates = [price for price in prices if self._concerns(price)]
        current = [price for price in candidates if self._fits_tier(price) and self._is_valid(price)]
        winner = _winner(current, line.quantity)
        steps: list[PriceStep] = []
        for source in PriceSource:
            level = [price for price in candidates if price.source is source]
            if not level:
                steps.append(PriceStep(source, NOT_APPLICABLE, None, self._why_empty(source)))
            level.sort(key=lambda price: (_rank(price), price.valid_from), reverse=True)
            steps += [self._step(price, line.quantity, winner) for price in level]
        return tuple(steps)

    def _concerns(self, price: Price) -> bool:
        return price.account_id in (None, self.perspective.account_id) and price.state in (
            None,
            self.perspective.state,
        )

    def _fits_tier(self, price: Price) -> bool:
        return price.tier is None or price.tier == self.perspective.tier

    def _is_valid(self, price: Price) -> bool:
        return price.valid_from <= self.at and (price.valid_to is None or self.at < price.valid_to)

    def _valid_until(self, winner: Price, quantity: Decimal, fitting: Sequence[Price]) -> datetime | None:
        changes = [
            price.valid_from
            for price in fitting
            if price.valid_from > self.at and price.min_quantity <= quantity and _rank(price) > _rank(winner)
        ]
        if winner.valid_to is not None:
            changes.append(winner.valid_to)
        return min(changes, default=None)

    def _step(self, price: Price, quantity: Decimal, winner: Price | None) -> PriceStep:
        if price is winner:
            return PriceStep(price.source, WON, price.amount, self._why_won(price))
        obstacle = self._obstacle(price, quantity)
        if obstacle is not None:
            return PriceStep(price.source, NOT_APPLICABLE, price.amount, obstacle)
        assert winner is not None
        return PriceStep(price.source, LOST, price.amount, _why_lost(price, winner))

    def _obstacle(self, price: Price, quantity: Decimal) -> str | None:
        if price.valid_from > self.at:
            return f"not valid before {price.valid_from.isoformat()}"
        if price.valid_to is not None and price.valid_to <= self.at:
            return f"ended at {price.valid_to.isoformat()}"
        if not self._fits_tier(price):
            own = "no tier" if self.perspective.tier is None else f"tier {self.perspective.tier}"
            return f"for tier {price.tier}, the buyer has {own}"
        if price.min_quantity > quantity:
            return f"from quantity {_plain(price.min_quantity)} on, asked for {_plain(quantity)}"
        return None

    def _why_won(self, price: Price) -> str:
        tier = "every tier" if price.tier is None else f"the buyer's tier {price.tier}"
        return (
            f"the first level that applies is {price.source.value}; "
            f"its price for {tier} from quantity {_plain(price.min_quantity)} on comes first"
        )

    def _why_empty(self, source: PriceSource) -> str:
        if source is PriceSource.BUYER and self.perspective.account_id is None:
            return "no buyer account to look for"
        if source is PriceSource.STATE and self.perspective.state is None:
            return "no state to look for"
        return f"no {source.value} price was set for this product"


def _rank(price: Price) -> tuple[int, bool, Decimal]:
    return _PRECEDENCE[price.source], price.tier is not None, price.min_quantity


def _winner(current: Iterable[Price], quantity: Decimal) -> Price | None:
    return max((price for price in current if price.min_quantity <= quantity), key=_rank, default=None)


def _breaks(current: Sequence[Price]) -> tuple[PriceBreak, ...]:
    breaks: list[PriceBreak] = []
    for quantity in sorted({price.min_quantity for price in current}):
        winner = _winner(current, quantity)
        if winner is not None and (not breaks or breaks[-1].unit_price != winner.amount):
            breaks.append(PriceBreak(quantity, winner.amount))
    return tuple(breaks)


def _why_lost(price: Price, winner: Price) -> str:
    if price.source is not winner.source:
        return f"a {winner.source.value} price applies, and it goes before {price.source.value}"
    if (price.tier is None) != (winner.tier is None):
        return f"a price for the buyer's tier {winner.tier} goes before prices for every tier"
    return f"another price is for a larger quantity reached, {_plain(winner.min_quantity)}"


def _plain(quantity: Decimal) -> str:
    """Without trailing zeros and without an exponent: 100.000 is 100."""
    return f"{quantity.normalize():f}"
