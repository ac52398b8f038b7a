"""`orderUpdated` over graphql-transport-ws, on a real server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import orjson
import pytest
import uvicorn
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.api.shop import PA, REP, SP, Json, Shop

PROTOCOL = "graphql-transport-ws"
WATCH = "subscription { orderUpdated { number status total { amount } } }"


@pytest.fixture(scope="module")
async def address(app: Starlette) -> AsyncIterator[str]:
    """The running application behind a real socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, ws="websockets-sansio"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(0.01)
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}/graphql"
        server.should_exit = True
        await serving


@asynccontextmanager
async def connected(address: str, payload: Json = None) -> AsyncIterator[ClientConnection]:
    async with connect(address, subprotocols=[PROTOCOL]) as socket:  # type: ignore[list-item]  # a NewType of str
        await send(socket, type="connection_init", **({} if payload is None else {"payload": payload}))
        assert (await receive(socket))["type"] == "connection_ack"
        yield socket


async def send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(orjson.dumps(message).decode())


async def receive(socket: ClientConnection) -> Json:
    async with asyncio.timeout(10):
        return orjson.loads(await socket.recv())


async def bearer(shop: Shop, who: str) -> Json:
    return {"authorization": f"Bearer {await shop.token(who)}"}


async def order(shop: Shop, who: str) -> Json:
    line = {"sku": "CIM-0002", "quantity": "1"}
    cart = (await shop.operation("portal/SetCartLine", {"input": line}, who)).done("cartLineSet")
    placing = {"idempotencyKey": uuid4().hex, "cartVersion": cart["version"]}
    return (await shop.operation("portal/CheckOut", {"input": placing}, who)).done("cartCheckout")


async def test_orders_are_seen_as_they_change_by_those_they_concern(shop: Shop, address: str) -> None:
    async with (
        connected(address, await bearer(shop, SP)) as mine,
        connected(address, await bearer(shop, REP)) as reps,
        connected(address, await bearer(shop, PA)) as other,
    ):
        for watcher in (mine, reps, other):
            await send(watcher, id="1", type="subscribe", payload={"query": WATCH})
            await send(watcher, type="ping")  # answered in order: the subscription is under way by then
            assert (await receive(watcher))["type"] == "pong"
        await asyncio.sleep(0.2)
        placed = await order(shop, SP)
        for watcher in (mine, reps):
            message = await receive(watcher)
            assert (message["id"], message["type"]) == ("1", "next")
            assert message["payload"]["data"]["orderUpdated"] == {
                "number": placed["number"],
                "status": "PLACED",
                "total": {"amount": placed["total"]["amount"]},
            }
        moved = {"input": {"id": placed["id"], "idempotencyKey": uuid4().hex}}
        await shop.operation("portal/CancelOrder", moved, SP)
        assert (await receive(mine))["payload"]["data"]["orderUpdated"]["status"] == "CANCELLED"
        theirs = await order(shop, PA)
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
    async with connect(address, subprotocols=[PROTOCOL]) as socket:  # type: ignore[list-item]  # a NewType of str
        if ready:
            await send(socket, type="connection_init")
            await receive(socket)
        for frame in frames:
            await socket.send(frame)
        try:
            async with asyncio.timeout(10):
                while True:
                    await socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


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
        ("x" * 200_000, 4400),
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
        with pytest.raises(ConnectionClosed) as closed:
            await receive(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4409


async def test_before_init_and_with_bad_tokens(address: str) -> None:
    subscribe = '{"type":"subscribe","id":"1","payload":{"query":"{viewer{scopes}}"}}'
    assert await close_code(address, subscribe, ready=False) == 4401
    bad = '{"type":"connection_init","payload":{"authorization":"Bearer x"}}'
    assert await close_code(address, bad, ready=False) == 4403
    assert await close_code(address, '{"type":"connection_init","payload":[]}', ready=False) == 4400


async def test_another_subprotocol_is_4406(address: str) -> None:
    async with connect(address) as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4406
