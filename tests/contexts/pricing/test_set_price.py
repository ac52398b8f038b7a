"""Setting prices, on a real PostgreSQL."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings

from contexts.pricing.adapters.prices import SqlPrices
from contexts.pricing.api import EVERY_QUANTITY, Price, PriceSet, PriceSource, SetPrice, SetPriceCommand
from contexts.pricing.domain.price import PriceKey
from contexts.pricing.domain.timeline import Timeline
from contexts.pricing.ports import PriceableProduct
from contexts.shared.adapters.database import Database
from contexts.shared.clock import Clock, SystemClock
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.rejections import InvalidInput, NotFound
from contexts.shared.transaction import Transaction
from tests.actor import by
from tests.contexts.pricing.days import CALLS, Calendar, Call, as_days
from tests.contexts.pricing.fakes import Customers, HandClock, Shop
from tests.contexts.pricing.tables import day

SKU = "CIM-001"
ACCOUNT = UUID(int=1)
PRICER = UUID(int=9)
COMMAND = SetPriceCommand(
    sku=SKU,
    source=PriceSource.NATIONAL,
    account_id=None,
    state=None,
    tier=None,
    min_quantity=None,
    amount=Decimal("10.50"),
    valid_from=None,
    valid_to=None,
    by=by(PRICER),
)


def _set_price(database: Database, product_id: UUID, clock: Clock | None = None) -> SetPrice:
    return SetPrice(
        table=SqlPrices(database),
        products=Shop.of(SKU, product_id),
        accounts=Customers([ACCOUNT]),
        transactions=database,
        clock=clock or HandClock(),
    )


async def _prices(database: Database, product_id: UUID) -> tuple[Price, ...]:
    """The prices of the command's key."""
    key = PriceKey(product_id, PriceSource.NATIONAL, None, None, None, EVERY_QUANTITY)
    async with database.begin() as transaction:
        found = await SqlPrices(database).of(transaction, {key: Decimal("1.000")})
    return Timeline.of(EVERY_QUANTITY, found.get(key, [])).prices


