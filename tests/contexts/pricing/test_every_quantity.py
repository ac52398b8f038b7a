"""A price for every quantity, whatever the product's step was, is and will be."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest
from alembic import command
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import migrations
from contexts.pricing.adapters.prices import SqlPrices
from contexts.pricing.api import (
    EVERY_QUANTITY,
    Line,
    Loaded,
    LoadPrices,
    Perspective,
    Price,
    PriceBreak,
    PriceDraft,
    PriceSet,
    PriceSource,
    ResolvePrices,
    SetPrice,
    SetPriceCommand,
)
from contexts.pricing.domain.price import PriceKey, least
from contexts.pricing.domain.resolver import Candidate, PriceResolver
from contexts.pricing.domain.timeline import Timeline
from contexts.pricing.ports import PriceableProduct
from contexts.shared.adapters.database import Database
from contexts.shared.audit import SYSTEM
from contexts.shared.clock import SystemClock
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from gateway.embedded.postgres import Postgres
from tests.actor import by
from tests.conftest import copied
from tests.contexts.pricing.fakes import Customers, HandClock, Shop
from tests.contexts.pricing.tables import day

SKU = "CABO-25"
STEPS = ("10", "2.5", "1", "0.5", "0.1", "0.01")
EVERYBODY = Perspective(None, None, None)
SET = SetPriceCommand(
    SKU, PriceSource.NATIONAL, None, None, None, None, Decimal(1), None, None, by(UUID(int=9))
)
RESOLVED = text(
    "SELECT unit_price FROM pricing.resolved_prices(NULL, NULL, NULL, :quantity, :at) WHERE product_id = :id"
)


@dataclass(frozen=True, slots=True)
class Step:
    """The product is sold in this step from now on, and then a price is set, with or without a minimum quantity."""

    step: Decimal
    min_quantity: Decimal | None
    amount: int
    start: int


# Steps only get finer: the catalog refuses another change while there is a price. Negative, to be sorted so.
_FINER = [-Decimal(step) for step in STEPS]


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    steps = draw(st.lists(st.sampled_from(_FINER), min_size=1, max_size=6).map(sorted))
    minima = [None, Decimal(0), Decimal("0.05"), Decimal(1), Decimal(50)]
    return [
        Step(-step, draw(st.sampled_from([*minima, -step])), draw(st.integers(1, 5)), draw(st.integers(0, 3)))
        for step in steps
    ]


class Book:
    """What holds on each day, as a person keeps it: a page for every quantity, and one for each real minimum."""

    def __init__(self) -> None:
        self.pages: dict[Decimal, dict[int, int]] = {}
        self._starts: dict[Decimal, dict[int, int]] = {}

    def set(self, step: Step) -> None:
        everybody_reaches_it = step.min_quantity is None or step.min_quantity <= step.step
        page = Decimal(0) if step.min_quantity is None or everybody_reaches_it else step.min_quantity
        days, starts = self.pages.setdefault(page, {}), self._starts.setdefault(page, {})
        end = min((start for start in starts.values() if start > step.start), default=9)
        wanted = dict.fromkeys(range(step.start, end), step.amount)
        if any(days.get(each) != amount for each, amount in wanted.items()):
            days.update(wanted)
            for each in wanted:
                starts[each] = step.start

    def price(self, quantity: Decimal, on: int) -> int | None:
        reached = [page for page, days in self.pages.items() if page <= quantity and on in days]
        return self.pages[max(reached)][on] if reached else None


async def replayed(history: list[Step], product_id: UUID, set_price: SetPrice, shop: Shop) -> None:
    for step in history:
        shop.products[SKU] = PriceableProduct(product_id, "M", step.step)
        outcome = await set_price(
            replace(
                SET, min_quantity=step.min_quantity, amount=Decimal(step.amount), valid_from=day(step.start)
            )
        )
        assert isinstance(outcome, PriceSet)


def _quantities(history: list[Step]) -> list[Decimal]:
    step = history[-1].step
    return [
        step,
        *(quantity for text_ in ("0.5", "1", "10", "50", "70") if (quantity := Decimal(text_)) > step),
    ]


@given(histories())
@example([Step(Decimal(1), None, 1, 0), Step(Decimal("0.01"), None, 2, 1)])
@example([Step(Decimal("0.5"), Decimal("0.5"), 1, 0), Step(Decimal("0.1"), Decimal("0.5"), 2, 1)])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_steps_change_and_the_latest_price_is_found(database: Database, history: list[Step]) -> None:
    """By the resolver, and by the published relation alike."""
    sql, shop, product_id, book = SqlPrices(database), Shop(), new_id(), Book()
    await replayed(history, product_id, SetPrice(sql, shop, Customers([]), database, HandClock(day(0))), shop)
    for step in history:
        book.set(step)

    async with database.begin() as transaction:
        for on in (0, 2, 5):
            quantities = _quantities(history)
            lines = [Line(product_id, quantity) for quantity in quantities]
            found = await ResolvePrices(sql, HandClock())(EVERYBODY, lines, day(on), within=transaction)
            expected = [book.price(quantity, on) for quantity in quantities]
            assert [price and price.unit_price.amount for price in found] == expected
            for quantity, price, amount in zip(quantities, found, expected, strict=True):
                asked = {"quantity": quantity, "at": day(on), "id": product_id}
                assert (await transaction.connection.execute(RESOLVED, asked)).scalar() == amount
                if price is not None:
                    breaks = price.breaks(history[-1].step)
                    assert breaks[0].from_quantity >= history[-1].step
                    assert len({each.from_quantity for each in breaks}) == len(breaks)


@given(st.none() | st.decimals(0, 100, places=3), st.sampled_from([Decimal(step) for step in STEPS]))
def test_a_minimum_that_nobody_can_stay_below_is_no_minimum(asked: Decimal | None, step: Decimal) -> None:
    found = least(asked, step)
    for units in range(1, 400):
        quantity = step * units
        assert (quantity >= found) == (asked is None or quantity >= asked)


def test_breaks_begin_where_buying_does() -> None:
    at = day(0)
    rows = [
        Candidate(PriceSource.NATIONAL, None, Decimal(minimum), Decimal(price), at, None)
        for minimum, price in (("0", "5"), ("0.05", "4"), ("10", "3"))
    ]
    price = PriceResolver(EVERYBODY, at).resolve(Line(new_id(), Decimal(1)), rows)
    assert price is not None
    assert price.breaks(Decimal("0.1")) == (
        PriceBreak(Decimal("0.1"), Money(Decimal(4))),
        PriceBreak(Decimal(10), Money(Decimal(3))),
    )


def _row(product_id: UUID, min_quantity: str, price: str, start: int, end: int | None = None) -> Price:
    return Price(
        new_id(),
        product_id,
        PriceSource.NATIONAL,
        None,
        None,
        None,
        Decimal(min_quantity),
        Money(Decimal(price)),
        day(start),
        None if end is None else day(end),
    )


async def _table(database: Database, product_id: UUID) -> list[tuple[str, str, datetime, datetime | None]]:
    async with database.reading() as connection:
        rows = await connection.execute(
            text(
                "SELECT trim_scale(min_quantity)::text, trim_scale(amount)::text, lower(valid_during),"
                " upper(valid_during) FROM pricing.prices WHERE product_id = :id ORDER BY 1, 3"
            ),
            {"id": product_id},
        )
        return [tuple(row) for row in rows]


@pytest.mark.parametrize("loaded", [True, False])
async def test_what_an_older_server_set_from_the_step_on_gives_way(database: Database, loaded: bool) -> None:
    """It goes on writing such rows while servers are replaced, and their quantity would outrank the new price's."""
    sql, product_id = SqlPrices(database), new_id()
    shop = Shop({SKU: PriceableProduct(product_id, "M", Decimal("0.5"))})
    async with database.begin() as transaction:
        old = [_row(product_id, "0", "4", 0), _row(product_id, "0.5", "5", 1), _row(product_id, "1", "6", 0)]
        await sql.replace(transaction, [], old)
        await transaction.commit()

    if loaded:
        draft = PriceDraft(
            product_id, PriceSource.NATIONAL, None, None, None, EVERY_QUANTITY, Decimal(7), day(2)
        )
        assert await LoadPrices(sql, shop, database, SystemClock())([draft], SYSTEM) == Loaded(1, 0)
    else:
        set_price = SetPrice(sql, shop, Customers([]), database, HandClock(day(2)))
        assert isinstance(await set_price(replace(SET, amount=Decimal(7))), PriceSet)

    assert await _table(database, product_id) == [
        ("0", "4", day(0), day(1)),
        ("0", "5", day(1), day(2)),
        ("0", "7", day(2), None),
        ("1", "6", day(0), None),
    ]


