"""All of Prumo behind PgBouncer in transaction mode, which has two connections to the database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from contexts.shared.adapters.database import Database
from gateway import worker
from gateway.app import create_app
from gateway.embedded.postgres import Postgres
from gateway.mailbox import summaries
from gateway.migrate import migrate, require_migrated
from gateway.settings import Settings
from tests.api.serving import served
from tests.api.shop import SP, Answer, Shop, nodes_of
from tests.api.socket_client import WATCH, bearer, connected, receive, send
from tests.pgbouncer import PgBouncer, needs_pgbouncer, pgbouncer
from tests.polling import until

pytestmark = needs_pgbouncer

BUYERS = 20


def buyer(number: int) -> str:
    return f"comprador.{number}@prumo.example"


@pytest.fixture(scope="module")
def pooler(postgres: Postgres) -> Iterator[PgBouncer]:
    with pgbouncer(postgres, connections=2) as running:
        yield running


@pytest.fixture(scope="module")
async def pooled(settings: Settings, pooler: PgBouncer) -> Settings:
    """The module's settings with the pooler in front, and twenty more buyers in its database."""
    direct = settings.database_url or ""
    database = Database(direct)
    async with database.begin() as transaction:
        for number in range(BUYERS):
            given = {"id": uuid4(), "email": buyer(number), "like": SP}
            await transaction.connection.execute(_BUYER, given)
            await transaction.connection.execute(_ROLES, given)
        await transaction.commit()
    await database.close()
    url = pooler.url(make_url(direct).database or "")
    return settings.model_copy(update={"database_url": url, "database_direct_url": direct})


@pytest.fixture(scope="module")
async def address(pooled: Settings) -> AsyncIterator[str]:
    app = create_app(pooled)
    async with app.router.lifespan_context(app), served(app) as address:
        yield address


@pytest.fixture(scope="module")
async def shop(address: str) -> AsyncIterator[Shop]:
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=30) as http:
        yield Shop(http)


async def test_it_is_migrated_past_the_pooler(pooled: Settings) -> None:
    assert await migrate(pooled) == []
    await require_migrated(pooled)


async def test_an_order_is_placed_heard_of_and_mailed(shop: Shop, address: str, pooled: Settings) -> None:
    listed = await shop.operation("portal/Products", {"first": 24}, SP)
    assert len(nodes_of(listed.data["products"])) == 24
    assert any(node["price"] for node in nodes_of(listed.data["products"]))
    async with connected(address, await bearer(shop, SP)) as socket:
        await send(socket, id="1", type="subscribe", payload={"query": WATCH})
        await send(socket, id="2", type="subscribe", payload={"query": "{ viewer { scopes } }"})
        assert [(await receive(socket))["type"] for _ in range(2)] == ["next", "complete"]
        order = await shop.order(SP)
        message = await receive(socket)
        assert message["payload"]["data"]["orderUpdated"]["number"] == order["number"]

    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(pooled, stop))
    await until(lambda: any(order["number"] in line for line in summaries(pooled.home)))
    stop.set()
    await running


async def test_twenty_checkouts_at_once_share_two_connections(shop: Shop) -> None:
    """No unit of work waits for a second connection: two of them would wait for each other for ever."""
    for number in range(BUYERS):
        await shop.token(buyer(number))  # all at once would be throttled: they come from one address
    before = await _available(shop)
    async with asyncio.timeout(60):
        orders = await asyncio.gather(*(shop.order(buyer(number)) for number in range(BUYERS)))
    assert len({order["number"] for order in orders}) == BUYERS
    assert await _available(shop) == before - BUYERS


async def test_requests_of_all_kinds_at_once_find_no_stranger_s_statement(
    shop: Shop, pooled: Settings
) -> None:
    """Statements of one request go to either server connection, with those of others between them."""

    async def browse(number: int) -> list[Answer]:
        who = buyer(number)
        return [
            await shop.operation("portal/Products", {"first": 1 + number}, who),
            await shop.operation("portal/Cart", {}, who),
            await shop.operation("portal/Orders", {"first": 5}, who),
        ]

    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(browse(number) for number in range(BUYERS)))
    for number, (listed, cart, orders) in enumerate(answers):
        assert len(nodes_of(listed.data["products"])) == 1 + number
        assert "errors" not in cart.body
        assert len(nodes_of(orders.data["orders"])) == 5
    await _assert_servers_are_as_they_were(pooled)


async def _assert_servers_are_as_they_were(pooled: Settings) -> None:
    url = make_url(pooled.database_url or "").set(drivername="postgresql")
    stranger = await asyncpg.connect(url.render_as_string(), statement_cache_size=0)
    seen = set()
    for _ in range(6):
        async with stranger.transaction():
            ((pid, *left),) = await stranger.fetch(
                "SELECT pg_backend_pid(), current_setting('statement_timeout'), current_setting('lock_timeout'),"
                " current_setting('default_transaction_read_only'),"
                " (SELECT count(*) FROM pg_prepared_statements WHERE name <> '')"
            )
        seen.add(pid)
        # Not `jit`, which asyncpg itself switches off where it comes upon a type that it does not know.
        assert left == ["0", "0", "off", 0]
    assert len(seen) == 2
    await stranger.close()


async def _available(shop: Shop) -> int:
    asked = await shop.ask('{ product(sku: "CIM-0002") { availability { available } } }', {}, SP)
    return int(asked.data["product"]["availability"]["available"])


_BUYER = text(
    "INSERT INTO identity.users (id, name, email, password_hash, account_id, active, created_at)"
    " SELECT :id, name, :email, password_hash, account_id, active, created_at FROM identity.users"
    " WHERE email = :like"
)
_ROLES = text(
    "INSERT INTO identity.user_roles (user_id, role) SELECT :id, role FROM identity.user_roles"
    " WHERE user_id = (SELECT id FROM identity.users WHERE email = :like)"
)
