"""A client of graphql-transport-ws that says exactly what a test wants said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.api.shop import Json, Shop

PROTOCOL = "graphql-transport-ws"
WATCH = "subscription { orderUpdated { number status total { amount } } }"


def opening(address: str, **options: Any) -> connect:  # Any: websockets' keyword arguments
    """A socket with our subprotocol, before its `connection_init`."""
    return connect(f"ws://{address}/graphql", subprotocols=[PROTOCOL], **options)  # type: ignore[list-item]  # a NewType of str


@asynccontextmanager
async def connected(address: str, payload: Json = None, **options: Any) -> AsyncIterator[ClientConnection]:
    """A socket after its `connection_ack`."""
    async with opening(address, **options) as socket:
        await send(socket, type="connection_init", **({} if payload is None else {"payload": payload}))
        assert (await receive(socket))["type"] == "connection_ack"
        yield socket


async def send(socket: ClientConnection, **message: Any) -> None:  # Any: JSON
    await socket.send(orjson.dumps(message).decode())


async def receive(socket: ClientConnection) -> Json:
    """The next message; raises ConnectionClosed when there is none any more."""
    async with asyncio.timeout(10):
        return orjson.loads(await socket.recv())


async def bearer(shop: Shop, who: str) -> Json:
    """The payload that signs a socket in."""
    return {"authorization": f"Bearer {await shop.token(who)}"}


async def closed_with(socket: ClientConnection) -> int | None:
    """The server's close code, which must come before any message; None when it just went away (1006)."""
    with pytest.raises(ConnectionClosed) as closed:
        await receive(socket)
    return closed.value.rcvd.code if closed.value.rcvd else None


async def ended_with(socket: ClientConnection) -> int | None:
    """The server's close code after whatever else it has to say."""
    try:
        while True:
            await receive(socket)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
