"""What a price is: an amount for one key during one period."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

from contexts.shared.money import Money

EVERY_QUANTITY = Decimal(0)
"""The minimum quantity of a price that holds for every quantity, whatever the product's step is, now or later."""


class PriceSource(Enum):
    """The levels at which a price is set, in the order in which they are asked."""

    BUYER = "BUYER"
    STATE = "STATE"
    NATIONAL = "NATIONAL"


@dataclass(frozen=True, slots=True)
class PriceKey:
    """What a price is for. Prices of one key never overlap in time.

    `account_id` is there for BUYER only, `state` for STATE only; `tier` None is for every tier. A `min_quantity` that
    everybody reaches who buys at all is EVERY_QUANTITY: see `least`.
    """

    product_id: UUID
    source: PriceSource
    account_id: UUID | None
    state: str | None
    tier: str | None
    min_quantity: Decimal


def least(min_quantity: Decimal | None, minimum: Decimal) -> Decimal:
    """The minimum quantity that a key has, when this one is asked for and so little of the product can be bought.

    None, and all that nobody can stay below, is one key: else a price for every quantity and one from the smallest
    quantity on would stand side by side, and the later of the two would not replace the earlier.
    """
    return EVERY_QUANTITY if min_quantity is None or min_quantity <= minimum else min_quantity


@dataclass(frozen=True, slots=True)
class Price:
    """A unit price from `valid_from` until just before `valid_to` (None: open), from `min_quantity` on."""

    id: UUID
    product_id: UUID
    source: PriceSource
    account_id: UUID | None
    state: str | None
    tier: str | None
    min_quantity: Decimal
    amount: Money
    valid_from: datetime
    valid_to: datetime | None
    set_by: UUID | None = None
    """The user who set the amount; None: a bulk load."""

    @property
    def key(self) -> PriceKey:
        """What this price is for."""
        return PriceKey(
            self.product_id, self.source, self.account_id, self.state, self.tier, self.min_quantity
        )
