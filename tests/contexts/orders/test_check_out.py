"""Checkout, on the real tables."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import select

from contexts.orders.adapters.orders import ORDER_CHANNEL
from contexts.orders.adapters.tables import cart_lines, idempotency_keys
from contexts.orders.api import (
    AccountNotApproved,
    ApprovalRequired,
    CheckOut,
    CheckOutCommand,
    CheckOutOutcome,
    Customer,
    EmptyCart,
    EveryAccount,
    Order,
    OrderStatus,
    OutOfStock,
    OwnAccount,
    Placed,
    PriceChanged,
    PriceOnRequest,
    ShortLine,
    VersionConflict,
)
from contexts.orders.domain.number import read_order_number
from contexts.shared.adapters.tables import outbox
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.quantity import Quantity
from contexts.shared.rejections import IdempotencyKeyReused, InvalidInput
from tests.contexts.orders.shop import NOON, Shop


def placed(outcome: CheckOutOutcome, replayed: bool = False) -> Order:
    assert isinstance(outcome, Placed)
    assert outcome.replayed is replayed
    return outcome.order


def reais(amount: str) -> Money:
    return Money(Decimal(amount))


async def events_of(shop: Shop, order_id: UUID) -> list[str]:
    async with shop.database.reading() as connection:
        rows = await connection.execute(
            select(outbox.c.topic)
            .where(outbox.c.payload["order_id"].astext == str(order_id))
            .order_by(outbox.c.id)
        )
        return [row.topic for row in rows]


async def test_a_checkout_places_the_order_and_ends_the_cart(shop: Shop) -> None:
    customer, cement = shop.customer(), shop.product("39.905", stock="10")
    first_cart = (await shop.put(customer, cement, "3")).cart
    order = placed(await shop.check_out(customer, total="119.72"))
    assert (order.status, order.total, order.placed_at) == (
        OrderStatus.PLACED,
        Money(Decimal("119.72")),
        NOON,
    )
    assert read_order_number(order.number) == order.number
    reach = OwnAccount(customer.account_id)
    assert await shop.api.orders.by_ids(reach, [order.id]) == {order.id: order}
    assert shop.stock.available[cement.product_id] == 7
    assert await events_of(shop, order.id) == ["orders.placed"]

    assert await shop.cart(customer) is None
    assert (await shop.put(customer, cement, "0")).cart is None
    next_cart = (await shop.put(customer, cement)).cart
    assert first_cart is not None and next_cart is not None
    assert next_cart.cart.id != first_cart.cart.id
    assert next_cart.cart.version == 2
    assert len(next_cart.lines) == 1


async def order_in(shop: Shop, check_out: CheckOut, key: str = "key") -> Order:
    """A new customer's order, placed by this use case."""
    customer = shop.customer()
    await shop.put(customer, shop.product())
    return placed(await check_out(customer, CheckOutCommand(key, 1, None)))


async def test_a_number_that_is_taken_is_drawn_again(shop: Shop) -> None:
    taken = await order_in(shop, shop.api.check_out)
    lots = iter([taken.number, taken.number, "P-0000-0001-3"])
    order = await order_in(shop, replace(shop.api.check_out, draw_number=lambda: next(lots)))
    assert order.number == "P-0000-0001-3"
    found = await shop.api.orders.by_numbers(EveryAccount(), [taken.number, "p 0000 0001 3"])
    assert found == {taken.number: taken, "p 0000 0001 3": order}
    assert await events_of(shop, order.id) == ["orders.placed"]


async def test_two_who_draw_one_number_at_once_get_two(shop: Shop) -> None:
    """The second waits for the first one's commit, and draws again."""
    lots = [iter(["P-0000-0002-1", other]) for other in ("P-0000-0003-7", "P-0000-0004-5")]
    orders = await asyncio.gather(
        *(order_in(shop, replace(shop.api.check_out, draw_number=draws.__next__)) for draws in lots)
    )
    first, second = sorted(order.number for order in orders)
    assert first == "P-0000-0002-1"
    assert second in ("P-0000-0003-7", "P-0000-0004-5")


async def test_when_no_number_is_left_no_order_is_placed(shop: Shop) -> None:
    taken = await order_in(shop, shop.api.check_out)
    with pytest.raises(RuntimeError, match="taken"):
        await order_in(shop, replace(shop.api.check_out, draw_number=lambda: taken.number))


async def test_numbers_do_not_tell_how_many_orders_lie_between(shop: Shop) -> None:
    """Forty orders in a row: their numbers grow as often as they fall, and by no step that is seen twice."""
    numbers = [
        int("".join(filter(str.isdigit, (await order_in(shop, shop.api.check_out)).number)))
        for _ in range(40)
    ]
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    assert 5 < sum(step > 0 for step in steps) < 34  # outside, by chance, once in 10^6 runs
    assert len(set(steps)) == len(steps)


