"""Clients of graphql-transport-ws that say exactly what a test wants said, and one that need not even listen."""

import asyncio
import base64
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.api.shop import Json, Shop

PROTOCOL = "graphql-transport-ws"
INIT = '{"type":"connection_init"}'
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


class Raw:
    """A client that reads and writes frames, or does not."""

    def __init__(self, socket: sockets.socket) -> None:
        self.socket = socket
        self.loop = asyncio.get_running_loop()

    @staticmethod
    @asynccontextmanager
    async def opened(address: str, init: bool = True) -> "AsyncIterator[Raw]":
        host, port = address.split(":")
        with sockets.socket() as socket:
            socket.setblocking(False)
            socket.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
            raw = Raw(socket)
            await raw.loop.sock_connect(socket, (host, int(port)))
            await raw.write(raw.handshake(address))
            assert (await raw.read()).startswith(b"HTTP/1.1 101 ")
            if init:
                await raw.frames((Opcode.TEXT, INIT.encode(), True))
                assert b"connection_ack" in await raw.read()
            yield raw

    @staticmethod
    def handshake(address: str, header: str = "") -> bytes:
        key = base64.b64encode(b"0123456789abcdef").decode()
        return (
            f"GET /graphql HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {PROTOCOL}\r\n{header}\r\n"
        ).encode()

    async def write(self, data: bytes) -> None:
        async with asyncio.timeout(20):
            await self.loop.sock_sendall(self.socket, data)

    async def frames(self, *frames: tuple[Opcode, bytes, bool]) -> None:
        """Opcode, payload, and whether the message ends."""
        await self.write(
            b"".join(Frame(opcode, data, fin).serialize(mask=True) for opcode, data, fin in frames)
        )

    async def read(self) -> bytes:
        async with asyncio.timeout(20):
            return await self.loop.sock_recv(self.socket, 65536)

    async def rest(self) -> list[tuple[int, bytes]]:
        """Opcodes and payloads of the frames until the server closes the connection."""
        data = b""
        while chunk := await self.read():
            data += chunk
        found = []
        while data:
            length, start = data[1], 2
            if length == 126:
                length, start = int.from_bytes(data[2:4]), 4
            found.append((data[0] & 0x0F, data[start : start + length]))
            data = data[start + length :]
        return found

    async def close_code(self) -> int:
        opcode, payload = (await self.rest())[-1]
        assert opcode == Opcode.CLOSE
        return int.from_bytes(payload[:2])
