"""`orderUpdated` of many at once: what of an event is done once, who shares it, and who pays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import orjson
import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection

from contexts.identity.adapters.access_tokens import JwtAccessTokens
from contexts.identity.api import Principal, TokenVerified
from contexts.orders.adapters.order_changes import ListenedOrderChanges
from contexts.shared.adapters.database import counting_statements
from gateway.app import create_app
from gateway.bootstrap import Parts, bootstrap
from gateway.settings import AUDIENCE, ISSUER, Settings
from resolvers.vocabulary.context import RequestContext
from schema.cost import Bill
from schema.documents import Documents, Prepared
from schema.execution.choice import ExecutorKind
from schema.limits import Limits
from schema.operations import NO_SESSION, Operation, Operations, Response
from schema.rate_limiter import Allowance, RateLimiter
from schema.stitching import stitch
from tests.api.serving import served
from tests.api.shop import GESTOR, GRAPHQL_RESPONSE, PA, REP, SP, Json, Shop
from tests.api.socket_client import WATCH, bearer, closed_with, connected, receive, send
from tests.api.test_subscriptions import AdjustableClock
from tests.polling import until
from tests.signing import keys_of

WITH_TOTAL = (
    "subscription ($total: Boolean!) { orderUpdated { number total @include(if: $total) { amount } } }"
)


@pytest.fixture(scope="module")
async def parts(settings: Settings) -> AsyncIterator[Parts]:
    """A second process of the application, as it were, that listens."""
    async with bootstrap(settings) as parts:
        await until_listening(parts)
        yield parts


async def until_listening(parts: Parts) -> None:
    """PostgreSQL tells from now on what changes, `parts` and the module's `app`."""

    async def are_listening() -> bool:
        return await listeners(parts) >= 2

    await until(are_listening)


async def listeners(parts: Parts) -> int:
    """In a transaction of its own: pg_stat_activity stays as it was inside one."""
    listening = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND query LIKE 'LISTEN%order_updated%'"
    )
    async with parts.database.reading() as connection:
        found = await connection.scalar(listening)
    return int(found or 0)


@pytest.fixture(scope="module", params=list(ExecutorKind), ids=lambda kind: kind.value)
def kind(request: pytest.FixtureRequest) -> ExecutorKind:
    found: ExecutorKind = request.param
    return found


@dataclass(slots=True)
class Watching:
    """Subscriptions to the orders, of which `turns` counts how many events were executed."""

    operations: Operations
    parts: Parts
    turns: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        self.turns += 1
        yield

    def make_known(self, query: str) -> None:
        """So that nobody pays for the first who asks."""
        prepared = self.operations.documents.prepare(query)
        assert isinstance(prepared, Prepared)
        self.operations.documents.plan(prepared, next(iter(prepared.operations)))

    async def subscribe(
        self, principal: Principal, query: str = WATCH, variables: Json = None
    ) -> list[Response]:
        """What this subscription gets, as it comes."""
        context = RequestContext(self.parts.contexts, principal, uuid4().hex, self.parts.clock.now())
        self.make_known(query)
        bill = self.operations.arrive(principal, "", len(query), context.request_id)
        assert isinstance(bill, Bill)
        operation = self.operations.select(query, None, context.request_id, bill)
        assert isinstance(operation, Operation)
        responses = await self.operations.subscribe(
            operation, variables or {}, context, self.parts.clock, self.turn
        )
        assert not isinstance(responses, Response), responses.errors
        got: list[Response] = []

        async def read() -> None:
            async for response in responses:
                got.append(response)  # noqa: PERF401 - one by one, as they come

        self.tasks.append(asyncio.create_task(read()))
        return got

    async def until_heard(self, streams: int) -> None:
        """So many streams of changes are under way."""
        changes = self.parts.contexts.orders.changes
        assert isinstance(changes, ListenedOrderChanges)
        await until(lambda: len(changes._subscribers) == streams)


@asynccontextmanager
async def watching(
    parts: Parts, kind: ExecutorKind = ExecutorKind.BREADTH, throttle: RateLimiter | None = None
) -> AsyncIterator[Watching]:
    schema = stitch()
    watching = Watching(Operations(schema, Documents(schema._schema, Limits()), kind, throttle), parts)
    try:
        yield watching
    finally:
        for task in watching.tasks:
            task.cancel()
        await asyncio.gather(*watching.tasks, return_exceptions=True)
        await watching.until_heard(0)


async def all_have(got: list[list[Response]], count: int) -> None:
    await until(lambda: all(len(each) >= count for each in got))
    assert [len(each) for each in got] == [count] * len(got)


async def ordered_until_heard(shop: Shop, socket: ClientConnection) -> Json:
    """Orders are placed until this socket is told of one, since its process may not listen yet."""
    while True:
        await shop.order(SP)
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                return orjson.loads(await socket.recv())


