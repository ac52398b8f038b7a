"""Orders over the real catalog, pricing and identity, many customers at once."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from stdnum.br import cnpj

from contexts.catalog.adapters.measures import SqlMeasures
from contexts.catalog.adapters.product_writer import SqlProductWriter
from contexts.catalog.adapters.products import SqlProducts
from contexts.catalog.adapters.stock import SqlStock
from contexts.catalog.api import ProductDraft, Published, PublishProducts
from contexts.identity.adapters.accounts import SqlAccounts
from contexts.identity.adapters.directory import SqlDirectory
from contexts.identity.adapters.passwords import Argon2Passwords
from contexts.identity.adapters.users import SqlUsers
from contexts.identity.api import AccountOpened, AccountStatus, Address, AddUser, OpenAccount, UserAdded
from contexts.orders.adapters.buyers import IdentityBuyers
from contexts.orders.adapters.prices import PricingPrices
from contexts.orders.adapters.products import CatalogProducts
from contexts.orders.adapters.stock import CatalogStock
from contexts.orders.api import (
    AccountNotApproved,
    ApprovalRequired,
    CartChanged,
    CheckOutCommand,
    CheckOutOutcome,
    Customer,
    EveryAccount,
    Moved,
    Ordering,
    OutOfStock,
    OwnAccount,
    Placed,
    Portfolio,
    PriceOnRequest,
    ShortLine,
    TransitionCommand,
)
from contexts.pricing.adapters.catalog import CatalogProducts as PricedProducts
from contexts.pricing.adapters.prices import SqlPrices
from contexts.pricing.api import LoadPrices, PriceDraft, PriceSource, ResolvePrices
from contexts.shared.adapters.database import Database, connection_of, counting_statements
from contexts.shared.adapters.outbox import OutboxRelay
from contexts.shared.audit import SYSTEM
from contexts.shared.clock import SystemClock
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.rejections import NotFound
from gateway.bootstrap.catalog import REFERENCES
from tests.actor import by
from tests.contexts.orders.shop import KeptMail, ordering
from tests.polling import until

ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)
NATIONAL, STATE, BUYER = PriceSource.NATIONAL, PriceSource.STATE, PriceSource.BUYER


@dataclass(slots=True)
class House:
    """The contexts over one database, and ways to fill it."""

    database: Database
    orders: Ordering
    publish: PublishProducts
    load: LoadPrices
    catalog: SqlProducts
    open_account: OpenAccount
    add_user: AddUser
    mail: KeptMail
    numbers: Random

    async def products(
        self, stock: str, *prices: tuple[PriceSource, str, str | None], count: int = 1
    ) -> list[str]:
        """New products with these prices each: source, amount, state. Their skus."""
        drafts = [
            ProductDraft(
                sku=f"M-{new_id().hex[-12:].upper()}",
                name="Cimento CP II-E-32 50 kg",
                unit="SC",
                quantity_step=Decimal("0.5"),
                category_slug="cimento",
                category_name="Cimento",
                stock=Decimal(stock),
            )
            for _ in range(count)
        ]
        published = await self.publish(drafts, SYSTEM)
        assert isinstance(published, Published)
        await self.load(
            [
                PriceDraft(id, source, None, state, None, Decimal(1), Decimal(amount), ALWAYS)
                for id in published.product_ids.values()
                for source, amount, state in prices
            ],
            SYSTEM,
        )
        return [draft.sku for draft in drafts]

    async def customer(self, *reps: UserAdded, status: AccountStatus = AccountStatus.APPROVED) -> Customer:
        """A user of a new account in SP."""
        base = f"{self.numbers.randrange(10**8):08}0001"
        opened = await self.open_account(
            legal_name="Construtora Aurora Ltda",
            cnpj=base + cnpj.calc_check_digits(base),
            address=Address("Rua das Obras", "10", "Centro", "São Paulo", "SP", "01001000"),
            status=status,
            rep_ids=[rep.user.id for rep in reps],
        )
        assert isinstance(opened, AccountOpened)
        return Customer(opened.account.id, new_id())

    async def buyer(self) -> Customer:
        """One of a new account's users who is there."""
        customer = await self.customer()
        added = await self.add_user(
            email=f"{customer.user_id}@obra.example",
            name="Ana Souza",
            password="prumo-demo",
            roles=["buyer"],
            account_id=customer.account_id,
        )
        assert isinstance(added, UserAdded)
        return Customer(customer.account_id, added.user.id)

    async def put(self, customer: Customer, sku: str, quantity: str = "1") -> CartChanged:
        outcome = await self.orders.set_cart_line(customer, sku, Decimal(quantity), datetime.now(UTC))
        assert isinstance(outcome, CartChanged)
        return outcome

    async def check_out(self, customer: Customer, version: int = 1, key: str = "k") -> CheckOutOutcome:
        return await self.orders.check_out(customer, CheckOutCommand(key, version, None))

    async def available(self, sku: str) -> Decimal:
        return (await self.catalog.by_skus([sku], None))[sku].availability.available


