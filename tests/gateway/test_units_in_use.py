"""Units and steps of products that prices, carts and orders are made in, by the whole house over one database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from contexts.catalog.adapters.measures import SqlMeasures
from contexts.catalog.api import Product, ProductDraft, Published
from contexts.identity.api import AccountOpened, AccountStatus, Address
from contexts.orders.api import CartChanged, CheckOutCommand, Customer, Placed, TransitionCommand
from contexts.orders.domain.customer import EveryAccount
from contexts.pricing.api import (
    EVERY_QUANTITY,
    Line,
    Perspective,
    PriceDraft,
    PriceSet,
    PriceSource,
    SetPriceCommand,
)
from contexts.shared.adapters.database import Database
from contexts.shared.audit import SYSTEM
from contexts.shared.ids import new_id
from contexts.shared.rejections import InvalidInput
from gateway.bootstrap import bootstrap
from gateway.settings import Settings
from resolvers.vocabulary.context import Contexts
from tests.actor import by
from tests.polling import until

NOWHERE = "http://127.0.0.1:9"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = 8
"""Each race is run so often; how a round ends is by chance, what holds afterwards is not."""


@dataclass(frozen=True, slots=True, repr=False)
class House:
    """All contexts, and somebody who buys."""

    contexts: Contexts
    database: Database
    customer: Customer

    async def put(
        self, sku: str, unit: str = "KG", step: str = "0.1", stock: str | None = "0"
    ) -> Published | InvalidInput:
        draft = ProductDraft(
            sku,
            "Cal hidratada",
            unit,
            Decimal(step),
            "cales",
            "Cales",
            None if stock is None else Decimal(stock),
        )
        return await self.contexts.catalog.publish([draft], SYSTEM)

    async def product(self, sku: str) -> Product:
        return (await self.contexts.catalog.products.by_skus([sku], None))[sku]

    async def price(self, sku: str, amount: str = "0.80", min_quantity: str | None = None) -> None:
        command = SetPriceCommand(
            sku,
            PriceSource.NATIONAL,
            None,
            None,
            None,
            None if min_quantity is None else Decimal(min_quantity),
            Decimal(amount),
            SINCE,
            None,
            by(UUID(int=9)),
        )
        assert isinstance(await self.contexts.pricing.set_price(command), PriceSet)

    async def fill(self, customer: Customer, sku: str, quantity: str = "5") -> int:
        outcome = await self.contexts.orders.set_cart_line(
            customer, sku, Decimal(quantity), datetime.now(UTC)
        )
        assert isinstance(outcome, CartChanged) and outcome.cart is not None
        return outcome.cart.cart.version

    async def waiting(self) -> bool:
        """Whether somebody waits for a lock that is not of a row."""
        async with self.database.reading() as connection:
            rows = await connection.execute(
                text("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            )
            return rows.first() is not None


@pytest.fixture(scope="module")
async def house(
    database: Database, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    home = tmp_path_factory.mktemp("home")
    configured = Settings(
        home=home, database_url=database_url, s3_endpoint=NOWHERE, s3_key="x", s3_secret="x"
    )
    async with bootstrap(configured) as parts:
        opened = await parts.contexts.identity.open_account(
            legal_name="Construtora do Pará Ltda.",
            cnpj="11222333000181",
            address=Address("Rua Um", "1", "Centro", "Belém", "PA", "66000000"),
            status=AccountStatus.APPROVED,
        )
        assert isinstance(opened, AccountOpened)
        yield House(parts.contexts, database, Customer(opened.account.id, new_id()))


def sku_of(n: int | str) -> str:
    return f"CAL-{n}-{new_id().hex[-8:]}"


async def test_prices_carts_and_open_orders_keep_the_unit(house: House) -> None:
    priced, carted, ordered = sku_of("P"), sku_of("C"), sku_of("O")
    for sku in (priced, carted):
        await house.put(sku)
    await house.put(ordered, stock="100")
    await house.price(priced)
    await house.price(ordered)
    await house.fill(house.customer, carted)
    buyer = Customer(house.customer.account_id, new_id())
    version = await house.fill(buyer, ordered, "100")
    placed = await house.contexts.orders.check_out(buyer, CheckOutCommand("k", version, None))
    assert isinstance(placed, Placed)

    for sku, what in (
        (priced, "prices"),
        (carted, "cart lines or open orders"),
        (ordered, "stock and prices and cart lines or open orders"),
    ):
        refused = await house.put(sku, unit="SC", step="1", stock=None)
        assert isinstance(refused, InvalidInput)
        assert f"from KG to SC while it has {what};" in refused.details[0].message

    await house.fill(house.customer, carted, "0")
    assert isinstance(await house.put(carted, unit="SC", step="1", stock=None), Published)
    assert (await house.product(carted)).unit == "SC"


async def test_orders_that_have_ended_refer_to_nothing(house: House) -> None:
    sku = sku_of("E")
    await house.put(sku, stock="5")
    await house.price(sku)
    buyer = Customer(house.customer.account_id, new_id())
    version = await house.fill(buyer, sku)
    placed = await house.contexts.orders.check_out(buyer, CheckOutCommand("k", version, None))
    assert isinstance(placed, Placed)
    step = TransitionCommand(placed.order.id, "c", None)
    await house.contexts.orders.cancel(EveryAccount(), by(UUID(int=9)), step)
    refused = await house.put(sku, unit="SC", step="1", stock=None)
    assert isinstance(refused, InvalidInput)
    assert "while it has stock and prices;" in refused.details[0].message


async def test_who_changes_a_unit_waits_for_a_price_that_is_being_set(house: House) -> None:
    sku = sku_of("W")
    await house.put(sku)
    product_id = (await house.product(sku)).id
    async with house.database.begin() as transaction:
        await SqlMeasures().keep(transaction)
        changing = asyncio.create_task(house.put(sku, unit="SC", step="1"))
        await until(house.waiting)
        await transaction.connection.execute(
            text(
                "INSERT INTO pricing.prices (id, product_id, source, min_quantity, amount, valid_during)"
                " VALUES (:id, :product, 'NATIONAL', 0, 0.8, tstzrange(now(), NULL))"
            ),
            {"id": new_id(), "product": product_id},
        )
        await transaction.commit()
    refused = await changing
    assert isinstance(refused, InvalidInput)
    assert refused.details[0].code == "UNIT_IN_USE"
    assert (await house.product(sku)).unit == "KG"


async def test_a_price_waits_for_a_unit_that_is_being_changed(house: House) -> None:
    sku = sku_of("V")
    await house.put(sku)
    draft = PriceDraft(
        (await house.product(sku)).id,
        PriceSource.NATIONAL,
        None,
        None,
        None,
        EVERY_QUANTITY,
        Decimal("0.80"),
        SINCE,
        unit="KG",
    )
    async with house.database.begin() as transaction:
        await SqlMeasures().change(transaction)
        loading = asyncio.create_task(house.contexts.pricing.load([draft], SYSTEM))
        await until(house.waiting)
        await transaction.connection.execute(
            text("UPDATE catalog.products SET unit = 'SC' WHERE sku = :sku"), {"sku": sku}
        )
        await transaction.commit()
    assert (await loading).misfits == (draft,)


async def test_a_price_sheet_and_a_change_of_unit_at_once(house: House) -> None:
    """Either the price is there and the unit stays, or the unit has changed and the price is not taken."""
    for number in range(TIMES):
        sku = sku_of(number)
        await house.put(sku)
        draft = PriceDraft(
            (await house.product(sku)).id,
            PriceSource.NATIONAL,
            None,
            None,
            None,
            EVERY_QUANTITY,
            Decimal("0.80"),
            SINCE,
            unit="KG",
        )
        changed, loaded = await asyncio.gather(
            house.put(sku, unit="SC", step="1"), house.contexts.pricing.load([draft], SYSTEM)
        )
        assert isinstance(changed, Published) == (loaded.misfits == (draft,))
        assert isinstance(changed, InvalidInput) == (loaded.written == 1)
        assert (await house.product(sku)).unit == ("SC" if loaded.misfits else "KG")


async def test_a_cart_line_and_a_change_of_unit_at_once(house: House) -> None:
    """No lock is needed: a line that comes too late is kept in the unit it was entered in, and not ordered."""
    for number in range(TIMES):
        sku, buyer = sku_of(number), Customer(house.customer.account_id, new_id())
        await house.put(sku)
        version, _ = await asyncio.gather(
            house.fill(buyer, sku, "2.5"), house.put(sku, unit="SC", step="1", stock=None)
        )
        unit = (await house.product(sku)).unit
        cart = await house.contexts.orders.carts.of(buyer, datetime.now(UTC))
        assert cart is not None
        (line,) = cart.lines
        assert line.quantity.unit == "KG"
        assert (line.unfit is None) == (unit == "KG")
        if line.unfit is not None:
            refused = await house.contexts.orders.check_out(buyer, CheckOutCommand("k", version, None))
            assert isinstance(refused, InvalidInput)


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody does next with the product, whether it is taken or refused."""

    does: Literal["publish", "price", "fill", "empty"]
    unit: str
    step: Decimal
    amount: int