@given(CALLS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_agrees_with_the_calendar(database: Database, calls: list[Call]) -> None:
    product_id = new_id()
    set_price = _set_price(database, product_id)
    calendar = Calendar()
    for call in calls:
        before = await _prices(database, product_id)

        outcome = await set_price(
            replace(
                COMMAND,
                amount=Decimal(call.amount),
                valid_from=day(call.start),
                valid_to=None if call.end is None else day(call.end),
            )
        )

        expected = calendar.set(call)
        after = await _prices(database, product_id)
        assert isinstance(outcome, PriceSet)
        assert as_days(after) == calendar.periods()
        assert (outcome.price.valid_from, outcome.price.valid_to) == expected.period
        assert outcome.price in after
        assert (outcome.price in before) == expected.existed
        assert (after == before) == expected.existed


async def test_starts_now_and_stays_open(database: Database) -> None:
    product_id = new_id()
    clock = HandClock(day(5))

    outcome = await _set_price(database, product_id, clock)(COMMAND)

    assert isinstance(outcome, PriceSet)
    assert await _prices(database, product_id) == (outcome.price,)
    assert (outcome.price.valid_from, outcome.price.valid_to) == (day(5), None)
    assert outcome.price.set_by == PRICER
    clock.instant = day(6)
    again = await _set_price(database, product_id, clock)(replace(COMMAND, by=by()))
    assert again == outcome


async def test_one_key_does_not_touch_another(database: Database) -> None:
    product_id = new_id()
    set_price = _set_price(database, product_id)
    buyer = replace(COMMAND, source=PriceSource.BUYER, account_id=ACCOUNT)
    commands = [
        COMMAND,
        replace(COMMAND, tier="OURO"),
        replace(COMMAND, tier="ouro"),
        replace(COMMAND, min_quantity=Decimal("1.001")),
        replace(COMMAND, source=PriceSource.STATE, state="SP"),
        replace(COMMAND, source=PriceSource.STATE, state="PA"),
        buyer,
        replace(buyer, tier="OURO"),
    ]

    outcomes = [await set_price(command) for command in commands]

    ids = {outcome.price.id for outcome in outcomes if isinstance(outcome, PriceSet)}
    assert len(ids) == len(commands)
    # The same keys written otherwise.
    same = [replace(COMMAND, tier=" OURO "), replace(COMMAND, min_quantity=Decimal("1.0"))]
    assert [await set_price(command) for command in same] == [outcomes[1], outcomes[0]]


@pytest.mark.parametrize(
    ("differs", "field", "code"),
    [
        ({"amount": Decimal("1.00001")}, "amount", "TOO_MANY_DECIMALS"),
        ({"amount": Decimal("1." + "0" * 40 + "1")}, "amount", "TOO_MANY_DECIMALS"),
        ({"amount": Decimal("-0.01")}, "amount", "NEGATIVE"),
        ({"amount": Decimal("-1E+400")}, "amount", "NEGATIVE"),
        ({"amount": Decimal("9999999999.99991")}, "amount", "TOO_LARGE"),
        ({"amount": Decimal("1E+999999")}, "amount", "TOO_LARGE"),
        ({"amount": Decimal("NaN")}, "amount", "NOT_A_NUMBER"),
        ({"amount": Decimal("sNaN")}, "amount", "NOT_A_NUMBER"),
        ({"amount": Decimal("Infinity")}, "amount", "NOT_A_NUMBER"),
        ({"min_quantity": Decimal(-1)}, "minQuantity", "NEGATIVE"),
        ({"min_quantity": Decimal("0.0001")}, "minQuantity", "TOO_MANY_DECIMALS"),
        ({"min_quantity": Decimal("1000000.001")}, "minQuantity", "TOO_LARGE"),
        ({"source": PriceSource.STATE}, "state", "REQUIRED"),
        ({"source": PriceSource.STATE, "state": "XX"}, "state", "UNKNOWN_STATE"),
        ({"source": PriceSource.STATE, "state": "sp"}, "state", "UNKNOWN_STATE"),
        ({"state": "SP"}, "state", "NOT_APPLICABLE"),
        ({"source": PriceSource.BUYER}, "accountId", "REQUIRED"),
        ({"account_id": ACCOUNT}, "accountId", "NOT_APPLICABLE"),
        ({"tier": "  "}, "tier", "REQUIRED"),
        ({"tier": "x" * 41}, "tier", "TOO_LONG"),
        ({"tier": "OU\x00RO"}, "tier", "INVALID_CHARACTER"),
        ({"valid_from": day(2), "valid_to": day(2)}, "validTo", "MUST_BE_AFTER"),
        ({"valid_to": day(-1)}, "validTo", "MUST_BE_AFTER"),
        (
            {"valid_from": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))},
            "validFrom",
            "OUT_OF_RANGE",
        ),
        ({"valid_to": datetime.max.replace(tzinfo=UTC)}, "validTo", "OUT_OF_RANGE"),
    ],
)
async def test_says_what_is_wrong(
    database: Database, differs: dict[str, object], field: str, code: str
) -> None:
    product_id = new_id()

    outcome = await _set_price(database, product_id)(replace(COMMAND, **differs))  # type: ignore[arg-type] # its fields

    assert isinstance(outcome, InvalidInput)
    assert [(detail.path, detail.code) for detail in outcome.details] == [(("input", field), code)]
    assert await _prices(database, product_id) == ()


async def test_says_everything_that_is_wrong_at_once(database: Database) -> None:
    outcome = await _set_price(database, new_id())(
        replace(
            COMMAND,
            source=PriceSource.STATE,
            account_id=ACCOUNT,
            amount=Decimal(-1),
            min_quantity=Decimal(-1),
        )
    )

    assert isinstance(outcome, InvalidInput)
    assert [detail.path[1] for detail in outcome.details] == ["accountId", "state", "minQuantity", "amount"]


@pytest.mark.parametrize("amount", ["0", "-0", "9999999999.9999", "10.5000000"])
async def test_takes_any_amount_that_a_unit_price_may_have(database: Database, amount: str) -> None:
    product_id = new_id()

    outcome = await _set_price(database, product_id)(replace(COMMAND, amount=Decimal(amount)))

    assert isinstance(outcome, PriceSet)
    assert await _prices(database, product_id) == (outcome.price,)