async def principal(shop: Shop, settings: Settings, who: str) -> Principal:
    tokens = JwtAccessTokens(await keys_of(settings), ISSUER, AUDIENCE)
    verified = tokens.verify(await shop.token(who), datetime.now(UTC))
    assert isinstance(verified, TokenVerified)
    return verified.principal


async def test_an_event_is_as_much_work_for_600_equal_subscriptions_as_for_one(
    shop: Shop, settings: Settings, parts: Parts, kind: ExecutorKind
) -> None:
    buyer = await principal(shop, settings, SP)
    for number in (1, 600):
        with counting_statements() as sent:
            async with watching(parts, kind) as watch:
                # Each from a session of its own: what the answer depends on is all the same.
                got = [await watch.subscribe(replace(buyer, session_id=uuid4())) for _ in range(number)]
                await watch.until_heard(1)
                placed = await shop.order(SP)
                await all_have(got, 1)
                assert (watch.turns, sent.statements) == (1, 1)
                assert {id(each[0]) for each in got} == {id(got[0][0])}
                data = got[0][0].body()["data"]["orderUpdated"]
                assert (data["number"], data["status"]) == (placed["number"], "PLACED")
                assert not watch.operations.throttle


async def test_reps_and_strangers_are_sorted_out_with_one_statement(
    shop: Shop, settings: Settings, parts: Parts
) -> None:
    """The order is read once and the account's reps once, however many viewers there are."""
    buyer, other, rep = [await principal(shop, settings, who) for who in (SP, PA, REP)]
    with counting_statements() as sent:
        async with watching(parts) as watch:
            strangers = [await watch.subscribe(replace(other, user_id=uuid4())) for _ in range(10)]
            other_reps = [await watch.subscribe(replace(rep, user_id=uuid4())) for _ in range(10)]
            buyers = [await watch.subscribe(replace(buyer, user_id=uuid4())) for _ in range(10)]
            own_rep = await watch.subscribe(rep)
            await watch.until_heard(31)
            await shop.order(SP)
            await all_have([*buyers, own_rep], 1)
            assert (watch.turns, sent.statements) == (11, 2)
            assert [*strangers, *other_reps] == [[]] * 20


async def test_who_differs_in_anything_does_not_share(
    shop: Shop, settings: Settings, parts: Parts, kind: ExecutorKind
) -> None:
    buyer, boss, rep = [await principal(shop, settings, who) for who in (SP, GESTOR, REP)]
    viewers = [
        (buyer, WATCH, {}),
        (boss, WATCH, {}),
        (rep, WATCH, {}),
        (replace(buyer, scopes=buyer.scopes - {"cart:write"}), WATCH, {}),
        (replace(buyer, roles=frozenset({"other"})), WATCH, {}),
        (buyer, WATCH.replace("status", "placedAt"), {}),
        (buyer, WITH_TOTAL, {"total": True}),
        (buyer, WITH_TOTAL, {"total": False}),
    ]
    async with watching(parts, kind) as watch:
        got = [await watch.subscribe(*viewer) for viewer in viewers for _ in range(2)]
        await watch.until_heard(len(viewers))
        await shop.order(SP)
        await all_have(got, 1)
        assert watch.turns == len(viewers)
        for one, two in zip(got[::2], got[1::2], strict=True):
            assert one[0] is two[0]
        assert len({id(each[0]) for each in got}) == len(viewers)
        shown = [set(each[0].body()["data"]["orderUpdated"]) for each in got[::2]]
        assert shown[5:] == [{"number", "placedAt", "total"}, {"number", "total"}, {"number"}]


async def test_an_undeclared_variable_changes_nothing(shop: Shop, settings: Settings, parts: Parts) -> None:
    buyer = await principal(shop, settings, SP)
    deep: Json = []
    for _ in range(900):
        deep = [deep]
    async with watching(parts) as watch:
        got = [await watch.subscribe(buyer, WATCH, variables) for variables in ({}, {"x": 1}, {"x": deep})]
        await watch.until_heard(1)
        await shop.order(SP)
        await all_have(got, 1)
        assert watch.turns == 1


async def test_a_shared_answer_knows_nobodys_session(shop: Shop, settings: Settings, parts: Parts) -> None:
    buyer = await principal(shop, settings, SP)
    async with watching(parts) as watch:
        await watch.subscribe(buyer)
        await watch.until_heard(1)
        (key,) = watch.operations.subscriptions._streams
        assert isinstance(key, tuple)
        assert replace(buyer, session_id=NO_SESSION) in key
        assert str(buyer.session_id) not in str(key)


