"""Setting many prices at once: demo data, an imported price table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from contexts.pricing.domain.price import Price, PriceKey, PriceSource
from contexts.pricing.domain.timeline import Timeline
from contexts.pricing.ports import PriceTable
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.ids import new_id
from contexts.shared.money import UNIT_PRICE_DECIMALS, Money
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class PriceDraft:
    """A price to load, checked by who made it: what does not fit is an exception, here or from the table.

    It holds from `valid_from` until the key's next price, or open.
    """

    product_id: UUID
    source: PriceSource
    account_id: UUID | None
    state: str | None
    tier: str | None
    min_quantity: Decimal
    amount: Decimal
    valid_from: datetime

    def __post_init__(self) -> None:
        """More decimals than a unit price has would be rounded by the table without a word."""
        exponent = self.amount.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -UNIT_PRICE_DECIMALS:
            raise ValueError(f"a unit price has up to {UNIT_PRICE_DECIMALS} decimals, not {self.amount}")

    @property
    def key(self) -> PriceKey:
        """What the price is for."""
        return PriceKey(
            self.product_id, self.source, self.account_id, self.state, self.tier, self.min_quantity
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many prices were written, and how many drafts said what was so already."""

    written: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class LoadPrices:
    """Loads thousands of prices in four statements, each as `SetPrice` would; again: changes nothing."""

    table: PriceTable
    transactions: Transactions
    clock: Clock

    async def __call__(self, drafts: Sequence[PriceDraft], by: Actor) -> Loaded:
        """Several drafts of one key are taken in the order given. A load is one act in the audit trail."""
        async with self.transactions.begin() as transaction:
            await self.table.lock_all(transaction)
            before = await self.table.timelines(transaction, {draft.key for draft in drafts})
            after = dict(before)
            written = 0
            for draft in drafts:
                key = draft.key
                timeline = after.get(key, Timeline())
                end = timeline.next_start(draft.valid_from)
                if timeline.covering(Money(draft.amount), draft.valid_from, end) is None:
                    after[key] = timeline.with_price(_price(draft, end))
                    written += 1
            await self.table.replace(
                transaction,
                [price for timeline in before.values() for price in timeline.prices],
                [price for timeline in after.values() for price in timeline.prices],
            )
            if written:
                facts = {"written": written, "unchanged": len(drafts) - written}
                await transaction.record(
                    Act(by, "pricing.prices_loaded", Subject("Price"), self.clock.now(), after=facts)
                )
            await transaction.commit()
        return Loaded(written, len(drafts) - written)


def _price(draft: PriceDraft, end: datetime | None) -> Price:
    return Price(
        id=new_id(),
        product_id=draft.product_id,
        source=draft.source,
        account_id=draft.account_id,
        state=draft.state,
        tier=draft.tier,
        min_quantity=draft.min_quantity,
        amount=Money(draft.amount),
        valid_from=draft.valid_from,
        valid_to=end,
    )
