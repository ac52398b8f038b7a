"""Changing the cart, on the real tables."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from contexts.orders.api import CartChanged, PricedCart
from contexts.shared.adapters.database import counting_statements
from contexts.shared.money import Money
from contexts.shared.rejections import InvalidInput, NotFound
from tests.contexts.orders.shop import NOON, Shop


def lines_of(cart: PricedCart | None) -> list[tuple[str, Decimal]]:
    assert cart is not None
    return [(line.sku, line.quantity.value) for line in cart.lines]


async def test_fill_change_and_empty_a_cart(shop: Shop) -> None:
    customer, cement, sand = shop.customer(), shop.product("39.90"), shop.product(None, step="0.5", unit="M3")
    assert await shop.cart(customer) is None

    first = (await shop.put(customer, cement, "10")).cart
    assert first is not None
    assert (first.cart.version, first.subtotal) == (1, Money(Decimal("399.00")))

    second = (await shop.put(customer, sand, "1.5")).cart
    assert second is not None
    assert second.lines[1].unit_price is None
    assert second.lines[1].quantity.unit == "M3"
    assert second.subtotal == first.subtotal

    changed = (await shop.put(customer, cement, "2")).cart
    assert lines_of(changed) == [(cement.sku, Decimal(2)), (sand.sku, Decimal("1.5"))]
    assert changed == await shop.cart(customer)

    await shop.put(customer, cement, "0")
    emptied = (await shop.put(customer, sand, "0")).cart
    assert emptied is not None
    assert (emptied.lines, emptied.cart.version, emptied.cart.id) == ((), 5, first.cart.id)
    assert await shop.cart(customer) == emptied


async def test_the_same_quantity_again_keeps_the_version(shop: Shop) -> None:
    customer, cement = shop.customer(), shop.product()
    await shop.put(customer, cement, "3")
    again = (await shop.put(customer, cement, "3.000")).cart
    assert again is not None
    assert again.cart.version == 1


async def test_refusals_change_nothing(shop: Shop) -> None:
    customer, sand = shop.customer(), shop.product(step="0.5")
    await shop.put(customer, sand, "1")
    before = await shop.cart(customer)
    for quantity, code in [("0.7", "OFF_STEP"), ("-1", "NEGATIVE"), ("1.0001", "TOO_MANY_DECIMALS")]:
        outcome = await shop.set(customer, sand.sku, quantity)
        assert isinstance(outcome, InvalidInput)
        assert outcome.details[0].code == code
    for sku in ["NADA", "", "a\0b", "\ud800"]:
        for quantity in ["1", "0"]:
            outcome = await shop.set(customer, sku, quantity)
            assert outcome == NotFound("product", ("input", "sku"))
    assert await shop.cart(customer) == before


async def test_a_refusal_makes_no_cart(shop: Shop) -> None:
    customer, cement = shop.customer(), shop.product()
    await shop.set(customer, "NADA", "1")
    await shop.set(customer, cement.sku, "0.5")
    assert (await shop.put(customer, cement, "0")).cart is None
    assert await shop.cart(customer) is None


async def test_a_vanished_product_is_told_of_and_can_be_taken_out(shop: Shop) -> None:
    customer, cement, old = shop.customer(), shop.product(), shop.product()
    await shop.put(customer, old)
    await shop.put(customer, cement)
    del shop.products.goods[old.sku]
    cart = await shop.cart(customer)
    assert cart is not None and [line.sku for line in cart.gone] == [old.sku]
    assert lines_of(cart) == [(cement.sku, Decimal(1))]
    assert await shop.set(customer, old.sku, "2") == NotFound("product", ("input", "sku"))
    outcome = await shop.set(customer, old.sku, "0")
    assert isinstance(outcome, CartChanged)
    assert outcome.cart is not None
    assert [line.sku for line in outcome.cart.cart.lines] == [cement.sku]


async def test_many_at_once_on_no_cart_make_one(shop: Shop) -> None:
    customer, goods = shop.customer(), [shop.product() for _ in range(12)]
    await asyncio.gather(*(shop.put(customer, good) for good in goods))
    cart = await shop.cart(customer)
    assert cart is not None
    assert cart.cart.version == 12
    assert {line.sku for line in cart.lines} == {good.sku for good in goods}


async def test_carts_are_the_users_own(shop: Shop) -> None:
    one, other, cement = shop.customer(), shop.customer(), shop.product()
    await shop.put(one, cement)
    assert await shop.cart(other) is None


@pytest.mark.parametrize("known", [True, False])
async def test_who_is_not_approved_sees_no_prices_in_the_cart(shop: Shop, known: bool) -> None:
    customer, cement = shop.customer(approved=False), shop.product("39.90")
    if not known:
        del shop.buyers.buyers[customer.account_id]
    changed = (await shop.put(customer, cement, "2")).cart
    assert changed is not None
    (line,) = changed.lines
    assert line.quantity.value == 2
    assert (line.unit_price, line.price_source, line.line_total) == (None, None, None)
    assert changed.subtotal == Money(Decimal("0.00"))
    assert await shop.cart(customer) == changed


async def test_the_prices_are_those_of_the_asked_instant(shop: Shop) -> None:
    customer, cement, earlier = shop.customer(), shop.product(), NOON - timedelta(hours=1)
    await shop.api.set_cart_line(customer, cement.sku, Decimal(1), earlier)
    await shop.api.carts.of(customer, earlier)
    assert shop.prices.asked_at == [earlier, earlier]


async def test_the_cart_is_one_statement_of_ours(shop: Shop) -> None:
    customer = shop.customer()
    for _ in range(3):
        await shop.put(customer, shop.product())
    with counting_statements() as count:
        await shop.cart(customer)
    assert count.statements == 1
