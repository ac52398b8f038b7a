"""Stock under real concurrency: nothing is sold twice, nobody waits for each other in a circle."""

import asyncio
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from contexts.catalog.adapters.stock import SqlStock
from contexts.catalog.adapters.tables import stock
from contexts.catalog.ports import Shortage, StockLine
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.ids import new_id
from tests.contexts.catalog.drafts import draft, publish
from tests.polling import until


async def reserve(database: Database, reference: UUID, *lines: StockLine) -> list[Shortage]:
    async with database.begin() as transaction:
        shortages = await SqlStock().reserve(transaction, reference, lines)
        if not shortages:
            await transaction.commit()
    return shortages


async def release(database: Database, reference: UUID) -> None:
    async with database.begin() as transaction:
        await SqlStock().release(transaction, reference)
        await transaction.commit()


async def reserved(database: Database, product_id: UUID) -> Decimal:
    async with database.reading() as connection:
        return Decimal(
            (
                await connection.execute(select(stock.c.reserved).where(stock.c.product_id == product_id))
            ).scalar_one()
        )


async def test_reserve_and_release_return_to_the_start(database: Database) -> None:
    ids = (await publish(database, draft("round-1", stock="10"), draft("round-2", stock="2.5"))).product_ids
    one, two = ids["round-1"], ids["round-2"]
    order = new_id()
    lines = [
        StockLine(two, Decimal("1.25")),
        StockLine(one, Decimal(3)),
        StockLine(two, Decimal("1.25")),
    ]
    assert await reserve(database, order, *lines) == []
    assert await reserved(database, one) == 3
    assert await reserved(database, two) == Decimal("2.5")
    await release(database, order)
    await release(database, order)
    assert await reserved(database, one) == 0
    assert await reserved(database, two) == 0


async def test_one_reference_may_hold_more_later(database: Database) -> None:
    product = (await publish(database, draft("more", stock="10"))).product_ids["more"]
    order = new_id()
    await reserve(database, order, StockLine(product, Decimal(3)))
    await reserve(database, order, StockLine(product, Decimal(4)))
    assert await reserved(database, product) == 7
    await release(database, order)
    assert await reserved(database, product) == 0


async def test_all_shortages_are_told_and_nothing_is_held(database: Database) -> None:
    ids = (
        await publish(
            database, draft("short-1", stock="5"), draft("short-2", stock="1"), draft("short-3", stock="0")
        )
    ).product_ids
    unknown = new_id()
    shortages = await reserve(
        database,
        new_id(),
        StockLine(ids["short-1"], Decimal(5)),
        StockLine(ids["short-2"], Decimal("0.6")),
        StockLine(ids["short-2"], Decimal("0.6")),
        StockLine(ids["short-3"], Decimal(1)),
        StockLine(unknown, Decimal(1)),
    )
    assert shortages == sorted(
        [
            Shortage(ids["short-2"], Decimal("1.2"), Decimal(1)),
            Shortage(ids["short-3"], Decimal(1), Decimal(0)),
            Shortage(unknown, Decimal(1), Decimal(0)),
        ],
        key=lambda shortage: shortage.product_id,
    )
    assert await reserved(database, ids["short-1"]) == 0


async def test_a_quantity_of_nothing_is_a_bug(database: Database) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        await reserve(database, new_id(), StockLine(new_id(), Decimal(0)))


async def test_forty_at_once_for_twelve_units(database_url: str, database: Database) -> None:
    product = (await publish(database, draft("rush", stock="12"))).product_ids["rush"]
    many = Database(database_url, pool_size=40)
    try:
        outcomes = await asyncio.gather(
            *(reserve(many, new_id(), StockLine(product, Decimal(1))) for _ in range(40))
        )
    finally:
        await many.close()
    assert sum(not shortages for shortages in outcomes) == 12
    assert await reserved(database, product) == 12
    assert {shortages[0].available for shortages in outcomes if shortages} == {Decimal(0)}


async def reversed_on_disk(database: Database, low: UUID, high: UUID) -> None:
    """Let a scan of the table come to the row of the greater id first: an update moves a row."""
    on_disk = select(stock.c.product_id).where(stock.c.product_id.in_([low, high])).order_by(text("ctid"))
    for _ in range(10):
        async with database.begin() as transaction:
            connection = connection_of(transaction)
            if list(await connection.scalars(on_disk)) == [high, low]:
                return
            await connection.execute(
                stock.update().where(stock.c.product_id == low).values(on_hand=stock.c.on_hand)
            )
            await transaction.commit()
    raise AssertionError("the row would not move")


async def until_waiting(database: Database, backend: int) -> None:
    """Return once this backend waits for another's lock."""
    blocking = select(func.cardinality(func.pg_blocking_pids(backend)))
    async with database.reading() as connection:
        await until(lambda: connection.scalar(blocking))


@pytest.mark.parametrize("turn", [1, -1])
async def test_rows_are_locked_in_the_order_of_their_ids(database: Database, turn: int) -> None:
    """Who waits for the first row holds none after it. Timing hides a wrong order; a scan in disk order shows it."""
    skus = [f"order-{turn}-{n}" for n in range(2)]
    low, high = sorted((await publish(database, *(draft(sku) for sku in skus))).product_ids.values())
    await reversed_on_disk(database, low, high)
    rows = select(stock.c.product_id).with_for_update(skip_locked=True)
    async with database.begin() as holder, database.begin() as waiter, database.begin() as probe:
        await connection_of(holder).execute(rows.where(stock.c.product_id == low))
        connection = connection_of(waiter)
        for path in ("indexscan", "indexonlyscan", "bitmapscan"):
            await connection.execute(text(f"SET LOCAL enable_{path} = off"))
        backend = (await connection.execute(select(func.pg_backend_pid()))).scalar_one()
        lines = [StockLine(product_id, Decimal(1)) for product_id in (low, high)][::turn]
        waiting = asyncio.create_task(SqlStock().reserve(waiter, new_id(), lines))
        try:
            await until_waiting(database, backend)
            free = await connection_of(probe).scalars(rows.where(stock.c.product_id.in_([low, high])))
            assert list(free) == [high]
        finally:
            # Else the waiter would wait for what this test holds until after the test.
            waiting.cancel()
            await asyncio.wait([waiting])


async def test_opposite_orders_of_lines_do_not_deadlock(database_url: str, database: Database) -> None:
    """Reserving, releasing and publishing the same products, each in its own order."""
    skus = [f"cross-{n}" for n in range(5)]
    ids = list((await publish(database, *(draft(sku, stock="1000") for sku in skus))).product_ids.values())
    many = Database(database_url, pool_size=24)

    async def hold_and_let_go(turn: int) -> None:
        order = new_id()
        lines = [StockLine(product_id, Decimal(1)) for product_id in ids]
        assert await reserve(many, order, *(lines if turn % 2 else lines[::-1])) == []
        await release(many, order)

    async def publish_again(turn: int) -> None:
        await publish(
            many, *(draft(sku, stock=None if turn % 2 else "1000") for sku in skus[:: 1 if turn % 2 else -1])
        )

    try:
        await asyncio.gather(*(hold_and_let_go(n) for n in range(40)), *(publish_again(n) for n in range(6)))
    finally:
        await many.close()
    assert [await reserved(database, product_id) for product_id in ids] == [0] * 5