async def test_a_price_that_only_takes_another_into_its_key_is_written(database: Database) -> None:
    """The amount is the same already, but the key is not: that is a change, which the audit trail keeps."""
    sql, product_id = SqlPrices(database), new_id()
    shop = Shop({SKU: PriceableProduct(product_id, "M", Decimal("0.5"))})
    async with database.begin() as transaction:
        await sql.replace(transaction, [], [_row(product_id, "0.5", "4", 0)])
        await transaction.commit()
    draft = PriceDraft(product_id, PriceSource.NATIONAL, None, None, None, EVERY_QUANTITY, Decimal(4), day(2))
    load = LoadPrices(sql, shop, database, SystemClock())

    assert await load([draft], SYSTEM) == Loaded(1, 0)
    assert await load([draft], SYSTEM) == Loaded(0, 1)

    assert await _table(database, product_id) == [("0", "4", day(0), day(2)), ("0", "4", day(2), None)]


async def test_a_price_in_another_unit_than_the_products_is_not_loaded(database: Database) -> None:
    sql, product_id = SqlPrices(database), new_id()
    shop = Shop({SKU: PriceableProduct(product_id, "SC", Decimal(1))})
    draft = PriceDraft(
        product_id, PriceSource.NATIONAL, None, None, None, EVERY_QUANTITY, Decimal(7), day(2), unit="KG"
    )
    load = LoadPrices(sql, shop, database, SystemClock())
    assert await load([draft], SYSTEM) == Loaded(0, 0, (draft,))
    assert await load([replace(draft, unit="SC")], SYSTEM) == Loaded(1, 0)
    assert len(await _table(database, product_id)) == 1


