"""Reading orders within somebody's reach."""

from uuid import UUID

import pytest

from contexts.orders.api import (
    Customer,
    EveryAccount,
    Order,
    OwnAccount,
    Placed,
    Portfolio,
    Reach,
)
from contexts.shared.adapters.database import counting_statements
from contexts.shared.ids import new_id
from contexts.shared.pagination import InvalidPosition, Position, Window
from tests.contexts.orders.shop import Shop


async def orders_of(shop: Shop, customer: Customer, count: int) -> list[Order]:
    """Newest first; each with one line more than the one before."""
    goods = [shop.product() for _ in range(count)]
    orders: list[Order] = []
    for n in range(count):
        *_, cart = [(await shop.put(customer, good)).cart for good in goods[: n + 1]]
        assert cart is not None
        outcome = await shop.check_out(customer, key=f"key {n}", version=cart.cart.version)
        assert isinstance(outcome, Placed)
        orders.insert(0, outcome.order)
    return orders


async def walk(shop: Shop, reach: Reach, limit: int, backward: bool) -> list[Order]:
    found: list[Order] = []
    window = Window(limit, backward)
    while True:
        page = await shop.api.orders.page(reach, window)
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
    cases: list[tuple[Reach, set[UUID]]] = [
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


@pytest.mark.parametrize("position", [(), ("x",), (None,), (str(new_id()), "x"), ("\0",)])
async def test_a_position_from_elsewhere(shop: Shop, position: Position) -> None:
    with pytest.raises(InvalidPosition):
        await shop.api.orders.page(EveryAccount(), Window(1, after=position))
    with pytest.raises(InvalidPosition):
        await shop.api.orders.page(EveryAccount(), Window(1, backward=True, before=position))