async def test_a_version_never_comes_back(shop: Shop) -> None:
    """A late checkout, of the cart the buyer saw, must not order the next one."""
    customer, cement, sand = shop.customer(), shop.product(), shop.product()
    await shop.put(customer, cement)
    placed(await shop.check_out(customer))
    await shop.put(customer, sand)
    assert await shop.check_out(customer, key="late") == VersionConflict(expected=1, actual=2)
    placed(await shop.check_out(customer, key="next", version=2))
    assert await shop.check_out(customer, key="after", version=2) == EmptyCart()


async def test_refusals_in_their_order_and_without_a_trace(shop: Shop) -> None:
    customer, cement, tile = shop.customer(), shop.product(stock="2"), shop.product(None)
    assert await shop.check_out(customer) == EmptyCart()
    await shop.put(customer, cement)
    await shop.put(customer, cement, "0")
    assert await shop.check_out(customer) == EmptyCart()
    await shop.put(customer, tile)
    await shop.put(customer, cement, "5")
    assert await shop.check_out(customer, version=1, total="1") == VersionConflict(expected=1, actual=4)
    assert await shop.check_out(customer, version=4, total="1") == PriceOnRequest((tile.sku,))
    await shop.put(customer, tile, "0")
    expected = PriceChanged(Money(Decimal(1)), Money(Decimal("50.00")))
    shop.buyers.limits[customer.user_id] = reais("49.99")
    assert await shop.check_out(customer, version=5, total="1") == expected
    beyond = ApprovalRequired(limit=reais("49.99"), total=reais("50.00"))
    assert await shop.check_out(customer, version=5, total="50") == beyond
    shop.buyers.limits[customer.user_id] = reais("50.00")
    short = OutOfStock((ShortLine(cement.sku, Decimal(5), Decimal(2)),))
    assert await shop.check_out(customer, version=5, total="50") == short

    cart = await shop.cart(customer)
    assert cart is not None
    assert cart.cart.version == 5
    assert await shop.api.orders.count(OwnAccount(customer.account_id)) == 0
    async with shop.database.reading() as connection:
        spent = await connection.execute(
            select(idempotency_keys).where(idempotency_keys.c.user_id == customer.user_id)
        )
        assert spent.all() == []
    # The key of the refused attempts is as good as new.
    await shop.put(customer, cement, "2")
    placed(await shop.check_out(customer, version=6, total="20.00"))


@pytest.mark.parametrize(
    ("limit", "price", "placed_"),
    [
        (None, "9999999.99", True),
        ("100.00", "100.00", True),
        ("100.00", "100.004", True),  # what is paid is rounded
        ("100.00", "100.01", False),
        ("99.99", "100.00", False),
        ("0.00", "0.01", False),
        ("0.00", "0.00", True),  # nothing is paid
    ],
)
async def test_more_than_the_limit_needs_an_approval(
    shop: Shop, limit: str | None, price: str, placed_: bool
) -> None:
    customer, cement = shop.customer(), shop.product(price)
    if limit is not None:
        shop.buyers.limits[customer.user_id] = reais(limit)
    await shop.put(customer, cement)
    outcome = await shop.check_out(customer)
    assert isinstance(outcome, Placed if placed_ else ApprovalRequired)


async def test_a_limit_is_for_the_whole_order_and_one_user(shop: Shop) -> None:
    limited, colleague = shop.customer(), shop.customer()
    shop.buyers.limits[limited.user_id] = reais("25.00")
    for customer in (limited, colleague):
        for _ in range(3):
            await shop.put(customer, shop.product("10.00"))
    expected = ApprovalRequired(limit=reais("25.00"), total=reais("30.00"))
    assert await shop.check_out(limited, version=3) == expected
    assert shop.stock.held == {}
    placed(await shop.check_out(colleague, version=3))


async def test_a_replay_is_answered_even_after_the_limit_was_lowered(shop: Shop) -> None:
    customer = shop.customer()
    await shop.put(customer, shop.product("10.00"))
    order = placed(await shop.check_out(customer))
    shop.buyers.limits[customer.user_id] = reais("0.00")
    assert placed(await shop.check_out(customer), replayed=True) == order


async def test_an_account_must_be_approved(shop: Shop) -> None:
    cement, pending = shop.product(), shop.customer(approved=False)
    await shop.put(pending, cement)
    assert await shop.check_out(pending) == AccountNotApproved()
    gone = Customer(new_id(), new_id())
    assert await shop.check_out(gone) == AccountNotApproved()


async def test_a_replay_is_answered_even_after_the_account_was_suspended(shop: Shop) -> None:
    customer, cement = shop.customer(), shop.product()
    await shop.put(customer, cement)
    order = placed(await shop.check_out(customer, total="10"))
    del shop.buyers.buyers[customer.account_id]
    assert placed(await shop.check_out(customer, total="10.00"), replayed=True) == order
    assert await events_of(shop, order.id) == ["orders.placed"]


async def test_a_key_stands_for_one_input_of_one_user(shop: Shop) -> None:
    customer, other, cement = shop.customer(), shop.customer(), shop.product()
    await shop.put(customer, cement)
    placed(await shop.check_out(customer, total="10"))
    assert await shop.check_out(customer, total="11") == IdempotencyKeyReused()
    assert await shop.check_out(customer, total="10", version=2) == IdempotencyKeyReused()
    await shop.put(other, cement)
    placed(await shop.check_out(other, total="10"))