@pytest.fixture(scope="module")
def house(database: Database) -> House:
    clock, mail = SystemClock(), KeptMail()
    accounts, users = SqlAccounts(database), SqlUsers(database)
    products, prices = SqlProducts(database, "http://media.example/", None), SqlPrices(database)
    return House(
        database=database,
        orders=ordering(
            database,
            IdentityBuyers(accounts, users, SqlDirectory(database)),
            CatalogProducts(products),
            PricingPrices(ResolvePrices(prices, clock)),
            CatalogStock(SqlStock()),
            mail,
            clock,
        ),
        publish=PublishProducts(database, SqlProductWriter(), SqlMeasures(), REFERENCES, clock),
        load=LoadPrices(prices, PricedProducts(products, SqlMeasures()), database, clock),
        catalog=products,
        open_account=OpenAccount(accounts, users, database, clock),
        add_user=AddUser(users, accounts, Argon2Passwords(), database, clock),
        mail=mail,
        numbers=Random(7),
    )


async def test_100_checkouts_at_once_for_30_units_sell_30(house: House) -> None:
    (sku,) = await house.products("30", (NATIONAL, "39.90", None))
    account = await house.customer()
    customers = [Customer(account.account_id, new_id()) for _ in range(100)]
    for customer in customers:
        await house.put(customer, sku)
    outcomes = await asyncio.gather(*(house.check_out(customer) for customer in customers))
    assert [isinstance(outcome, Placed) for outcome in outcomes].count(True) == 30
    assert outcomes.count(OutOfStock((ShortLine(sku, Decimal(1), Decimal(0)),))) == 70
    assert await house.available(sku) == 0
    assert await house.orders.orders.count(OwnAccount(account.account_id)) == 30


async def test_lines_in_opposite_orders_never_deadlock(house: House) -> None:
    skus = await house.products("60", (NATIONAL, "1.00", None), count=6)
    account = await house.customer()
    customers = [Customer(account.account_id, new_id()) for _ in range(40)]
    for number, customer in enumerate(customers):
        for sku in skus if number % 2 else reversed(skus):
            await house.put(customer, sku, "2")
    outcomes = await asyncio.gather(*(house.check_out(customer, version=6) for customer in customers))
    assert [isinstance(outcome, Placed) for outcome in outcomes].count(True) == 30
    assert [isinstance(outcome, OutOfStock) for outcome in outcomes].count(True) == 10
    assert [await house.available(sku) for sku in skus] == [0] * 6


async def test_one_key_20_times_at_once_is_one_order(house: House) -> None:
    (sku,) = await house.products("30", (NATIONAL, "39.90", None))
    customer = await house.customer()
    await house.put(customer, sku, "2")
    outcomes = await asyncio.gather(*(house.check_out(customer) for _ in range(20)))
    placed = [outcome for outcome in outcomes if isinstance(outcome, Placed)]
    assert sorted(outcome.replayed for outcome in placed) == [False] + [True] * 19
    assert len({outcome.order.id for outcome in placed}) == 1
    assert await house.available(sku) == 28


async def test_cancelling_while_others_buy_loses_no_unit(house: House) -> None:
    (sku,) = await house.products("10", (NATIONAL, "39.90", None))
    account = await house.customer()
    first = [Customer(account.account_id, new_id()) for _ in range(10)]
    second = [Customer(account.account_id, new_id()) for _ in range(10)]
    for customer in first + second:
        await house.put(customer, sku)
    placed = [outcome for customer in first if isinstance(outcome := await house.check_out(customer), Placed)]
    assert len(placed) == 10
    cancelled, bought = await asyncio.gather(
        asyncio.gather(
            *(
                house.orders.cancel(EveryAccount(), by(), TransitionCommand(each.order.id, "c", None))
                for each in placed
            )
        ),
        asyncio.gather(*(house.check_out(customer) for customer in second)),
    )
    assert all(isinstance(outcome, Moved) for outcome in cancelled)
    sold = [isinstance(outcome, Placed) for outcome in bought].count(True)
    assert await house.available(sku) == 10 - sold


async def test_prices_come_from_the_one_resolver(house: House) -> None:
    (sku,) = await house.products(
        "10", (NATIONAL, "39.90", None), (STATE, "41.55", "SP"), (STATE, "1.00", "PA")
    )
    (unpriced,) = await house.products("10")
    customer = await house.customer()
    cart = (await house.put(customer, sku, "1.5")).cart
    assert cart is not None
    (line,) = cart.lines
    assert (line.unit_price, line.price_source) == (Money(Decimal("41.55")), "STATE")
    # 62.325 is half-way, and 2 is even.
    assert line.line_total == cart.subtotal == Money(Decimal("62.32"))
    await house.put(customer, unpriced)
    assert await house.check_out(customer, version=2) == PriceOnRequest((unpriced,))
    await house.put(customer, unpriced, "0")
    outcome = await house.check_out(customer, version=3)
    assert isinstance(outcome, Placed)
    assert outcome.order.total == cart.subtotal
    assert outcome.order.lines[0].price_source == "STATE"


