"""`orderUpdated` over graphql-transport-ws, on a real server."""

from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect

from contexts.identity.adapters.access_tokens import JwtAccessTokens
from contexts.identity.api import TokenVerified
from contexts.shared.clock import Clock
from gateway.app import create_app
from gateway.bootstrap import bootstrap
from gateway.http.capacity import Capacity
from gateway.http.websocket import GraphQLSockets
from gateway.settings import AUDIENCE, ISSUER, Settings
from resolvers.vocabulary.context import RequestContext
from schema.documents import Documents
from schema.limits import Limits
from schema.operations import Operation, Operations, Response, Turn
from schema.stitching import stitch
from tests.api.serving import served
from tests.api.shop import PA, REP, SP, Shop
from tests.api.socket_client import (
    WATCH,
    bearer,
    closed_with,
    connected,
    ended_with,
    opening,
    receive,
    send,
)
from tests.signing import keys_of


@pytest.fixture(scope="module")
async def address(app: Starlette) -> AsyncIterator[str]:
    """The running application behind a real socket."""
    async with served(app) as address:
        yield address


async def until_begun(socket: ClientConnection) -> None:
    """The operations sent before have begun: one that is sent after them is answered."""
    await send(socket, id="begun", type="subscribe", payload={"query": "{ viewer { scopes } }"})
    assert [(await receive(socket))["type"] for _ in range(2)] == ["next", "complete"]


async def test_orders_are_seen_as_they_change_by_those_they_concern(shop: Shop, address: str) -> None:
    async with (
        connected(address, await bearer(shop, SP)) as mine,
        connected(address, await bearer(shop, REP)) as reps,
        connected(address, await bearer(shop, PA)) as other,
    ):
        for watcher in (mine, reps, other):
            await send(watcher, id="1", type="subscribe", payload={"query": WATCH})
            await until_begun(watcher)
        placed = await shop.order(SP)
        for watcher in (mine, reps):
            message = await receive(watcher)
            assert (message["id"], message["type"]) == ("1", "next")
            cost = message["payload"]["extensions"]["cost"]
            assert (cost["requested"], cost["actual"]) == (2, 2)
            assert message["payload"]["data"]["orderUpdated"] == {
                "number": placed["number"],
                "status": "PLACED",
                "total": {"amount": placed["total"]["amount"]},
            }
        moved = {"input": {"id": placed["id"], "idempotencyKey": uuid4().hex}}
        await shop.operation("portal/CancelOrder", moved, SP)
        assert (await receive(mine))["payload"]["data"]["orderUpdated"]["status"] == "CANCELLED"
        theirs = await shop.order(PA)
        message = await receive(other)
        assert message["payload"]["data"]["orderUpdated"]["number"] == theirs["number"]
        await send(mine, id="1", type="complete")
        await send(mine, id="2", type="subscribe", payload={"query": "{ viewer { user { email } } }"})
        assert (await receive(mine))["payload"]["data"]["viewer"]["user"]["email"] == SP
        assert (await receive(mine)) == {"id": "2", "type": "complete"}


async def test_an_anonymous_watcher_is_refused(shop: Shop, address: str) -> None:
    async with connected(address) as socket:
        await send(socket, id="1", type="subscribe", payload={"query": WATCH})
        message = await receive(socket)
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "UNAUTHENTICATED")
        await send(socket, id="2", type="subscribe", payload={"query": "{ nothing }"})
        message = await receive(socket)
        assert message["payload"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def close_code(address: str, *frames: str | bytes, ready: bool = True) -> int | None:
    async with opening(address) as socket:
        if ready:
            await send(socket, type="connection_init")
            await receive(socket)
        for frame in frames:
            await socket.send(frame)
        return await ended_with(socket)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("x", 4400),
        ("[]", 4400),
        ("{}", 4400),
        ('{"type":1}', 4400),
        ('{"type":"unknown"}', 4400),
        (b"\x00", 4400),
        ('{"type":"connection_init"}', 4429),
        ('{"type":"subscribe"}', 4400),
        ('{"type":"subscribe","id":[],"payload":{"query":"{viewer{scopes}}"}}', 4400),
        ('{"type":"subscribe","id":1,"payload":{"query":"{viewer{scopes}}"}}', 4400),
        ('{"type":"subscribe","id":"1","payload":"x"}', 4400),
        ('{"type":"subscribe","id":"1","payload":{"query":1}}', 4400),
        ('{"type":"subscribe","id":"1","payload":{"query":"{viewer{scopes}}","variables":[]}}', 4400),
        ('{"type":"subscribe","id":"1","payload":{"query":"{product(sku:\\"\\\\u{0}\\"){id}}"}}', 4400),
        ('{"type":"subscribe","id":"1","payload":{"query":"{product(sku:\\"\\u005cu0000\\"){id}}"}}', 4400),
        (
            '{"type":"subscribe","id":"1","payload":{"query":"{viewer{scopes}}","variables":{"a":"\\u0000"}}}',
            4400,
        ),
        ("x" * 200_000, 1009),
    ],
)
async def test_what_the_protocol_forbids_closes_the_socket(
    address: str, frame: str | bytes, code: int
) -> None:
    assert await close_code(address, frame) == code


async def test_one_id_cannot_run_twice(shop: Shop, address: str) -> None:
    async with connected(address, await bearer(shop, SP)) as socket:
        for _ in range(2):
            await send(socket, id="1", type="subscribe", payload={"query": WATCH})
        assert await closed_with(socket) == 4409