@pytest.fixture
async def before(postgres: Postgres, template: str) -> AsyncIterator[AsyncEngine]:
    """A database as the release before left it."""
    engine = create_async_engine(await copied(postgres, template))

    def back(connection: Connection) -> None:
        command.downgrade(migrations.alembic_config(connection), "pricing_0001")

    async with engine.connect() as connection:
        await connection.run_sync(back)
    yield engine
    await engine.dispose()


async def test_old_rows_become_prices_for_every_quantity(before: AsyncEngine) -> None:
    ana = UUID(int=9)
    cable, sand, cement = UUID(int=1), UUID(int=2), UUID(int=3)
    # By product: minimum quantity, amount, days, who set it; in the order in which they were set.
    old: list[tuple[UUID, str, int, int, int | None, UUID | None]] = [
        # Sheets of three months, while the step got finer; then a price set for a while without a minimum quantity.
        (cable, "0.2", 10, 0, None, None),
        (cable, "0.1", 11, 2, None, None),
        (cable, "0.01", 12, 4, None, None),
        (cable, "1.000", 99, 5, 6, ana),
        # An older sheet that is loaded late ends where what was set before begins.
        (sand, "1", 20, 3, None, ana),
        (sand, "0.1", 21, 0, None, None),
        # A break below one that somebody set on purpose, and one above.
        (sand, "0.5", 19, 0, None, ana),
        (sand, "100", 15, 0, None, ana),
        # Sold by the whole.
        (cement, "1", 30, 0, 2, ana),
        (cement, "1", 31, 2, None, ana),
        (cement, "10", 25, 0, None, None),
    ]
    async with before.begin() as connection:
        for number, (product_id, minimum, price, start, end, who) in enumerate(old):
            await connection.execute(
                text(
                    "INSERT INTO pricing.prices (id, product_id, source, min_quantity, amount, valid_during, set_by,"
                    " created_at) VALUES (:id, :product, 'NATIONAL', :minimum, :amount, tstzrange(:start, :end), :who,"
                    " :created)"
                ),
                {
                    "id": UUID(int=100 + number),
                    "product": product_id,
                    "minimum": Decimal(minimum),
                    "amount": price,
                    "start": day(start),
                    "end": None if end is None else day(end),
                    "who": who,
                    "created": day(number),
                },
            )

    async with before.connect() as connection:
        await connection.run_sync(migrations.upgrade)

    async with before.begin() as connection:
        rows = await connection.execute(
            text(
                "SELECT product_id, trim_scale(min_quantity)::text, amount::int, lower(valid_during),"
                " upper(valid_during), id FROM pricing.prices ORDER BY 1, min_quantity, 4"
            )
        )
        found = [tuple(row) for row in rows]
    assert [row[:5] for row in found] == [
        (cable, "0", 10, day(0), day(2)),
        (cable, "0", 11, day(2), day(4)),
        (cable, "0", 12, day(4), day(5)),
        (cable, "0", 99, day(5), day(6)),
        (cable, "0", 12, day(6), None),
        (sand, "0", 21, day(0), day(3)),
        (sand, "0", 20, day(3), None),
        (sand, "0.5", 19, day(0), None),
        (sand, "100", 15, day(0), None),
        (cement, "0", 30, day(0), day(2)),
        (cement, "0", 31, day(2), None),
        (cement, "10", 25, day(0), None),
    ]
    ids = [row[5] for row in found]
    assert len(set(ids)) == len(ids)
    assert [row.version for row in ids if row.int > 1000] == [7], "the one that resumes has an id of its own"


def test_prices_of_one_key_are_put_together_in_the_order_they_were_set() -> None:
    product_id = new_id()
    earlier, later = _row(product_id, "0.5", "5", 1), _row(product_id, "0", "4", 0)
    timeline = Timeline.of(EVERY_QUANTITY, [later, earlier])
    held = [price and price.amount for on in (0, 1, 2) for price in [timeline.at(day(on))]]
    assert held == [Money(Decimal(4)), Money(Decimal(5)), Money(Decimal(5))]
    assert {price.key for price in timeline.prices} == {
        PriceKey(product_id, PriceSource.NATIONAL, None, None, None, EVERY_QUANTITY)
    }
