"""Two `prumo serve` on one database: what happens in one is heard in the other, and one can die alone."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import psutil
import pytest
from websockets.frames import Opcode

from gateway.settings import Settings
from tests.api.processes import Server, serving
from tests.api.shop import SP, Json, Shop
from tests.api.socket_client import WATCH, Raw, bearer, closed_with, connected, receive, send


@pytest.fixture(scope="module")
async def servers(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Server]]:
    """Two of them, started at the same time; the tests below kill one after the other."""
    logs = tmp_path_factory.mktemp("logs")
    entered = [serving(settings, logs / name) for name in ("one", "two")]
    servers = await asyncio.gather(*(each.__aenter__() for each in entered))
    try:
        yield servers
    finally:
        for each in entered:
            await each.__aexit__(None, None, None)


@pytest.fixture(scope="module")
async def client(servers: list[Server]) -> AsyncIterator[Shop]:
    """A client of the first."""
    async with httpx.AsyncClient(base_url=f"http://{servers[0].address}") as http:
        yield Shop(http)


async def watching(socket: Json) -> None:
    """Returns when the subscription has begun: an operation that came later is answered."""
    await send(socket, id="1", type="subscribe", payload={"query": WATCH})
    await send(socket, id="2", type="subscribe", payload={"query": "{ viewer { scopes } }"})
    assert [(await receive(socket))["type"] for _ in range(2)] == ["next", "complete"]


async def test_a_client_that_does_not_read_takes_no_memory(servers: list[Server]) -> None:
    """On uvloop, as in production: it asks for pongs of 25 MB."""
    server = psutil.Process(servers[0].process.pid)
    async with Raw.opened(servers[0].address) as raw:
        await raw.frames(*[(Opcode.PING, b"p" * 125, True)] * 1_000)
        before = server.memory_info().rss
        with suppress(ConnectionError):  # so many pings are refused
            for _ in range(200):
                await raw.frames(*[(Opcode.PING, b"p" * 125, True)] * 1_000)
        assert server.memory_info().rss - before < 10_000_000


async def test_changes_are_heard_in_every_process_and_one_may_die(
    servers: list[Server], client: Shop
) -> None:
    one, two = servers
    me = await bearer(client, SP)
    async with connected(one.address, me) as here, connected(two.address, me) as there:
        for watcher in (here, there):
            await watching(watcher)
        placed = await client.order(SP)
        for watcher in (here, there):
            message = await receive(watcher)
            assert message["payload"]["data"]["orderUpdated"]["number"] == placed["number"]

        two.process.send_signal(signal.SIGKILL)
        assert await closed_with(there) is None
        placed = await client.order(SP)
        message = await receive(here)
        assert message["payload"]["data"]["orderUpdated"]["number"] == placed["number"]

        one.process.send_signal(signal.SIGTERM)
        assert await closed_with(here) == 1012
    assert await one.exit_code() == 0
