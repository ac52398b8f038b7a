"""Who follows a listing with its cursor misses no row and sees none twice, whatever order ids were made in.

Of each listing that stands in commit order; docs/adr/0025-commit-order.md.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import text

from contexts.catalog.adapters.product_writer import SqlProductWriter
from contexts.catalog.adapters.products import SqlProducts
from contexts.catalog.ports import ProductFilter, ProductSort
from contexts.identity.adapters.account_files import SqlAccountFiles
from contexts.identity.adapters.accounts import SqlAccounts
from contexts.identity.domain.account import Account, AccountStatus
from contexts.identity.domain.address import AccountAddress
from contexts.identity.domain.scopes import ALL_ACCOUNTS
from contexts.identity.domain.user import Principal
from contexts.identity.ports import AccountFilter
from contexts.orders.adapters.orders import SqlOrderBook, SqlOrders
from contexts.orders.api import Customer, EveryAccount
from contexts.orders.domain.number import order_number
from contexts.orders.domain.order import Order, OrderLine
from contexts.shared.adapters.audit import SqlAuditTrail
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.audit import Act, AuditFilter, Subject
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.pagination import Position, Window
from contexts.shared.quantity import Quantity
from contexts.shared.transaction import Transaction
from tests.actor import by
from tests.contexts.catalog.drafts import draft, publish
from tests.contexts.identity.conftest import PA_ADDRESS
from tests.contexts.orders.shop import NOON, FakeBuyers
from tests.polling import until

LINE = OrderLine(
    new_id(), "CIM-0001", "Cimento", Quantity(Decimal(1), "SC"), Money(Decimal(1)), "STATE", Money(Decimal(1))
)
STAFF = Principal(new_id(), new_id(), None, frozenset(), frozenset({ALL_ACCOUNTS}))
WRITERS, TIMES = 8, 12


@dataclass(frozen=True, slots=True)
class Follower:
    """A listing, newest first: a way to add to it, and to read a window of it."""

    add: Callable[[Transaction], Awaitable[UUID]]
    read: Callable[[Window], Awaitable[tuple[list[UUID], list[Position]]]]

    async def newer(self, than: Position | None) -> tuple[list[UUID], Position | None]:
        """What is newer than a position, the oldest first, and the position of the newest; like a client with
        `last` and `before`. From the beginning: None."""
        seen: list[UUID] = []
        while True:
            ids, positions = await self.read(Window(7, backward=True, before=than))
            seen += reversed(ids)
            if not positions:
                return seen, than
            than = positions[0]


def listings(database: Database) -> dict[str, Follower]:
    orders, accounts, trail = (
        SqlOrders(database, FakeBuyers()),
        SqlAccountFiles(database),
        SqlAuditTrail(database),
    )

    async def place(transaction: Transaction) -> UUID:
        order = Order.place(new_id(), order_number(), Customer(new_id(), new_id()), (LINE,), NOON)
        assert await SqlOrderBook().enter(transaction, order)
        return order.id

    async def ordered(window: Window) -> tuple[list[UUID], list[Position]]:
        page = await orders.page(EveryAccount(), window)
        return [order.id for order in page.items], page.positions

    async def register(transaction: Transaction) -> UUID:
        account = Account(new_id(), "Obra Ltda.", "11222333000181", "PA", None, AccountStatus.PENDING)
        address = AccountAddress(new_id(), PA_ADDRESS, primary=True, delivery=True, billing=True)
        await SqlAccounts(database).add(transaction, account, [address], (), NOON)
        return account.id

    async def registered(window: Window) -> tuple[list[UUID], list[Position]]:
        page = await accounts.page(STAFF, AccountFilter(), window)
        return [account.id for account in page.items], page.positions

    async def record(transaction: Transaction) -> UUID:
        subject = new_id()
        await transaction.record(Act(by(), "orders.confirmed", Subject("Order", subject), NOON))
        return subject

    async def recorded(window: Window) -> tuple[list[UUID], list[Position]]:
        # Not what other tests of this module record.
        page = await trail.page(window, AuditFilter(action="orders.confirmed"))
        return [UUID(str(entry.act.subject.id)) for entry in page.items], page.positions

    return {
        "orders": Follower(place, ordered),
        "buyerAccounts": Follower(register, registered),
        "auditTrail": Follower(record, recorded),
    }


LISTINGS = ["orders", "buyerAccounts", "auditTrail"]
NOW = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")


@pytest.mark.parametrize("name", LISTINGS)
async def test_a_row_older_than_one_that_was_read_comes_after_it(database: Database, name: str) -> None:
    listing = listings(database)[name]
    _, read = await listing.newer(None)
    async with database.begin() as slow:
        older = await listing.add(slow)
        async with database.begin() as fast:
            newer = await listing.add(fast)
            await fast.commit()
        seen, read = await listing.newer(read)
        assert seen == [newer]
        await slow.commit()
    assert (await listing.newer(read))[0] == [older]


@pytest.mark.parametrize("name", LISTINGS)
async def test_a_place_tells_the_time_and_not_how_many_there_are(database: Database, name: str) -> None:
    """Clients read cursors. Of two of them, a time that passed is all that can be learned: nobody's orders in it."""
    listing = listings(database)[name]
    times: list[int] = []
    for _ in range(2):
        async with database.begin() as transaction, database.reading() as clock:
            times.append(await clock.scalar(NOW) or 0)
            await listing.add(transaction)
            await transaction.commit()
            times.append(await clock.scalar(NOW) or 0)
    _, (newest, older) = await listing.read(Window(2))
    assert times[0] <= int(older[0] or "") <= times[1] <= times[2] <= int(newest[0] or "") <= times[3]


