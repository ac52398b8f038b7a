"""Checkout, on the real tables."""

import asyncio
from decimal import Decimal
from uuid import UUID

import asyncpg
from sqlalchemy import select

from contexts.orders.adapters.orders import ORDER_CHANNEL
from contexts.orders.adapters.tables import idempotency_keys
from contexts.orders.api import (
    AccountNotApproved,
    CheckOutOutcome,
    Customer,
    EmptyCart,
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
from contexts.shared.adapters.tables import outbox
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.rejections import IdempotencyKeyReused, InvalidInput
from tests.contexts.orders.shop import NOON, Shop


def placed(outcome: CheckOutOutcome, replayed: bool = False) -> Order:
    assert isinstance(outcome, Placed)
    assert outcome.replayed is replayed
    return outcome.order


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
    assert order.number.startswith("P-2026-")
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
    assert await shop.check_out(customer, version=5, total="1") == expected
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
    ]:
        assert isinstance(await shop.check_out(customer, key=key, total=total), InvalidInput)
    assert await shop.check_out(customer, total="1E-9999999") == EmptyCart()


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
