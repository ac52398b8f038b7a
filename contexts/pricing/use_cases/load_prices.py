"""Setting many prices at once: demo data, an imported price table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from contexts.pricing.domain.price import Price, PriceKey, PriceSource, least
from contexts.pricing.domain.timeline import Timeline
from contexts.pricing.ports import PriceableProduct, PriceTable, Products
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.ids import new_id
from contexts.shared.money import UNIT_PRICE_DECIMALS, Money
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class PriceDraft:
    """A price to load, checked by who made it: what does not fit is an exception, here or from the table.

    It holds from `valid_from` until the key's next price, or open. `unit` is what the amount is for one of; None:
    the product's, whatever it is.
    """

    product_id: UUID
    source: PriceSource
    account_id: UUID | None
    state: str | None
    tier: str | None
    min_quantity: Decimal
    amount: Decimal
    valid_from: datetime
    unit: str | None = None

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
    """How many prices were written, and how many drafts said what was so already.

    `misfits` were not loaded: their products have gone, or are sold in another unit than the amount is for.
    """

    written: int
    unchanged: int
    misfits: tuple[PriceDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class LoadPrices:
    """Loads thousands of prices in a few statements, each as `SetPrice` would; again: changes nothing."""

    table: PriceTable
    products: Products
    transactions: Transactions
    clock: Clock

    async def __call__(self, drafts: Sequence[PriceDraft], by: Actor) -> Loaded:
        """Several drafts of one key are taken in the order given. A load is one act in the audit trail."""
        async with self.transactions.begin() as transaction:
            goods = await self.products.by_ids(transaction, {draft.product_id for draft in drafts})
            fitting = [draft for draft in drafts if _fits(draft, goods.get(draft.product_id))]
            keys = {_key(draft, goods): goods[draft.product_id].minimum for draft in fitting}
            await self.table.lock_all(transaction)
            before = await self.table.of(transaction, keys)
            after = {key: Timeline.of(key.min_quantity, prices) for key, prices in before.items()}
            # Where prices of another minimum quantity are taken into a key, its price is written anew.
            mended = {key for key, prices in before.items() if set(after[key].prices) != set(prices)}
            written = 0
            for draft in fitting:
                key = _key(draft, goods)
                timeline = after.get(key, Timeline())
                end = timeline.next_start(draft.valid_from)
                if key in mended or timeline.covering(Money(draft.amount), draft.valid_from, end) is None:
                    after[key] = timeline.with_price(_price(draft, key, end))
                    written += 1
            await self.table.replace(
                transaction,
                [price for prices in before.values() for price in prices],
                [price for timeline in after.values() for price in timeline.prices],
            )
            if written:
                facts = {"written": written, "unchanged": len(fitting) - written}
                await transaction.record(
                    Act(by, "pricing.prices_loaded", Subject("Price"), self.clock.now(), after=facts)
                )
            await transaction.commit()
        misfits = tuple(draft for draft in drafts if not _fits(draft, goods.get(draft.product_id)))
        return Loaded(written, len(fitting) - written, misfits)


def _fits(draft: PriceDraft, good: PriceableProduct | None) -> bool:
    return good is not None and draft.unit in (None, good.unit)


def _key(draft: PriceDraft, goods: Mapping[UUID, PriceableProduct]) -> PriceKey:
    return replace(draft.key, min_quantity=least(draft.min_quantity, goods[draft.product_id].minimum))


def _price(draft: PriceDraft, key: PriceKey, end: datetime | None) -> Price:
    return Price(
        id=new_id(),
        product_id=draft.product_id,
        source=draft.source,
        account_id=draft.account_id,
        state=draft.state,
        tier=draft.tier,
        min_quantity=key.min_quantity,
        amount=Money(draft.amount),
        valid_from=draft.valid_from,
        valid_to=end,
    )