@pytest.mark.parametrize(
    "status", [status for status in AccountStatus if status is not AccountStatus.APPROVED]
)
async def test_only_an_approved_account_sees_prices_and_orders(house: House, status: AccountStatus) -> None:
    (sku,) = await house.products("10", (NATIONAL, "39.90", None))
    customer = await house.customer(status=status)
    cart = (await house.put(customer, sku)).cart
    assert cart is not None
    assert [line.unit_price for line in cart.lines] == [None]
    assert await house.check_out(customer) == AccountNotApproved()


async def test_statements_do_not_grow_with_the_cart(house: House) -> None:
    counts = []
    for size in (1, 30):
        customer = await house.customer()
        for sku in await house.products("10", (NATIONAL, "39.90", None), count=size):
            await house.put(customer, sku)
        with counting_statements() as reading:
            await house.orders.carts.of(customer, datetime.now(UTC))
        with counting_statements() as buying:
            assert isinstance(await house.check_out(customer, version=size), Placed)
        counts.append((reading.statements, buying.statements))
    assert counts[0] == counts[1]
    assert counts[0][0] == 4


async def test_a_limit_lowered_meanwhile_holds_for_the_checkout_that_waited_for_it(
    house: House, database: Database
) -> None:
    """Whoever changes the limit and whoever orders take turns: no order is placed beyond a limit that holds."""
    customer, directory = await house.buyer(), SqlDirectory(database)
    (sku,) = await house.products("10", (NATIONAL, "39.90", None))
    await house.put(customer, sku)
    async with database.begin() as lowering:
        await directory.set_approval_limit(lowering, customer.user_id, Money(Decimal("39.89")))
        ordering = asyncio.create_task(house.check_out(customer))
        await until(partial(waits_for_a_limit, database))
        await lowering.commit()
    expected = ApprovalRequired(limit=Money(Decimal("39.89")), total=Money(Decimal("39.90")))
    assert await ordering == expected
    async with database.begin() as raising:
        await directory.set_approval_limit(raising, customer.user_id, None)
        await raising.commit()
    assert isinstance(await house.check_out(customer), Placed)


async def test_a_limit_is_not_lowered_while_an_order_is_placed_by_it(
    house: House, database: Database
) -> None:
    customer, directory = await house.buyer(), SqlDirectory(database)
    async with database.begin() as placing:
        assert await directory.approval_limit(placing, customer.user_id) is None
        async with database.begin() as lowering:
            await connection_of(lowering).execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await directory.set_approval_limit(lowering, customer.user_id, Money(Decimal(0)))


async def waits_for_a_limit(database: Database) -> bool:
    async with database.reading() as connection:
        waiting = await connection.scalar(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND query LIKE '%approval_limit%FOR SHARE%' AND datname = current_database()"
            )
        )
        return bool(waiting)


async def test_a_rep_and_the_mail(house: House) -> None:
    rep = await house.add_user(
        email="rep@loja.example", name="Rui Lima", password="prumo-demo", roles=["sales_rep"]
    )
    assert isinstance(rep, UserAdded)
    customer, other = await house.customer(rep), await house.customer()
    buyer = await house.add_user(
        email="ana@obra.example",
        name="Ana Souza",
        password="prumo-demo",
        roles=["buyer"],
        account_id=customer.account_id,
    )
    assert isinstance(buyer, UserAdded)
    customer = Customer(customer.account_id, buyer.user.id)
    (sku,) = await house.products("10", (NATIONAL, "39.90", None))
    orders = []
    for each in (customer, other):
        await house.put(each, sku)
        outcome = await house.check_out(each)
        assert isinstance(outcome, Placed)
        orders.append(outcome.order)
    reach = Portfolio(rep.user.id)
    mine = TransitionCommand(orders[0].id, "a", None)
    assert isinstance(await house.orders.confirm(reach, by(rep.user.id), mine), Moved)
    theirs = TransitionCommand(orders[1].id, "b", None)
    assert isinstance(await house.orders.confirm(reach, by(rep.user.id), theirs), NotFound)
    assert await house.orders.orders.count(reach) == 1

    relay = OutboxRelay(
        house.database, dict.fromkeys(("orders.placed", "orders.confirmed"), house.orders.mail)
    )
    while await relay.deliver_one():
        pass
    assert [mail.subject for mail in house.mail.mails if mail.to == "ana@obra.example"] == [
        f"Recebemos seu pedido {orders[0].number}",
        f"Pedido {orders[0].number} confirmado",
    ]
