"""Confirming and cancelling, on the real tables."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select

from contexts.orders.adapters.tables import order_transitions
from contexts.orders.api import (
    Customer,
    EveryAccount,
    InvalidTransition,
    Moved,
    MoveOutcome,
    Order,
    OrderStatus,
    OwnAccount,
    Placed,
    Portfolio,
    TransitionCommand,
)
from contexts.shared.ids import new_id
from contexts.shared.rejections import IdempotencyKeyReused, InvalidInput, NotFound
from tests.actor import by
from tests.contexts.orders.shop import NOON, Shop
from tests.contexts.orders.test_check_out import events_of

CONFIRMED, CANCELLED, PLACED = OrderStatus.CONFIRMED, OrderStatus.CANCELLED, OrderStatus.PLACED


async def an_order(shop: Shop) -> tuple[Customer, Order]:
    customer = shop.customer()
    await shop.put(customer, shop.product(stock="5"), "2")
    outcome = await shop.check_out(customer)
    assert isinstance(outcome, Placed)
    return customer, outcome.order


def command(order_id: UUID, key: str = "k", reason: str | None = None) -> TransitionCommand:
    return TransitionCommand(order_id, key, reason)


def moved(outcome: MoveOutcome, replayed: bool = False) -> Order:
    assert isinstance(outcome, Moved)
    assert outcome.replayed is replayed
    return outcome.order


async def test_confirm_then_cancel_returns_the_stock(shop: Shop) -> None:
    customer, order = await an_order(shop)
    seller = new_id()
    confirmed = moved(await shop.api.confirm(EveryAccount(), by(seller), command(order.id, "k1")))
    assert (confirmed.status, confirmed.version) == (CONFIRMED, 2)
    cancelled = moved(
        await shop.api.cancel(EveryAccount(), by(seller), command(order.id, "k2", "sem caminhão"))
    )
    assert (cancelled.status, cancelled.version) == (CANCELLED, 3)
    assert shop.stock.available[order.lines[0].product_id] == 5
    found = await shop.api.orders.by_ids(OwnAccount(customer.account_id), [order.id])
    assert found == {order.id: cancelled}
    assert await events_of(shop, order.id) == ["orders.placed", "orders.confirmed", "orders.cancelled"]
    async with shop.database.reading() as connection:
        rows = await connection.execute(
            select(order_transitions)
            .where(order_transitions.c.order_id == order.id)
            .order_by(order_transitions.c.id)
        )
        assert [(row.from_status, row.to_status, row.reason, row.by, row.at) for row in rows] == [
            ("PLACED", "CONFIRMED", None, seller, NOON),
            ("CONFIRMED", "CANCELLED", "sem caminhão", seller, NOON),
        ]


async def test_a_buyer_cancels_only_what_nobody_has_confirmed(shop: Shop) -> None:
    customer, order = await an_order(shop)
    mine = OwnAccount(customer.account_id)
    await shop.api.confirm(EveryAccount(), by(), command(order.id))
    outcome = await shop.api.cancel(mine, by(customer.user_id), command(order.id, "c"))
    assert outcome == InvalidTransition(CONFIRMED, CANCELLED)
    assert shop.stock.available[order.lines[0].product_id] == 3

    customer, order = await an_order(shop)
    mine = OwnAccount(customer.account_id)
    assert (
        moved(await shop.api.cancel(mine, by(customer.user_id), command(order.id, "c"))).status is CANCELLED
    )


async def test_a_buyer_never_confirms(shop: Shop) -> None:
    customer, order = await an_order(shop)
    outcome = await shop.api.confirm(OwnAccount(customer.account_id), by(customer.user_id), command(order.id))
    assert outcome == InvalidTransition(PLACED, CONFIRMED)


async def test_replay_and_reuse(shop: Shop) -> None:
    _, order = await an_order(shop)
    seller = new_id()
    first = moved(await shop.api.confirm(EveryAccount(), by(seller), command(order.id)))
    assert (
        moved(await shop.api.confirm(EveryAccount(), by(seller), command(order.id)), replayed=True) == first
    )
    assert await shop.api.cancel(EveryAccount(), by(seller), command(order.id)) == IdempotencyKeyReused()
    other = await shop.api.confirm(EveryAccount(), by(seller), command(order.id, reason="outra"))
    assert other == IdempotencyKeyReused()
    _, another = await an_order(shop)
    other = await shop.api.confirm(EveryAccount(), by(seller), command(another.id))
    assert other == IdempotencyKeyReused()
    assert (await shop.api.orders.by_ids(EveryAccount(), [another.id]))[another.id].status is PLACED
    # Another user's key of the same name is another key.
    outcome = await shop.api.confirm(EveryAccount(), by(), command(order.id))
    assert outcome == InvalidTransition(CONFIRMED, CONFIRMED)
    assert await events_of(shop, order.id) == ["orders.placed", "orders.confirmed"]


async def test_one_key_of_a_checkout_does_not_move_an_order(shop: Shop) -> None:
    customer, order = await an_order(shop)
    mine = OwnAccount(customer.account_id)
    outcome = await shop.api.cancel(mine, by(customer.user_id), command(order.id, "key"))
    assert outcome == IdempotencyKeyReused()


async def test_reach(shop: Shop) -> None:
    customer, order = await an_order(shop)
    rep = new_id()
    nowhere = await shop.api.cancel(EveryAccount(), by(), command(new_id()))
    assert nowhere == NotFound("order", ("input", "id"))
    assert await shop.api.cancel(OwnAccount(new_id()), by(), command(order.id)) == nowhere
    assert await shop.api.confirm(Portfolio(rep), by(rep), command(order.id)) == nowhere
    shop.buyers.portfolios[rep] = frozenset({customer.account_id})
    moved(await shop.api.confirm(Portfolio(rep), by(rep), command(order.id)))
    # What was theirs no longer is: not even the replay is shown.
    shop.buyers.portfolios[rep] = frozenset()
    assert await shop.api.confirm(Portfolio(rep), by(rep), command(order.id)) == nowhere


@pytest.mark.parametrize("reason", ["x" * 501, "a\0b", "\udfff"])
async def test_malformed_reasons(shop: Shop, reason: str) -> None:
    outcome = await shop.api.cancel(EveryAccount(), by(), command(new_id(), reason=reason))
    assert isinstance(outcome, InvalidInput)
    assert outcome.details[0].path == ("input", "reason")


async def test_ten_people_at_once_cancel_once(shop: Shop) -> None:
    _, order = await an_order(shop)
    outcomes = await asyncio.gather(
        *(shop.api.cancel(EveryAccount(), by(), command(order.id)) for _ in range(10))
    )
    assert [isinstance(outcome, Moved) for outcome in outcomes].count(True) == 1
    assert outcomes.count(InvalidTransition(CANCELLED, CANCELLED)) == 9
    assert shop.stock.available[order.lines[0].product_id] == 5