async def test_before_init_and_with_bad_tokens(address: str) -> None:
    subscribe = '{"type":"subscribe","id":"1","payload":{"query":"{viewer{scopes}}"}}'
    assert await close_code(address, subscribe, ready=False) == 4401
    bad = '{"type":"connection_init","payload":{"authorization":"Bearer x"}}'
    assert await close_code(address, bad, ready=False) == 4403
    assert await close_code(address, '{"type":"connection_init","payload":[]}', ready=False) == 4400


async def test_frames_are_not_compressed(address: str) -> None:
    """The client offers it; a window for each of many idle sockets is memory for nothing."""
    async with connected(address) as socket:
        assert socket.request is not None
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" in socket.request.headers
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_a_socket_ends_with_its_token(shop: Shop, settings: Settings, address: str) -> None:
    keys = await keys_of(settings)
    short = JwtAccessTokens(keys, ISSUER, AUDIENCE, life=timedelta(seconds=2))
    verified = short.verify(await shop.token(SP), datetime.now(UTC))
    assert isinstance(verified, TokenVerified)
    token, expires_at = short.issue(verified.principal, datetime.now(UTC))
    async with connected(address, {"authorization": f"Bearer {token}"}) as socket:
        await send(socket, id="1", type="subscribe", payload={"query": WATCH})
        assert await closed_with(socket) == 4403
    assert datetime.now(UTC) >= expires_at


class AdjustableClock:
    """The time of day, and what a machine that slept has missed of it."""

    def __init__(self) -> None:
        self.missed = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.missed


async def test_an_expired_token_starts_nothing_and_hears_nothing(settings: Settings) -> None:
    """The socket's timer does not run while a machine sleeps; here it is the clock that jumps."""
    clock = AdjustableClock()
    app = create_app(settings, clock)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://prumo.test") as http,
        served(app) as address,
    ):
        before = await bearer(Shop(http), SP)
        async with connected(address, before) as starting, connected(address, before) as hearing:
            await send(hearing, id="1", type="subscribe", payload={"query": WATCH})
            await until_begun(hearing)
            clock.missed = timedelta(minutes=11)
            with capture_logs() as lines:
                await send(starting, id="1", type="subscribe", payload={"query": "{ viewer { scopes } }"})
                assert await closed_with(starting) == 4403
            (line,) = lines
            assert (line["outcome"], line["document"], line["statements"]) == ("refused", "", 0)
            await Shop(http).order(SP)
            assert await closed_with(hearing) == 4403


class BrokenOperations(Operations):
    """Has a bug where no resolver is to blame."""

    async def subscribe(
        self,
        operation: Operation,
        variables: Mapping[str, object],
        context: RequestContext,
        clock: Clock,
        turn: Turn = nullcontext,
    ) -> AsyncIterator[Response] | Response:
        async def stream() -> AsyncIterator[Response]:
            yield Response(errors=[], data={"orderUpdated": None})
            raise RuntimeError("the inside")

        return stream()


async def test_a_bug_ends_the_operation_with_one_masked_error_and_frees_its_id(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    schema = stitch()
    operations = BrokenOperations(schema, Documents(schema._schema, Limits()))
    async with bootstrap(settings, listening=False) as parts:
        app = Starlette(
            routes=[WebSocketRoute("/graphql", GraphQLSockets(operations, parts, Capacity(10, 30)).__call__)]
        )
        async with served(app) as address, connected(address) as socket:
            for _ in range(2):
                caplog.clear()
                await send(socket, id="1", type="subscribe", payload={"query": WATCH})
                assert (await receive(socket))["type"] == "next"
                message = await receive(socket)
                assert (message["id"], message["type"], len(message["payload"])) == ("1", "error", 1)
                assert "the inside" not in str(message)
                told = message["payload"][0]["extensions"]
                assert told["code"] == "INTERNAL_SERVER_ERROR"
                assert "the inside" in caplog.text
                assert told["requestId"] in {vars(record).get("request_id") for record in caplog.records}


async def test_operations_on_a_socket_are_counted_and_logged(shop: Shop, address: str) -> None:
    with capture_logs() as lines:
        async with connected(address, await bearer(shop, SP)) as socket:
            await send(socket, id="1", type="subscribe", payload={"query": "query Who { viewer { scopes } }"})
            await receive(socket)
            await receive(socket)
            await send(
                socket, id="2", type="subscribe", payload={"query": "{ orders { nodes { id } } nothing }"}
            )
            await receive(socket)
            await send(socket, id="3", type="subscribe", payload={"query": WATCH})
            await until_begun(socket)
            await shop.order(SP)
            await receive(socket)
            await send(socket, id="3", type="complete")
            await send(socket, type="ping")
            await receive(socket)
    who, refused, _, watched = (line for line in lines if line.get("transport") == "websocket")
    assert (who["operation"], who["kind"], who["outcome"], who["statements"]) == ("Who", "query", "ok", 1)
    assert (refused["outcome"], refused["codes"]) == ("refused", ["GRAPHQL_VALIDATION_FAILED"])
    assert (watched["kind"], watched["outcome"], watched["responses"]) == ("subscription", "ok", 1)
    assert watched["statements"] >= 1


async def test_another_subprotocol_is_4406(address: str) -> None:
    async with connect(f"ws://{address}/graphql") as socket:
        assert await closed_with(socket) == 4406