class Clock:
    """Seconds that a test lets pass."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_an_event_is_paid_for_once_and_each_copy_with_a_point(
    shop: Shop, settings: Settings, parts: Parts
) -> None:
    buyer = await principal(shop, settings, SP)
    clock = Clock()
    throttle = RateLimiter(Allowance(23, 1), Allowance(23, 1), clock=clock)
    async with watching(parts, throttle=throttle) as watch:
        got = [await watch.subscribe(buyer) for _ in range(3)]
        bucket = throttle.bucket(buyer, "")
        assert bucket.available == 23 - 3 * (
            1 + 2
        )  # a request each, and subscribing costs what an event does
        await watch.until_heard(1)
        for event, left in ((1, 10), (2, 6), (3, 2)):
            await shop.order(SP)
            await all_have(got, event)
            (cost,) = {str(each[-1].body()["extensions"]["cost"]) for each in got}
            assert cost == str(
                {
                    "requested": 2,
                    "actual": 2,
                    "throttle": {"maximum": 23, "available": left, "restoreRate": 1},
                }
            )
            assert bucket.available == left
        # Of the next one everybody is told when to come again, and it is not executed.
        await shop.order(SP)
        await all_have(got, 4)
        assert watch.turns == 3
        for each in got:
            assert not each[-1].executed
            assert each[-1].errors[0]["extensions"]["code"] == "THROTTLED"
            assert each[-1].retry_after == each[-1].errors[0]["extensions"]["retryAfter"] == 2


@pytest.fixture
async def throttled(settings: Settings) -> AsyncIterator[str]:
    """Where another process of the application is, with a small bucket for everybody."""
    app = create_app(settings.model_copy(update={"throttle_points": 100, "throttle_restore_rate": 2}))
    async with app.router.lifespan_context(app), served(app) as address:
        yield address


async def test_a_socket_whose_points_are_spent_is_told_when_and_may_subscribe_again(
    throttled: str, shop: Shop
) -> None:
    mine = await bearer(shop, SP)
    async with connected(throttled, mine) as socket, connected(throttled, mine) as crowd:
        for watcher, ids in ((socket, range(1)), (crowd, range(20))):
            for id in ids:
                await send(watcher, id=str(id), type="subscribe", payload={"query": WATCH})
            await send(watcher, type="ping")
            assert (await receive(watcher))["type"] == "pong"
        message: Json = {"type": "next"}
        while message["type"] == "next":  # orders are placed in the other process, whose bucket is full
            message = await ordered_until_heard(shop, socket)
        ending = message["payload"][0]["extensions"]
        assert (message["type"], ending["code"]) == ("error", "THROTTLED")
        assert 0 < ending["retryAfter"] <= 11  # for 22 points: an event, and a copy for each of twenty more
        while True:  # until the two points of a subscription are there
            await send(socket, id="0", type="subscribe", payload={"query": WATCH})
            await send(socket, type="ping")
            if (message := await receive(socket))["type"] == "pong":
                break
            assert message["payload"][0]["extensions"]["code"] == "THROTTLED"
            assert (await receive(socket))["type"] == "pong"


async def test_whose_session_has_ended_does_not_get_the_answer_that_others_share(
    shop: Shop, app: Starlette
) -> None:
    async with served(app) as address:
        first_token = await bearer(shop, SP)
        second_token = {"authorization": f"Bearer {await shop.token(SP, anew=True)}"}
        assert first_token != second_token
        async with connected(address, first_token) as first, connected(address, second_token) as second:
            for socket in (first, second):
                await send(socket, id="1", type="subscribe", payload={"query": WATCH})
                await send(socket, type="ping")
                assert (await receive(socket))["type"] == "pong"
            # The one whose stream it is, for it came first.
            ended = await shop.post(
                {"query": "mutation { sessionRevoke { data { __typename } } }"},
                {**first_token, "accept": GRAPHQL_RESPONSE},
            )
            assert ended.status == 200
            assert await closed_with(first) == 4403
            told = await ordered_until_heard(shop, second)
            assert told["payload"]["data"]["orderUpdated"]["status"] == "PLACED"


async def test_whose_token_has_expired_does_not_get_the_answer_that_others_share(
    settings: Settings,
) -> None:
    """The timers of sockets do not run while a machine sleeps; here it is the clock that jumps."""
    clock = AdjustableClock()
    app = create_app(settings, clock)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://prumo.test") as http,
        served(app) as address,
    ):
        shop = Shop(http)
        keys = await keys_of(settings)
        who = await principal(shop, settings, SP)
        tokens = [
            JwtAccessTokens(keys, ISSUER, AUDIENCE, life=timedelta(minutes=minutes)).issue(who, clock.now())[
                0
            ]
            for minutes in (2, 10)
        ]
        payloads = [{"authorization": f"Bearer {token}"} for token in tokens]
        async with connected(address, payloads[0]) as first, connected(address, payloads[1]) as second:
            for socket in (first, second):
                await send(socket, id="1", type="subscribe", payload={"query": WATCH})
                await send(socket, type="ping")
                assert (await receive(socket))["type"] == "pong"
            clock.missed = timedelta(minutes=5)
            told = await ordered_until_heard(shop, second)
            assert told["payload"]["data"]["orderUpdated"]["status"] == "PLACED"
            assert await closed_with(first) == 4403
