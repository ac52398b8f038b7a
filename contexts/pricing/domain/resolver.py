"""The one rule by which a price is found, for catalog, cart, quote and order alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from contexts.pricing.domain.price import PriceSource
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


class Candidate(NamedTuple):
    """What of a price decides whether it wins: it is set for the perspective, at whatever tier and time.

    A tuple, because a page has dozens, and building them would take longer than choosing among them.
    """

    source: PriceSource
    tier: str | None
    min_quantity: Decimal
    amount: Decimal
    valid_from: datetime
    valid_to: datetime | None

    @property
    def rank(self) -> tuple[int, bool, Decimal]:
        """Of those that apply, the one of the highest rank wins."""
        return _PRECEDENCE[self.source], self.tier is not None, self.min_quantity

    def is_for(self, tier: str | None) -> bool:
        """Whether a buyer of this tier gets it."""
        return self.tier is None or self.tier == tier

    def is_valid(self, at: datetime) -> bool:
        """From its start until just before its end."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


@dataclass(frozen=True, slots=True)
class PriceBreak:
    """From this quantity on, a unit costs this much."""

    from_quantity: Decimal
    unit_price: Money


@dataclass(frozen=True, slots=True)
class ResolvedPrice:
    """The answer for one line, with all it was asked for and all it was chosen from.

    What few ask for is worked out when it is asked for.
    """

    product_id: UUID
    quantity: Decimal
    winner: Candidate
    candidates: Sequence[Candidate]
    perspective: Perspective
    at: datetime

    @property
    def unit_price(self) -> Money:
        """What one unit costs."""
        return Money(self.winner.amount)

    @property
    def source(self) -> PriceSource:
        """The level it comes from."""
        return self.winner.source

    @property
    def valid_until(self) -> datetime | None:
        """The earliest known instant at which the price may change: it ends, or a scheduled one takes over."""
        winner, tier = self.winner, self.perspective.tier
        changes = [
            each.valid_from
            for each in self.candidates
            if each.valid_from > self.at
            and each.is_for(tier)
            and each.min_quantity <= self.quantity
            and each.rank > winner.rank
        ]
        if winner.valid_to is not None:
            changes.append(winner.valid_to)
        return min(changes, default=None)

    def breaks(self, minimum: Decimal) -> tuple[PriceBreak, ...]:
        """The price by quantity. `minimum` is the smallest that can be bought: no break begins below it, and the
        first begins above it only where no price is for less."""
        tier = self.perspective.tier
        current = [each for each in self.candidates if each.is_for(tier) and each.is_valid(self.at)]
        breaks: list[PriceBreak] = []
        last: Candidate | None = None
        for quantity in sorted({max(each.min_quantity, minimum) for each in current}):
            best = max((each for each in current if each.min_quantity <= quantity), key=_rank)
            if last is None or best.amount != last.amount:
                breaks.append(PriceBreak(quantity, Money(best.amount)))
            last = best
        return tuple(breaks)


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

    def resolve(self, line: Line, candidates: Sequence[Candidate]) -> ResolvedPrice | None:
        """The price of the line among its product's candidates; None: price on request."""
        winner = self._winner(line.quantity, candidates)
        if winner is None:
            return None
        return ResolvedPrice(line.product_id, line.quantity, winner, candidates, self.perspective, self.at)

    def explain(self, line: Line, candidates: Sequence[Candidate]) -> tuple[PriceStep, ...]:
        """One step per candidate, level by level and the strongest first, whatever its period or tier."""
        winner = self._winner(line.quantity, candidates)
        steps: list[PriceStep] = []
        for source in PriceSource:
            level = [each for each in candidates if each.source is source]
            if not level:
                steps.append(PriceStep(source, NOT_APPLICABLE, None, self._why_empty(source)))
            level.sort(key=lambda each: (each.rank, each.valid_from), reverse=True)
            steps += [self._step(each, line.quantity, winner) for each in level]
        return tuple(steps)

    def _winner(self, quantity: Decimal, candidates: Sequence[Candidate]) -> Candidate | None:
        tier, at = self.perspective.tier, self.at
        applying = [
            each
            for each in candidates
            if each.min_quantity <= quantity and each.is_for(tier) and each.is_valid(at)
        ]
        return max(applying, key=_rank) if len(applying) > 1 else applying[0] if applying else None

    def _step(self, each: Candidate, quantity: Decimal, winner: Candidate | None) -> PriceStep:
        amount = Money(each.amount)
        if each is winner:
            return PriceStep(each.source, WON, amount, self._why_won(each))
        obstacle = self._obstacle(each, quantity)
        if obstacle is not None:
            return PriceStep(each.source, NOT_APPLICABLE, amount, obstacle)
        assert winner is not None
        return PriceStep(each.source, LOST, amount, _why_lost(each, winner))

    def _obstacle(self, each: Candidate, quantity: Decimal) -> str | None:
        if each.valid_from > self.at:
            return f"not valid before {each.valid_from.isoformat()}"
        if each.valid_to is not None and each.valid_to <= self.at:
            return f"ended at {each.valid_to.isoformat()}"
        if not each.is_for(self.perspective.tier):
            own = "no tier" if self.perspective.tier is None else f"tier {self.perspective.tier}"
            return f"for tier {each.tier}, the buyer has {own}"
        if each.min_quantity > quantity:
            return f"from quantity {_plain(each.min_quantity)} on, asked for {_plain(quantity)}"
        return None

    def _why_won(self, price: Candidate) -> str:
        tier = "every tier" if price.tier is None else f"the buyer's tier {price.tier}"
        return (
            f"the first level that applies is {price.source.value}; "
            f"its price for {tier} {_from(price.min_quantity)} comes first"
        )

    def _why_empty(self, source: PriceSource) -> str:
        if source is PriceSource.BUYER and self.perspective.account_id is None:
            return "no buyer account to look for"
        if source is PriceSource.STATE and self.perspective.state is None:
            return "no state to look for"
        return f"no {source.value} price was set for this product"


def _rank(candidate: Candidate) -> tuple[int, bool, Decimal]:
    return candidate.rank


def _why_lost(price: Candidate, winner: Candidate) -> str:
    if price.source is not winner.source:
        return f"a {winner.source.value} price applies, and it goes before {price.source.value}"
    if (price.tier is None) != (winner.tier is None):
        return f"a price for the buyer's tier {winner.tier} goes before prices for every tier"
    return f"another price is for a larger quantity reached, {_plain(winner.min_quantity)}"


def _from(min_quantity: Decimal) -> str:
    return f"from quantity {_plain(min_quantity)} on" if min_quantity else "and every quantity"


def _plain(quantity: Decimal) -> str:
    """Without trailing zeros and without an exponent: 100.000 is 100."""
    return f"{quantity.normalize():f}"
