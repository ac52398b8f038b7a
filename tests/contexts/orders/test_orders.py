"""Reading orders within somebody's reach."""

from datetime import timedelta
from uuid import UUID

import pytest

from contexts.orders.api import (
    Customer,
    EveryAccount,
    Order,
    OrderFilter,
    OrderStatus,
    OwnAccount,
    Placed,
    Portfolio,
    RowScope,
    TransitionCommand,
)
from contexts.orders.ports import EVERYTHING
from contexts.shared.adapters.database import counting_statements
from contexts.shared.ids import new_id
from contexts.shared.pagination import InvalidPosition, Position, Window
from tests.actor import by
from tests.contexts.orders.shop import NOON, Shop


async def orders_of(shop: Shop, customer: Customer, count: int, key: str = "key") -> list[Order]:
    """Newest first; each with one line more than the one before."""
    goods = [shop.product() for _ in range(count)]
    orders: list[Order] = []
    for n in range(count):
        *_, cart = [(await shop.put(customer, good)).cart for good in goods[: n + 1]]
        assert cart is not None
        outcome = await shop.check_out(customer, key=f"{key} {n}", version=cart.cart.version)
        assert isinstance(outcome, Placed)
        orders.insert(0, outcome.order)
    return orders


async def walk(
    shop: Shop, reach: RowScope, limit: int, backward: bool, filter: OrderFilter = EVERYTHING
) -> list[Order]:
    found: list[Order] = []
    window = Window(limit, backward)
    while True:
        page = await shop.api.orders.page(reach, window, filter)
        assert len(page.items) <= limit
        found = page.items + found if backward else found + page.items
        if not (page.has_previous if backward else page.has_next):
            return found
        after, before = (None, page.positions[0]) if backward else (page.positions[-1], None)
        window = Window(limit, backward, after, before)


async def test_pages_forward_and_backward_are_the_whole_list(shop: Shop) -> None:
    customer = shop.customer()
    orders = await orders_of(shop, customer, 5)
    await orders_of(shop, shop.customer(), 2)
    reach = OwnAccount(customer.account_id)
    assert await shop.api.orders.count(reach) == 5
    for limit in range(1, 7):
        for backward in (False, True):
            assert await walk(shop, reach, limit, backward) == orders


async def test_a_page_is_one_statement_whatever_its_size(shop: Shop) -> None:
    customer = shop.customer()
    await orders_of(shop, customer, 3)
    for limit in (1, 3, 100):
        with counting_statements() as count:
            await shop.api.orders.page(OwnAccount(customer.account_id), Window(limit))
        assert count.statements == 1


async def test_nobody_reads_beyond_their_reach(shop: Shop) -> None:
    mine, theirs, rep = shop.customer(), shop.customer(), new_id()
    (my_order,), (their_order,) = await orders_of(shop, mine, 1), await orders_of(shop, theirs, 1)
    shop.buyers.portfolios[rep] = frozenset({theirs.account_id})
    both = {my_order.id, their_order.id}
    reads = shop.api.orders
    cases: list[tuple[RowScope, set[UUID]]] = [
        (OwnAccount(mine.account_id), {my_order.id}),
        (Portfolio(rep), {their_order.id}),
        (Portfolio(new_id()), set()),
        (EveryAccount(), both),
    ]
    for reach, visible in cases:
        assert set(await reads.by_ids(reach, both)) == visible
        by_number = await reads.by_numbers(reach, [my_order.number, their_order.number])
        assert {order.id for order in by_number.values()} == visible
        listed = {order.id for order in (await reads.page(reach, Window(100))).items}
        assert listed & both == visible
        if not isinstance(reach, EveryAccount):
            assert await reads.count(reach) == len(visible)


async def test_numbers_that_cannot_be_find_nothing(shop: Shop) -> None:
    numbers = ["", "P-2026-1", "a\0b", "\ud800", "P-2026-000001'; --", "P-2026-" + "9" * 1000]
    assert await shop.api.orders.by_numbers(EveryAccount(), numbers) == {}
    assert await shop.api.orders.by_ids(EveryAccount(), []) == {}


@pytest.mark.parametrize(
    "position",
    [(), ("x",), (None,), (str(new_id()), "x"), ("\0",), ("-1", str(new_id())), ("9" * 19, str(new_id()))],
)
async def test_a_position_from_elsewhere(shop: Shop, position: Position) -> None:
    with pytest.raises(InvalidPosition):
        await shop.api.orders.page(EveryAccount(), Window(1, after=position))
    with pytest.raises(InvalidPosition):
        await shop.api.orders.page(EveryAccount(), Window(1, backward=True, before=position))