async def test_unknown_products_and_accounts_are_not_found(database: Database) -> None:
    set_price = _set_price(database, new_id())

    assert await set_price(replace(COMMAND, sku="X")) == NotFound("product", ("input", "sku"))
    assert await set_price(replace(COMMAND, source=PriceSource.BUYER, account_id=new_id())) == NotFound(
        "buyer account", ("input", "accountId")
    )


async def test_twenty_at_once_on_one_key_leave_one_consistent_timeline(database: Database) -> None:
    product_id = new_id()
    set_price = _set_price(database, product_id, SystemClock())

    outcomes = await asyncio.gather(
        *(set_price(replace(COMMAND, amount=Decimal(number))) for number in range(20))
    )

    assert all(isinstance(outcome, PriceSet) for outcome in outcomes)
    prices = await _prices(database, product_id)
    ends = [price.valid_to for price in prices]
    assert ends == [*(price.valid_from for price in prices[1:]), None]
    by_amount = {outcome.price.amount: outcome.price for outcome in outcomes if isinstance(outcome, PriceSet)}
    assert all(by_amount[price.amount].id == price.id for price in prices)
    # Ids are made while the key is locked: in time the prices follow each other as the calls did.
    assert [price.id for price in prices] == sorted(price.id for price in prices)
    assert len(prices) >= 2


async def test_the_same_price_twenty_times_at_once_is_one_price(database: Database) -> None:
    product_id = new_id()
    set_price = _set_price(database, product_id, SystemClock())

    outcomes = await asyncio.gather(*(set_price(COMMAND) for _ in range(20)))

    assert len({outcome.price.id for outcome in outcomes if isinstance(outcome, PriceSet)}) == 1
    assert len(await _prices(database, product_id)) == 1


@dataclass(slots=True)
class Queue:
    """A price table that one waits for from the first day to the third; on the second, somebody set a price."""

    clock: HandClock
    prices: list[Price]

    async def lock(self, transaction: Transaction, key: PriceKey) -> None:
        self.clock.instant = day(2)
        amount = Money(Decimal(7))
        self.prices = [
            Price(
                new_id(),
                key.product_id,
                key.source,
                None,
                None,
                None,
                key.min_quantity,
                amount,
                day(1),
                None,
            )
        ]

    async def lock_all(self, transaction: Transaction) -> None:
        """Nobody loads."""

    async def of(
        self, transaction: Transaction, keys: Mapping[PriceKey, Decimal]
    ) -> dict[PriceKey, list[Price]]:
        return dict.fromkeys(keys, self.prices)

    async def replace(
        self, transaction: Transaction, before: Sequence[Price], after: Sequence[Price]
    ) -> None:
        self.prices = list(after)


async def test_now_is_told_after_the_wait(database: Database) -> None:
    """Told before, the price would hold from before the other's and end where that begins: it would never apply."""
    clock = HandClock(day(0))
    queue = Queue(clock, [])
    set_price = SetPrice(queue, Shop.of(SKU, new_id()), Customers([]), database, clock)

    outcome = await set_price(COMMAND)

    assert isinstance(outcome, PriceSet)
    assert [(price.amount.amount, price.valid_from, price.valid_to) for price in queue.prices] == [
        (Decimal(7), day(1), day(2)),
        (Decimal("10.50"), day(2), None),
    ]


@pytest.mark.parametrize("same", ["0", "0.0", "0.3", "0.500"])
async def test_a_minimum_that_everybody_reaches_is_the_same_key_as_none(
    database: Database, same: str
) -> None:
    product_id = new_id()
    shop = Shop({SKU: PriceableProduct(product_id, "M", Decimal("0.5"))})
    set_price = SetPrice(SqlPrices(database), shop, Customers([]), database, HandClock())

    first = await set_price(COMMAND)
    assert isinstance(first, PriceSet)
    assert first.price.min_quantity == 0
    assert await set_price(replace(COMMAND, min_quantity=Decimal(same))) == first
    above = await set_price(replace(COMMAND, min_quantity=Decimal("0.501")))
    assert isinstance(above, PriceSet)
    assert above.price.min_quantity == Decimal("0.501")
