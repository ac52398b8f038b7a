"""The SQL path against the same oracle, on a real PostgreSQL."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from contexts.pricing.adapters.prices import SqlPrices
from contexts.pricing.api import ExplainPrices, Line, Perspective, Price, PriceSource, ResolvePrices
from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from tests.contexts.pricing.fakes import HandClock
from tests.contexts.pricing.tables import (
    ACCOUNTS,
    INSTANTS,
    MINIMUM,
    PERSPECTIVES,
    QUANTITIES,
    TABLES,
    Key,
    Segment,
    day,
    next_change,
    price_on_each_break,
    prices,
    winning_row,
)

RESOLVED_PRICES = text(
    "SELECT product_id, unit_price FROM pricing.resolved_prices(:account, :state, :tier, :quantity, :at)"
)


@given(
    st.lists(st.tuples(TABLES, QUANTITIES), min_size=1, max_size=6),
    PERSPECTIVES,
    INSTANTS,
    QUANTITIES,
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_agrees_with_the_oracle(
    database: Database,
    tables: list[tuple[dict[Key, list[Segment]], Decimal]],
    perspective: Perspective,
    at: datetime,
    listing_quantity: Decimal,
) -> None:
    """Lines and the published relation alike. Rolled back, so that examples do not see each other."""
    sql = SqlPrices(database)
    rows = {product_id: prices(product_id, table) for table, _ in tables for product_id in [new_id()]}
    lines = [Line(product_id, quantity) for product_id, (_, quantity) in zip(rows, tables, strict=True)]
    async with database.begin() as transaction:
        await sql.replace(transaction, [], [row for each in rows.values() for row in each])

        resolved = await ResolvePrices(sql, HandClock())(perspective, lines, at, within=transaction)
        relation = await transaction.connection.execute(
            RESOLVED_PRICES,
            {
                "account": perspective.account_id,
                "state": perspective.state,
                "tier": perspective.tier,
                "quantity": listing_quantity,
                "at": at,
            },
        )
        listed = {row.product_id: row.unit_price for row in relation}

    for line, price in zip(lines, resolved, strict=True):
        of_product = rows[line.product_id]
        expected = winning_row(of_product, perspective, line.quantity, at)
        assert (price and (price.source, price.unit_price)) == (
            expected and (expected.source, expected.amount)
        )
        if price is not None:
            assert price.valid_until == next_change(of_product, perspective, line, at)
            assert [(each.from_quantity, each.unit_price.amount) for each in price.breaks(MINIMUM)] == (
                price_on_each_break(of_product, perspective, at)
            )
        in_listing = winning_row(of_product, perspective, listing_quantity, at)
        assert listed.get(line.product_id) == (in_listing and in_listing.amount.amount)
    assert len(listed) <= len(rows)


async def test_resolving_500_lines_is_one_statement(database: Database) -> None:
    sql = SqlPrices(database)
    resolve = ResolvePrices(sql, HandClock(day(3)))
    rows = [_national(new_id()) for _ in range(500)]
    async with database.begin() as transaction:
        await sql.replace(transaction, [], rows)
        await transaction.commit()
    lines = [Line(row.product_id, Decimal(2)) for row in rows]

    with counting_statements() as count:
        found = await resolve(Perspective(ACCOUNTS[0], "SP", None), lines)

    assert count.statements == 1
    assert [price and (price.product_id, price.at) for price in found] == [
        (line.product_id, day(3)) for line in lines
    ]


async def test_no_lines_are_no_statement(database: Database) -> None:
    with counting_statements() as count:
        assert await ResolvePrices(SqlPrices(database), HandClock())(Perspective(None, None, None), []) == []

    assert count.statements == 0


async def test_explains_with_ended_prices_in_one_statement_per_perspective(database: Database) -> None:
    sql = SqlPrices(database)
    product_id = new_id()
    rows = [
        _national(product_id, valid_from=day(0), valid_to=day(1)),
        _national(product_id, valid_from=day(1)),
    ]
    async with database.begin() as transaction:
        await sql.replace(transaction, [], rows)
        await transaction.commit()
    resolve = ResolvePrices(sql, HandClock(day(3)))
    asked = [
        price
        for perspective in (Perspective(ACCOUNTS[0], "SP", None), Perspective(ACCOUNTS[1], "PA", None))
        for quantity in (Decimal(1), Decimal(2))
        for price in await resolve(perspective, [Line(product_id, quantity)])
        if price is not None
    ]

    with counting_statements() as count:
        explained = await ExplainPrices(sql)(asked)

    assert count.statements == 2
    assert [[step.outcome for step in steps] for steps in explained] == [
        ["NOT_APPLICABLE", "NOT_APPLICABLE", "WON", "NOT_APPLICABLE"]
    ] * 4


async def test_finds_prices_by_id(database: Database) -> None:
    sql = SqlPrices(database)
    row = _national(new_id(), set_by=new_id())
    async with database.begin() as transaction:
        await sql.replace(transaction, [], [row])
        await transaction.commit()

    assert await sql.by_ids([row.id, new_id()]) == {row.id: row}


@pytest.mark.parametrize("tier", [None, "OURO"])
async def test_the_table_refuses_an_overlap_of_one_key(database: Database, tier: str | None) -> None:
    product_id = new_id()
    overlapping = [
        _national(product_id, tier=tier, valid_from=day(0), valid_to=day(2)),
        _national(product_id, tier=tier, valid_from=day(1)),
    ]
    async with database.begin() as transaction:
        with pytest.raises(IntegrityError, match="prices_never_overlap"):
            await SqlPrices(database).replace(transaction, [], overlapping)


async def test_the_listing_plans_the_published_function_as_its_own_text(database: Database) -> None:
    """Not inlined, it would show as a Function Scan, and no condition would reach the indexes."""
    async with database.reading() as connection:
        plan = await connection.execute(
            text(
                "EXPLAIN SELECT unit_price FROM pricing.resolved_prices(:account, 'SP', NULL, 1, now())"
                " WHERE product_id = :product"
            ),
            {"account": ACCOUNTS[0], "product": ACCOUNTS[0]},
        )
        lines = [row[0] for row in plan]

    assert not any("Function Scan" in line for line in lines)
    assert sum("product_id =" in line for line in lines) >= 3


def _national(
    product_id: UUID,
    *,
    tier: str | None = None,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    set_by: UUID | None = None,
) -> Price:
    return Price(
        id=new_id(),
        product_id=product_id,
        source=PriceSource.NATIONAL,
        account_id=None,
        state=None,
        tier=tier,
        min_quantity=Decimal(1),
        amount=Money(Decimal("12.3456")),
        valid_from=valid_from or day(0),
        valid_to=valid_to,
        set_by=set_by,
    )