async def test_malformed_input(shop: Shop) -> None:
    customer = shop.customer()
    for key, total in [
        ("", None),
        ("  ", None),
        ("a\0", None),
        ("k", "NaN"),
        ("k", "-Infinity"),
        ("k", "1E+9999999"),
        ("k", "1E-9999999"),
    ]:
        assert isinstance(await shop.check_out(customer, key=key, total=total), InvalidInput)
    assert await shop.check_out(customer, total="0.000") == EmptyCart()


async def test_one_key_sent_20_times_at_once_makes_one_order(shop: Shop) -> None:
    customer, cement = shop.customer(), shop.product()
    await shop.put(customer, cement)
    outcomes = await asyncio.gather(*(shop.check_out(customer) for _ in range(20)))
    assert all(isinstance(outcome, Placed) for outcome in outcomes)
    assert (
        sorted(outcome.replayed for outcome in outcomes if isinstance(outcome, Placed))
        == [False] + [True] * 19
    )
    assert await shop.api.orders.count(OwnAccount(customer.account_id)) == 1


async def test_two_keys_at_once_on_one_cart_make_one_order(shop: Shop) -> None:
    customer, cement = shop.customer(), shop.product()
    await shop.put(customer, cement)
    outcomes = await asyncio.gather(*(shop.check_out(customer, key=f"key {n}") for n in range(5)))
    assert [isinstance(outcome, Placed) for outcome in outcomes].count(True) == 1
    assert [outcome == EmptyCart() for outcome in outcomes].count(True) == 4


async def test_a_line_set_during_a_checkout_is_ordered_or_opens_the_next_cart(shop: Shop) -> None:
    customer, cement, sand = shop.customer(), shop.product(), shop.product()
    await shop.put(customer, cement)
    outcome, _ = await asyncio.gather(shop.check_out(customer), shop.put(customer, sand))
    cart = await shop.cart(customer)
    assert cart is not None
    skus = [line.sku for line in cart.lines]
    if isinstance(outcome, Placed):
        assert (skus, cart.cart.version) == ([sand.sku], 2)
    else:
        assert outcome == VersionConflict(expected=1, actual=2)
        assert skus == [cement.sku, sand.sku]


async def test_watchers_are_told_at_commit(shop: Shop, database_url: str) -> None:
    customer, cement = shop.customer(), shop.product()
    await shop.put(customer, cement)
    told: asyncio.Queue[object] = asyncio.Queue()
    listener = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        await listener.add_listener(ORDER_CHANNEL, lambda *args: told.put_nowait(args[3]))
        order = placed(await shop.check_out(customer))
        async with asyncio.timeout(5):
            assert await told.get() == f"{customer.account_id}:{order.id}"
    finally:
        await listener.close()


async def test_what_is_sold_otherwise_by_now_is_not_ordered_before_it_is_set_again(shop: Shop) -> None:
    """0.80 a kilogram became 0.80 a bag of 25 kg: neither the old quantity nor its price says anything of bags."""
    customer, lime = shop.customer(), shop.product("0.80", step="0.1", unit="KG")
    await shop.put(customer, lime, "25.5")
    shop.products.goods[lime.sku] = replace(lime, unit="SC", quantity_step=Decimal(1))

    refused = await shop.check_out(customer)
    assert isinstance(refused, InvalidInput)
    (detail,) = refused.details
    assert (detail.path, detail.code) == (("cart", "lines", "0", "quantity"), "UNIT_CHANGED")
    cart = await shop.cart(customer)
    assert cart is not None
    assert (cart.lines[0].quantity.unit, cart.lines[0].line_total) == ("KG", None)
    assert cart.subtotal == Money(Decimal("0.00"))

    await shop.put(customer, lime, "2")
    order = placed(await shop.check_out(customer, version=2, total="1.60"))
    assert (order.lines[0].quantity.unit, order.lines[0].quantity.value) == ("SC", Decimal(2))


async def test_a_line_off_the_step_of_now_is_not_ordered(shop: Shop) -> None:
    customer, sand = shop.customer(), shop.product(step="0.05", unit="UN")
    await shop.put(customer, sand, "0.55")
    shop.products.goods[sand.sku] = replace(sand, quantity_step=Decimal(1))

    refused = await shop.check_out(customer)

    assert isinstance(refused, InvalidInput)
    assert [detail.code for detail in refused.details] == ["OFF_STEP"]


async def test_a_line_from_a_server_of_the_release_before_is_in_the_products_unit(shop: Shop) -> None:
    customer, lime = shop.customer(), shop.product("0.80", unit="KG")
    await shop.put(customer, lime, "3")
    async with shop.database.begin() as transaction:
        without = cart_lines.update().where(cart_lines.c.product_id == lime.product_id).values(unit=None)
        await transaction.connection.execute(without)
        await transaction.commit()

    cart = await shop.cart(customer)
    assert cart is not None
    assert cart.lines[0].quantity == Quantity(Decimal(3), "KG")
    placed(await shop.check_out(customer, total="2.40"))