async def test_a_clock_that_was_set_back_leaves_the_order(database: Database) -> None:
    """The last number is of a clock that was ahead."""
    orders = listings(database)["orders"]
    ids: list[UUID] = []
    async with database.reading() as sequence:
        ahead = await sequence.scalar(text("SELECT setval('shared.commit_order', :ahead)"), {"ahead": 10**17})
        for _ in range(2):
            async with database.begin() as transaction:
                ids.append(await orders.add(transaction))
                await transaction.commit()
    found, (newest, older) = await orders.read(Window(2))
    assert found == ids[::-1]
    assert (older[0], newest[0]) == (str(ahead + 1), str(ahead + 2))


async def test_products_of_who_waited_to_publish_are_newer(database: Database) -> None:
    """The transaction began before the other's, and has its turn after it."""
    catalog = SqlProducts(database, "", None)

    async def newer(than: Position | None) -> tuple[list[str], Position | None]:
        window = Window(10, backward=True, before=than)
        page = await catalog.page(window, ProductFilter(), ProductSort.NEWEST, None, None)
        return [product.sku for product in page.items], page.positions[0] if page.positions else than

    async with database.begin() as waiting:
        await connection_of(waiting).raw.execute("SELECT")
        await publish(database, draft("FIRST"))
        seen, read = await newer(None)
        assert seen == ["FIRST"]
        writer = SqlProductWriter()
        await writer.lock(waiting)
        await writer.put(waiting, [draft("SECOND")], {"SECOND": "second"})
        await waiting.commit()
    assert (await newer(read))[0] == ["SECOND"]


WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
)


async def test_a_commit_waits_for_the_one_that_has_the_number_before(database: Database) -> None:
    """Between number and commit there is a moment, here made long: who has the next number is not seen in it."""
    orders = listings(database)["orders"]
    _, read = await orders.newer(None)
    async with database.begin() as first, database.begin() as second, database.reading() as watching:
        ids = [await orders.add(first), await orders.add(second)]
        await connection_of(first).raw.execute("SET CONSTRAINTS ALL IMMEDIATE")
        committing = asyncio.create_task(second.commit())

        async def waits() -> bool:
            return committing.done() or await watching.scalar(text(WAITING)) == 1

        await until(waits)
        assert (await orders.newer(read))[0] == []
        await first.commit()
        await committing
    assert (await orders.newer(read))[0] == ids


async def test_many_write_while_one_follows(database: Database) -> None:
    """In transactions of several rows, in any order of the listings: none waits for another in a circle."""
    followed = listings(database)
    places = {name: (await followed[name].newer(None))[1] for name in LISTINGS}
    written: dict[str, list[UUID]] = {name: [] for name in LISTINGS}
    seen: dict[str, list[UUID]] = {name: [] for name in LISTINGS}

    async def write(random: Random) -> None:
        for _ in range(TIMES):
            async with database.begin() as transaction:
                for name in random.sample(LISTINGS, len(LISTINGS)):
                    written[name].append(await followed[name].add(transaction))
                await transaction.commit()

    async def follow() -> None:
        for name, place in places.items():
            news, places[name] = await followed[name].newer(place)
            seen[name] += news

    writing = asyncio.gather(*(write(Random(n)) for n in range(WRITERS)))
    while not writing.done():
        await follow()
    await writing
    await follow()
    for name in LISTINGS:
        assert len(seen[name]) == len(set(seen[name])) == WRITERS * TIMES
        assert set(seen[name]) == set(written[name])


async def test_rows_of_before_keep_their_place_and_their_cursors(database: Database) -> None:
    """Orders that no trigger has numbered stand before all others, in the order of their ids."""
    listing = listings(database)["orders"]
    async with database.begin() as transaction:
        ids = [await listing.add(transaction) for _ in range(4)]
        await transaction.commit()
    async with database.begin() as transaction:
        change = text("UPDATE orders.orders SET commit_order = 0 WHERE id = ANY(:ids)")
        await connection_of(transaction).execute(change, {"ids": ids[:2]})
        await transaction.commit()
    every, _ = await listing.newer(None)
    assert [id for id in every if id in ids] == ids
    assert every[0] == ids[0]
    for place, id in enumerate(every):
        assert (await listing.newer((str(id),)))[0] == every[place + 1 :]


async def test_cursors_of_before_go_on_in_the_trail_and_among_the_accounts(database: Database) -> None:
    accounts, trail = (listings(database)[name] for name in ("buyerAccounts", "auditTrail"))
    for listing in (accounts, trail):
        async with database.begin() as transaction:
            await listing.add(transaction)
            await listing.add(transaction)
            await transaction.commit()
        _, (newest, older) = await listing.read(Window(2))
        assert (await listing.newer(older[1:]))[1] == newest


async def test_nobody_but_the_commit_numbers_an_act(database: Database) -> None:
    trail = listings(database)["auditTrail"]
    async with database.begin() as transaction:
        await trail.add(transaction)
        with pytest.raises(Exception, match="append-only"):
            await connection_of(transaction).raw.execute("UPDATE shared.audit_trail SET commit_order = 7")
