"""Loading many prices, on a real PostgreSQL."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from contexts.pricing.adapters.price_copy import PriceCopy
from contexts.pricing.adapters.prices import SqlPrices
from contexts.pricing.api import (
    EVERY_QUANTITY,
    Loaded,
    LoadPrices,
    PriceDraft,
    PriceSource,
    SetPrice,
    SetPriceCommand,
)
from contexts.pricing.domain.price import PriceKey
from contexts.pricing.domain.timeline import Timeline
from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.audit import SYSTEM
from contexts.shared.clock import SystemClock
from contexts.shared.ids import new_id
from tests.actor import by
from tests.contexts.pricing.days import as_days
from tests.contexts.pricing.fakes import Customers, HandClock, Shop
from tests.contexts.pricing.tables import ACCOUNTS, day


def _draft(product_id: UUID, amount: str = "10", start: int = 0) -> PriceDraft:
    return PriceDraft(
        product_id, PriceSource.NATIONAL, None, None, None, EVERY_QUANTITY, Decimal(amount), day(start)
    )


async def _periods(database: Database, key: PriceKey) -> list[tuple[tuple[object, object], int]]:
    async with database.begin() as transaction:
        found = await SqlPrices(database).of(transaction, {key: Decimal(1)})
    return list(as_days(Timeline.of(key.min_quantity, found[key]).prices))


async def test_loading_again_changes_nothing(database: Database) -> None:
    load = LoadPrices(SqlPrices(database), Shop(), database, SystemClock())
    product_ids = [new_id() for _ in range(1000)]
    drafts = [
        draft
        for product_id in product_ids
        for draft in (
            _draft(product_id),
            replace(_draft(product_id), source=PriceSource.STATE, state="SP"),
            replace(_draft(product_id), source=PriceSource.BUYER, account_id=ACCOUNTS[0], tier="OURO"),
        )
    ]

    with counting_statements() as count:
        assert await load(drafts, SYSTEM) == Loaded(written=3000, unchanged=0)
    assert count.statements <= 5

    assert await load(drafts, SYSTEM) == Loaded(written=0, unchanged=3000)
    later = [replace(draft, valid_from=day(3)) for draft in drafts]
    assert await load(later, SYSTEM) == Loaded(written=0, unchanged=3000)


async def test_another_amount_supersedes_from_its_start_on(database: Database) -> None:
    load = LoadPrices(SqlPrices(database), Shop(), database, SystemClock())
    draft = _draft(new_id())
    await load([draft], SYSTEM)

    assert await load([replace(draft, amount=Decimal(12), valid_from=day(2))], SYSTEM) == Loaded(1, 0)

    assert await _periods(database, draft.key) == [((day(0), day(2)), 10), ((day(2), None), 12)]


async def test_a_key_may_come_several_times(database: Database) -> None:
    load = LoadPrices(SqlPrices(database), Shop(), database, SystemClock())
    product_id = new_id()

    loaded = await load(
        [_draft(product_id), _draft(product_id, "12", 4), _draft(product_id, "11", 2)], SYSTEM
    )

    assert loaded == Loaded(3, 0)
    assert await _periods(database, _draft(product_id).key) == [
        ((day(0), day(2)), 10),
        ((day(2), day(4)), 11),
        ((day(4), None), 12),
    ]


@pytest.mark.parametrize("amount", ["1.00001", "NaN"])
def test_a_draft_that_would_be_rounded_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="decimals"):
        _draft(new_id(), amount)


async def test_loads_and_single_calls_at_once_wait_for_each_other(database: Database) -> None:
    product_id = new_id()
    sql = SqlPrices(database)
    load = LoadPrices(sql, Shop(), database, SystemClock())
    set_price = SetPrice(sql, Shop.of("X", product_id), Customers([]), database, HandClock(day(1)))
    command = SetPriceCommand("X", PriceSource.NATIONAL, None, None, None, None, Decimal(1), None, None, by())

    await asyncio.gather(
        *(load([_draft(product_id, str(number))], SYSTEM) for number in range(4)),
        *(set_price(replace(command, amount=Decimal(number))) for number in range(10, 14)),
    )

    periods = await _periods(database, _draft(product_id).key)
    assert [period for period, _ in periods] == [(day(0), day(1)), (day(1), None)]


async def _shape(database: Database) -> set[str]:
    async with database.reading() as connection:
        rows = await connection.execute(
            text(
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'pricing'"
                " UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = 'pricing.prices'::regclass"
            )
        )
        return {row[0] for row in rows}


async def test_copies_and_leaves_the_table_as_it_was_made(database: Database) -> None:
    shape = await _shape(database)
    drafts = [replace(_draft(new_id()), source=PriceSource.STATE, state="SP") for _ in range(2000)]
    heard: list[int] = []

    def one_by_one() -> Iterator[PriceDraft]:
        yield from drafts

    assert await PriceCopy(database)(one_by_one(), heard.append) == 2000

    assert heard == [2000]
    assert await _shape(database) == shape
    assert await _periods(database, drafts[-1].key) == [((day(0), None), 10)]
    assert await LoadPrices(SqlPrices(database), Shop(), database, SystemClock())(drafts, SYSTEM) == Loaded(
        0, 2000
    )


async def test_a_copy_with_an_overlap_leaves_nothing_behind(database: Database) -> None:
    shape = await _shape(database)
    draft = _draft(new_id())

    with pytest.raises(IntegrityError, match="prices_never_overlap"):
        await PriceCopy(database)([draft, draft], lambda _: None)

    assert await _shape(database) == shape
    async with database.begin() as transaction:
        assert await SqlPrices(database).of(transaction, {draft.key: Decimal(1)}) == {}