DOING: list[Literal["publish", "price", "fill", "empty"]] = ["publish", "publish", "price", "fill", "empty"]


def deeds() -> st.SearchStrategy[list[Deed]]:
    deed = st.builds(
        Deed,
        st.sampled_from(DOING),
        st.sampled_from(["KG", "SC"]),
        st.sampled_from([Decimal(step) for step in ("2.5", "1", "0.5", "0.2", "0.1")]),
        st.integers(1, 9),
    )
    return st.lists(deed, min_size=4, max_size=10)


_BAGS = Deed("publish", "SC", Decimal(1), 1)


@given(deeds())
@example(
    [
        Deed("price", "", Decimal(1), 1),
        _BAGS,
        Deed("fill", "", Decimal(1), 3),
        Deed("price", "", Decimal(1), 2),
    ]
)
@example([Deed("fill", "", Decimal(1), 3), _BAGS, Deed("empty", "", Decimal(1), 1), _BAGS])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_history_of_units_and_steps_leaves_an_amount_behind(
    house: House, history: list[Deed]
) -> None:
    """After each deed: the cart's line can be ordered as it stands, and the price that is found, for the smallest
    quantity as for more, is the one set last, while the product was sold in the unit of now."""
    sku, buyer = sku_of("H"), Customer(house.customer.account_id, new_id())
    await house.put(sku)
    priced: tuple[str, Decimal] | None = None
    for deed in history:
        before = await house.product(sku)
        match deed.does:
            case "publish":
                await house.put(sku, deed.unit, str(deed.step), stock=None)
            case "price":
                await house.price(sku, str(deed.amount))
                priced = before.unit, Decimal(deed.amount)
            case "fill":
                await house.fill(buyer, sku, str(before.quantity_step * deed.amount))
            case "empty":
                await house.contexts.orders.set_cart_line(buyer, sku, Decimal(0), datetime.now(UTC))

        product = await house.product(sku)
        cart = await house.contexts.orders.carts.of(buyer, datetime.now(UTC))
        assert cart is None or [line.unfit for line in cart.lines if line.unfit is not None] == []
        quantities = product.quantity_step, product.quantity_step * 40
        lines = [Line(product.id, quantity) for quantity in quantities]
        at, nobody = datetime.now(UTC), Perspective(None, None, None)
        found = await house.contexts.pricing.resolve(nobody, lines, at)
        assert priced is None or priced[0] == product.unit
        assert [price and price.unit_price.amount for price in found] == [priced and priced[1]] * 2
