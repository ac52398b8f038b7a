"""Setting the price of one key for a period."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from contexts.pricing.domain.price import Price, PriceKey, PriceSource, least
from contexts.pricing.domain.timeline import Timeline
from contexts.pricing.ports import Accounts, PriceTable, Products
from contexts.shared.audit import Act, Actor, Json, Subject
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.ids import new_id
from contexts.shared.money import UNIT_PRICE_DECIMALS, Money
from contexts.shared.number import number_problem
from contexts.shared.quantity import MAX_QUANTITY, QUANTITY_DECIMALS
from contexts.shared.rejections import Detail, InvalidInput, NotFound, Wrong
from contexts.shared.states import STATES, UNKNOWN_STATE
from contexts.shared.text import one_line, unless_blank
from contexts.shared.tier import MAX_TIER
from contexts.shared.transaction import Transactions

MAX_AMOUNT = Decimal("9999999999.9999")
YEARS = range(1900, 9999)


@dataclass(frozen=True, slots=True)
class SetPriceCommand:
    """What to set. `min_quantity` None: for every quantity. `valid_from` None: now. `valid_to` None: until the key's
    next price, or open."""

    sku: str
    source: PriceSource
    account_id: UUID | None
    state: str | None
    tier: str | None
    min_quantity: Decimal | None
    amount: Decimal
    valid_from: datetime | None
    valid_to: datetime | None
    by: Actor


@dataclass(frozen=True, slots=True)
class PriceSet:
    """The price that holds at the start of the period now: a new one, or the one that did already."""

    price: Price


@dataclass(frozen=True, slots=True)
class SetPrice:
    """Sets a price; calls for one key wait for each other."""

    table: PriceTable
    products: Products
    accounts: Accounts
    transactions: Transactions
    clock: Clock

    async def __call__(self, command: SetPriceCommand) -> PriceSet | InvalidInput | NotFound:
        """Prices set before for the same key give way during the period, and resume after it."""
        if details := _problems(command, self.clock.now()):
            return InvalidInput(tuple(details))
        async with self.transactions.begin() as transaction:
            good = (await self.products.by_skus(transaction, [command.sku])).get(command.sku)
            if good is None:
                return NotFound("product", ("input", "sku"))
            if command.account_id is not None and not await self.accounts.exist(
                command.account_id, within=transaction
            ):
                return NotFound("buyer account", ("input", "accountId"))
            key = PriceKey(
                product_id=good.product_id,
                source=command.source,
                account_id=command.account_id,
                state=command.state,
                tier=None if command.tier is None else command.tier.strip(),
                min_quantity=least(command.min_quantity, good.minimum),
            )
            await self.table.lock(transaction, key)
            # "Now" is told after the wait: else a call that waited would begin before the one it waited for
            # and hold only until that one's start.
            start = command.valid_from or self.clock.now()
            if details := _period_problems(start, command.valid_to):
                return InvalidInput(tuple(details))
            before = (await self.table.of(transaction, {key: good.minimum})).get(key, [])
            timeline = Timeline.of(key.min_quantity, before)
            end = command.valid_to or timeline.next_start(start)
            amount = Money(command.amount)
            existing = timeline.covering(amount, start, end)
            if existing is not None and set(timeline.prices) == set(before):
                return PriceSet(existing)
            price = Price(
                id=new_id(),
                product_id=key.product_id,
                source=key.source,
                account_id=key.account_id,
                state=key.state,
                tier=key.tier,
                min_quantity=key.min_quantity,
                amount=amount,
                valid_from=start,
                valid_to=end,
                set_by=command.by.user_id,
            )
            await self.table.replace(transaction, before, timeline.with_price(price).prices)
            await transaction.record(
                Act(
                    command.by,
                    "pricing.price_set",
                    Subject("Price", price.id),
                    self.clock.now(),
                    account_id=price.account_id,
                    before=_facts(timeline.at(start), command.sku),
                    after=_facts(price, command.sku),
                )
            )
            await transaction.commit()
            return PriceSet(price)


def _facts(price: Price | None, sku: str) -> dict[str, Json] | None:
    """What the audit trail keeps of the price that held when the new one begins, and of the new one."""
    if price is None:
        return None
    return {
        "sku": sku,
        "source": price.source.value,
        "state": price.state,
        "tier": price.tier,
        "minQuantity": str(price.min_quantity),
        "amount": str(price.amount.amount),
        "validFrom": price.valid_from.isoformat(),
        "validTo": None if price.valid_to is None else price.valid_to.isoformat(),
    }


def _problems(command: SetPriceCommand, now: datetime) -> list[Detail]:
    return [
        *_owner_problems(command),
        *_tier_problems(command.tier),
        *_number_problems("minQuantity", command.min_quantity or Decimal(0), MAX_QUANTITY, QUANTITY_DECIMALS),
        *_number_problems("amount", command.amount, MAX_AMOUNT, UNIT_PRICE_DECIMALS),
        *_period_problems(command.valid_from or now, command.valid_to),
    ]


def _owner_problems(command: SetPriceCommand) -> list[Detail]:
    details: list[Detail] = []
    source = command.source
    if source is PriceSource.BUYER and command.account_id is None:
        details.append(_detail("accountId", DetailCode.REQUIRED, "a BUYER price is for a buyer account"))
    if source is not PriceSource.BUYER and command.account_id is not None:
        details.append(
            _detail("accountId", DetailCode.NOT_APPLICABLE, f"a {source.value} price has no account")
        )
    if source is PriceSource.STATE and command.state is None:
        details.append(_detail("state", DetailCode.REQUIRED, "a STATE price is for a state"))
    if source is not PriceSource.STATE and command.state is not None:
        details.append(_detail("state", DetailCode.NOT_APPLICABLE, f"a {source.value} price has no state"))
    elif command.state is not None and command.state not in STATES:
        details.append(unless_blank(command.state, UNKNOWN_STATE).at("input", "state"))
    return details


def _tier_problems(tier: str | None) -> list[Detail]:
    if tier is None:
        return []
    line = one_line(tier, MAX_TIER)
    return [line.at("input", "tier")] if isinstance(line, Wrong) else []


def _number_problems(field: str, value: Decimal, largest: Decimal, decimals: int) -> list[Detail]:
    wrong = number_problem(value, largest, decimals)
    return [] if wrong is None else [wrong.at("input", field)]


def _period_problems(start: datetime, end: datetime | None) -> list[Detail]:
    details = [
        _detail(field, DetailCode.OUT_OF_RANGE, f"must be in the years {YEARS.start} to {YEARS.stop - 1}")
        for field, instant in (("validFrom", start), ("validTo", end))
        if instant is not None and not _is_in_range(instant)
    ]
    if not details and end is not None and end <= start:
        details.append(
            _detail("validTo", DetailCode.MUST_BE_AFTER, "must be after validFrom (if absent: now)")
        )
    return details


def _is_in_range(instant: datetime) -> bool:
    try:
        return instant.astimezone(UTC).year in YEARS
    except OverflowError:
        return False


def _detail(field: str, code: DetailCode, message: str) -> Detail:
    return Detail(("input", field), code, message)
