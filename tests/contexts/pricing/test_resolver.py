from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import example, given, settings

from contexts.pricing.api import Line, Perspective, Price, PriceSource
from contexts.pricing.domain.resolver import PriceResolver
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from tests.contexts.pricing.tables import (
    ACCOUNTS,
    INSTANTS,
    MINIMUM,
    PERSPECTIVES,
    QUANTITIES,
    TABLES,
    Key,
    Segment,
    candidates,
    day,
    next_change,
    price_on_each_break,
    prices,
    winning_row,
)

PRODUCT = UUID(int=77)
BUYER = Perspective(ACCOUNTS[0], "SP", "OURO")
NATIONAL: Key = (PriceSource.NATIONAL, None, None, None, Decimal(1))


@given(TABLES, PERSPECTIVES, QUANTITIES, INSTANTS)
@settings(max_examples=400, deadline=None)
def test_agrees_with_the_oracle(
    table: dict[Key, list[Segment]], perspective: Perspective, quantity: Decimal, at: datetime
) -> None:
    rows = prices(PRODUCT, table)
    line = Line(PRODUCT, quantity)

    price = PriceResolver(perspective, at).resolve(line, candidates(rows, perspective))

    expected = winning_row(rows, perspective, quantity, at)
    if expected is None:
        assert price is None
        return
    assert price is not None
    assert (price.source, price.unit_price) == (expected.source, expected.amount)
    assert (price.product_id, price.quantity, price.perspective, price.at) == (
        PRODUCT,
        quantity,
        perspective,
        at,
    )
    assert price.valid_until == next_change(rows, perspective, line, at)
    assert [
        (each.from_quantity, each.unit_price.amount) for each in price.breaks(MINIMUM)
    ] == price_on_each_break(rows, perspective, at)


@given(TABLES, PERSPECTIVES, QUANTITIES, INSTANTS)
@example({}, Perspective(None, None, None), Decimal(1), day(0))
@settings(max_examples=200, deadline=None)
def test_explains_every_candidate(
    table: dict[Key, list[Segment]], perspective: Perspective, quantity: Decimal, at: datetime
) -> None:
    rows = prices(PRODUCT, table)
    winner = winning_row(rows, perspective, quantity, at)

    steps = PriceResolver(perspective, at).explain(Line(PRODUCT, quantity), candidates(rows, perspective))

    assert [step.source for step in steps] == sorted(
        (step.source for step in steps), key=list(PriceSource).index
    )
    won = [(step.source, step.amount) for step in steps if step.outcome == "WON"]
    assert won == ([] if winner is None else [(winner.source, winner.amount)])
    concerned = [
        row
        for row in rows
        if row.account_id in (None, perspective.account_id) and row.state in (None, perspective.state)
    ]
    assert sum(step.amount is not None for step in steps) == len(concerned)
    empty = {source for source in PriceSource if source not in {row.source for row in concerned}}
    assert {step.source for step in steps if step.amount is None} == empty
    # A row that lost would have won alone.
    alone = [row for row in concerned if winning_row([row], perspective, quantity, at) is row]
    assert sum(step.outcome == "LOST" for step in steps) == max(len(alone) - 1, 0)


def _row(source: PriceSource, amount: str, **differs: object) -> Price:
    values: dict[str, object] = {
        "id": new_id(),
        "product_id": PRODUCT,
        "source": source,
        "account_id": ACCOUNTS[0] if source is PriceSource.BUYER else None,
        "state": "SP" if source is PriceSource.STATE else None,
        "tier": None,
        "min_quantity": Decimal(1),
        "amount": Money(Decimal(amount)),
        "valid_from": day(0),
        "valid_to": None,
    }
    return Price(**{**values, **differs})  # type: ignore[arg-type] # the values of a test row


def test_the_first_level_that_applies_wins_even_when_a_lower_one_is_cheaper() -> None:
    rows = [_row(PriceSource.NATIONAL, "5"), _row(PriceSource.STATE, "7"), _row(PriceSource.BUYER, "9")]

    price = PriceResolver(BUYER, day(1)).resolve(Line(PRODUCT, Decimal(1)), candidates(rows, BUYER))

    assert price is not None
    assert (price.source, price.unit_price) == (PriceSource.BUYER, Money(Decimal(9)))


def test_the_buyers_tier_goes_before_a_larger_quantity() -> None:
    rows = [
        _row(PriceSource.NATIONAL, "5", min_quantity=Decimal(100)),
        _row(PriceSource.NATIONAL, "8", tier="OURO"),
    ]

    price = PriceResolver(BUYER, day(1)).resolve(Line(PRODUCT, Decimal(500)), candidates(rows, BUYER))

    assert price is not None
    assert price.unit_price == Money(Decimal(8))
    assert [each.from_quantity for each in price.breaks(MINIMUM)] == [Decimal(1)]


def test_a_scheduled_price_that_would_win_limits_the_answer() -> None:
    rows = [
        _row(PriceSource.NATIONAL, "5", valid_to=day(6)),
        _row(PriceSource.STATE, "7", valid_from=day(4)),
        _row(PriceSource.STATE, "6", valid_from=day(2), tier="PRATA"),
        _row(PriceSource.STATE, "6", valid_from=day(3), min_quantity=Decimal(10)),
    ]

    price = PriceResolver(BUYER, day(1)).resolve(Line(PRODUCT, Decimal(1)), candidates(rows, BUYER))

    assert price is not None
    assert price.valid_until == day(4)


def test_a_period_includes_its_start_and_not_its_end() -> None:
    rows = [_row(PriceSource.NATIONAL, "5", valid_from=day(1), valid_to=day(2))]
    line = Line(PRODUCT, Decimal(1))
    instants = (day(1) - timedelta(microseconds=1), day(1), day(2) - timedelta(microseconds=1), day(2))

    found = [PriceResolver(BUYER, at).resolve(line, candidates(rows, BUYER)) is not None for at in instants]

    assert found == [False, True, True, False]


def test_the_reasons_are_for_people() -> None:
    rows = [
        _row(PriceSource.BUYER, "3", valid_from=day(9)),
        _row(PriceSource.BUYER, "2", valid_from=day(-9), valid_to=day(-1)),
        _row(PriceSource.STATE, "4"),
        _row(PriceSource.STATE, "1", min_quantity=Decimal("10.000")),
        _row(PriceSource.STATE, "1", tier="PRATA"),
        _row(PriceSource.NATIONAL, "5"),
    ]

    steps = PriceResolver(BUYER, day(1)).explain(Line(PRODUCT, Decimal(2)), candidates(rows, BUYER))

    assert [(step.source.value, step.outcome, step.reason) for step in steps] == [
        ("BUYER", "NOT_APPLICABLE", "not valid before 2026-01-10T00:00:00+00:00"),
        ("BUYER", "NOT_APPLICABLE", "ended at 2025-12-31T00:00:00+00:00"),
        ("STATE", "NOT_APPLICABLE", "for tier PRATA, the buyer has tier OURO"),
        ("STATE", "NOT_APPLICABLE", "from quantity 10 on, asked for 2"),
        (
            "STATE",
            "WON",
            "the first level that applies is STATE; its price for every tier from quantity 1 on comes first",
        ),
        ("NATIONAL", "LOST", "a STATE price applies, and it goes before NATIONAL"),
    ]
