"""So many operations at once, for so long, and what happens to those beyond."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest
from graphql import GraphQLError
from starlette.applications import Starlette

from contexts.shared.adapters.database import connector
from gateway.app import create_app
from gateway.http.capacity import STUCK_SECONDS, Capacity
from gateway.settings import Settings
from tests.api.serving import served
from tests.api.shop import SP, Shop, nodes_of
from tests.api.socket_client import connected, receive, send
from tests.polling import until

CATEGORIES = "{ categories { slug } }"


@asynccontextmanager
async def running(settings: Settings, **changed: float) -> AsyncIterator[tuple[Starlette, Shop]]:
    app = create_app(settings.model_copy(update=changed))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://prumo.test") as http:
            yield app, Shop(http)


@asynccontextmanager
async def locked(settings: Settings, statement: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else is in the way for the length of the block."""
    connection = await connector(settings.database_url or "", {})()
    try:
        async with connection.transaction():
            await connection.execute(statement)
            yield connection
    finally:
        await connection.close()


async def waiting(settings: Settings) -> int:
    """How many statements wait for a lock."""
    connection = await connector(settings.database_url or "", {})()
    try:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        return count
    finally:
        await connection.close()


async def until_waiting(settings: Settings, number: int) -> None:
    async def are_waiting() -> bool:
        return await waiting(settings) == number

    await until(are_waiting)


async def test_what_takes_too_long_is_given_up_and_its_sql_cancelled(settings: Settings) -> None:
    async with running(settings, request_seconds=0.3) as (_, shop):
        async with locked(settings, "LOCK TABLE catalog.categories IN ACCESS EXCLUSIVE MODE"):
            answer = await shop.ask(CATEGORIES)
            await until_waiting(settings, 0)
        assert (answer.status, answer.codes, "data" in answer.body) == (503, ["TIMEOUT"], False)
        assert answer.headers["retry-after"] == "1"
        assert "0.3 s" in answer.body["errors"][0]["message"]
        assert (await shop.ask(CATEGORIES)).data["categories"]


async def test_a_unit_of_work_that_is_given_up_leaves_nothing(settings: Settings) -> None:
    async with running(settings) as (_, patient):
        token = await patient.token(SP)
        sku = nodes_of((await patient.ask("{ products(first: 1) { nodes { sku } } }")).data["products"])[0][
            "sku"
        ]
        before = (await patient.ask("{ cart { version } }", who=SP)).data["cart"]
    async with running(settings, request_seconds=0.3) as (_, shop):
        shop._tokens[SP] = token
        put = {"input": {"sku": sku, "quantity": "1"}}
        async with locked(settings, "LOCK TABLE orders.cart_lines IN ACCESS EXCLUSIVE MODE"):
            answer = await shop.operation("portal/SetCartLine", put, SP)
            await until_waiting(settings, 0)
        assert answer.codes == ["TIMEOUT"]
        assert (await shop.ask("{ cart { version } }", who=SP)).data["cart"] == before
        (await shop.operation("portal/SetCartLine", put, SP)).done("cartLineSet")


async def test_beyond_the_capacity_comes_503_and_the_rest_is_answered(settings: Settings) -> None:
    async with running(settings, max_in_flight=5) as (_, shop):
        async with locked(settings, "LOCK TABLE catalog.categories IN ACCESS EXCLUSIVE MODE"):
            asked = [asyncio.create_task(shop.ask(CATEGORIES)) for _ in range(8)]
            refused, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            while len(refused) < 3:
                refused, _ = await asyncio.wait(asked, timeout=0.05)
            assert len(refused) == 3
        answers = [await each for each in asked]
        assert sorted(answer.status for answer in answers) == [200] * 5 + [503] * 3
        (codes,) = {tuple(answer.codes) for answer in answers if answer.status == 503}
        assert codes == ("OVERLOADED",)
        assert {answer.headers.get("retry-after") for answer in answers} == {None, "1"}
        assert (await shop.ask(CATEGORIES)).status == 200


@pytest.mark.parametrize(
    ("changed", "code"), [({"request_seconds": 0.3}, "TIMEOUT"), ({"max_in_flight": 1}, "OVERLOADED")]
)
async def test_sockets_share_the_capacity(settings: Settings, changed: dict[str, float], code: str) -> None:
    async with running(settings, **changed) as (app, _), served(app) as address, connected(address) as socket:
        async with locked(settings, "LOCK TABLE catalog.categories IN ACCESS EXCLUSIVE MODE"):
            await send(socket, id="1", type="subscribe", payload={"query": CATEGORIES})
            await send(socket, id="2", type="subscribe", payload={"query": CATEGORIES})
            message = await receive(socket)
        assert message["type"] == "error"
        assert message["payload"][0]["extensions"]["code"] == code


async def test_an_event_that_takes_too_long_is_given_up() -> None:
    capacity = Capacity(1, 0.05)
    with pytest.raises(GraphQLError) as given_up:
        async with capacity.turn():
            assert capacity.is_exhausted
            await asyncio.Event().wait()
    assert (given_up.value.extensions or {})["code"] == "TIMEOUT"
    assert not capacity.is_exhausted
    with pytest.raises(TimeoutError, match="its own"):
        async with capacity.turn():
            raise TimeoutError("its own")


def test_a_process_is_stuck_when_it_is_exhausted_and_nothing_ends() -> None:
    now = 0.0
    capacity = Capacity(2, 30, clock=lambda: now)
    with capacity:
        now += 2 * STUCK_SECONDS
        assert not capacity.is_stuck, "there is a place"
        with capacity:
            assert not capacity.is_stuck, "exhausted just now"
            now += STUCK_SECONDS
            assert capacity.is_stuck
        assert not capacity.is_stuck
        with capacity:
            assert not capacity.is_stuck, "one has ended since"
            now += STUCK_SECONDS
            with capacity:  # an event of a subscription, which is not refused
                assert capacity.is_stuck
            assert not capacity.is_stuck, "that has ended"