async def numbers(shop: Shop, reach: RowScope, filter: OrderFilter) -> set[str]:
    """Of the orders that a filter finds; counting finds as many, and pages of one, both ways, the same."""
    page = await shop.api.orders.page(reach, Window(100), filter)
    found = [order.number for order in page.items]
    assert await shop.api.orders.count(reach, filter) == len(found)
    for backward in (False, True):
        assert [order.number for order in await walk(shop, reach, 1, backward, filter)] == found
    return set(found)


async def test_a_filter_finds_what_fits_all_of_it(shop: Shop) -> None:
    """Each condition alone and with another, for every reach."""
    mine, theirs, rep = shop.customer(), shop.customer(), new_id()
    shop.buyers.portfolios[rep] = frozenset({mine.account_id, new_id()})
    shop.buyers.names.update({mine.account_id: "Construtora Ipê Ltda.", theirs.account_id: "Ipê Roxo Obras"})
    made: list[Order] = []
    for days, customer in enumerate((mine, mine, theirs)):
        shop.clock.instant = NOON + timedelta(days=days)
        made += await orders_of(shop, customer, 1, key=f"day {days}")
    first, second, third = made
    await shop.api.confirm(EveryAccount(), by(), TransitionCommand(second.id, "k", None))
    day = timedelta(days=1)
    cases: list[tuple[OrderFilter, tuple[Order, ...]]] = [
        (OrderFilter(), (first, second, third)),
        (OrderFilter(statuses=frozenset({OrderStatus.CONFIRMED})), (second,)),
        (
            OrderFilter(statuses=frozenset({OrderStatus.CONFIRMED, OrderStatus.PLACED})),
            (first, second, third),
        ),
        (OrderFilter(statuses=frozenset({OrderStatus.SHIPPED})), ()),
        (OrderFilter(placed_from=NOON + day), (second, third)),
        (OrderFilter(placed_to=NOON + day), (first,)),
        (OrderFilter(placed_from=NOON + day, placed_to=NOON + 2 * day), (second,)),
        (OrderFilter(account_id=mine.account_id), (first, second)),
        (OrderFilter(account_id=theirs.account_id), (third,)),
        (OrderFilter(account_id=new_id()), ()),
        (OrderFilter(search="construtora"), (first, second)),
        (OrderFilter(search=" ipê "), (first, second, third)),
        (OrderFilter(search="\u00a0\t "), (first, second, third)),
        (OrderFilter(search="a\0b"), ()),
        (OrderFilter(search=second.number.lower().replace("-", "\u2013")), (second,)),
        (OrderFilter(search=second.number[2:9]), (second,)),
        # Two digits are no part of a number.
        (OrderFilter(search=second.number[-3:].replace("-", "")), ()),
        (OrderFilter(search="%"), ()),
        (OrderFilter(search="ipê", account_id=theirs.account_id), (third,)),
        (OrderFilter(search="ipê", statuses=frozenset({OrderStatus.PLACED}), placed_to=NOON + day), (first,)),
        (OrderFilter(search=first.number, account_id=theirs.account_id), ()),
    ]
    reaches: list[tuple[RowScope, set[str]]] = [
        (EveryAccount(), {first.number, second.number, third.number}),
        (OwnAccount(mine.account_id), {first.number, second.number}),
        (Portfolio(rep), {first.number, second.number}),
    ]
    for filter, fitting in cases:
        for reach, reached in reaches:
            found = await numbers(shop, reach, filter) & {order.number for order in made}
            assert (filter, found) == (filter, {order.number for order in fitting} & reached)


async def test_digits_that_stand_in_a_name_and_in_a_number_find_both(shop: Shop) -> None:
    mine, theirs = shop.customer(), shop.customer()
    (one,), (other,) = await orders_of(shop, mine, 1), await orders_of(shop, theirs, 1)
    digits = one.number[2:6]
    shop.buyers.names[theirs.account_id] = f"Obra {digits}"
    assert await numbers(shop, EveryAccount(), OrderFilter(search=digits)) >= {one.number, other.number}


async def test_a_filter_takes_a_constant_number_of_statements(shop: Shop) -> None:
    customer = shop.customer()
    await orders_of(shop, customer, 3)
    shop.buyers.names[customer.account_id] = "Obra"
    everything = OrderFilter(
        frozenset(OrderStatus), NOON, NOON + timedelta(days=9), customer.account_id, "obra"
    )
    for filter in (OrderFilter(search="obra"), everything):
        for limit in (1, 100):
            with counting_statements() as count:
                await shop.api.orders.page(EveryAccount(), Window(limit), filter)
            assert count.statements == 1  # and the buyers' own, which are made up here
