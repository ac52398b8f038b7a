"""A session that ends is refused at once: in this process, in another one, on open sockets."""

import asyncio
import os
import socket
import subprocess
import sysconfig
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from gateway.settings import Settings
from tests.api.serving import served
from tests.api.shop import OPERATIONS, REP, VENDAS, Shop
from tests.api.socket_client import WATCH, connected, ended_with, opening, send

PRUMO = Path(sysconfig.get_path("scripts")) / "prumo"
ASKED = {"query": "{ sessions { id } }"}
EVERYWHERE = (OPERATIONS / "portal/RevokeAllSessions.graphql").read_text()


async def signed_in(shop: Shop, who: str) -> dict[str, str]:
    """A new session's authorization header."""
    credentials = {"input": {"email": who, "password": "prumo-demo"}}
    session = (await shop.operation("portal/SignIn", credentials)).done("sessionCreate")
    return {"authorization": f"Bearer {session['accessToken']}"}


async def end_everywhere(shop: Shop, bearer: dict[str, str]) -> None:
    body = {"query": EVERYWHERE, "variables": {"input": {"exceptCurrent": False}}}
    (await shop.post(body, bearer)).done("sessionRevokeAll")


async def _is_ready(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
async def other_process(settings: Settings) -> AsyncIterator[str]:
    """`prumo serve` on the same database and home: its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PRUMO_")}
    serving = await asyncio.create_subprocess_exec(
        str(PRUMO),
        "serve",
        env={
            **own,
            "PORT": str(port),
            "PRUMO_HOME": str(settings.home),
            "PRUMO_DATABASE_URL": str(settings.database_url),
            "PRUMO_S3_ENDPOINT": str(settings.s3_endpoint),
            "PRUMO_S3_BUCKET": settings.s3_bucket,
            "PRUMO_S3_KEY": settings.s3_key,
            "PRUMO_S3_SECRET": settings.s3_secret,
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as http:
            while not await _is_ready(http, port):  # noqa: ASYNC110 - it sets no event
                await asyncio.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        serving.terminate()
        await asyncio.wait_for(serving.wait(), 20)


async def test_refused_by_the_next_request(shop: Shop) -> None:
    for _ in range(5):
        bearer = await signed_in(shop, REP)
        assert (await shop.post(ASKED, bearer)).status == 200
        await end_everywhere(shop, bearer)
        refused = await shop.post(ASKED, bearer)
        assert (refused.status, refused.codes) == (401, ["UNAUTHENTICATED"])
        assert "sign in" in refused.body["errors"][0]["message"]


async def test_a_request_that_is_let_in_sends_no_statement_for_it(shop: Shop) -> None:
    bearer = await signed_in(shop, REP)
    answer = await shop.post({"query": "{ __typename }"}, bearer)
    assert (answer.status, answer.statements) == (200, 0)


async def test_refused_by_another_process(shop: Shop, other_process: str) -> None:
    async with httpx.AsyncClient(base_url=f"http://{other_process}", trust_env=False) as there:

        async def status(bearer: dict[str, str]) -> int:
            return (await there.post("/graphql", json=ASKED, headers=bearer)).status_code

        for _ in range(3):
            bearer = await signed_in(shop, VENDAS)
            assert await status(bearer) == 200
            async with connected(other_process, {"authorization": bearer["authorization"]}) as watching:
                await send(watching, id="1", type="subscribe", payload={"query": WATCH})
                await end_everywhere(shop, bearer)
                assert await ended_with(watching) == 4403
            assert await status(bearer) == 401


async def test_a_socket_closes_with_its_session(shop: Shop, app: Starlette) -> None:
    async with served(app) as address:
        bearer, stays = await signed_in(shop, REP), await signed_in(shop, VENDAS)
        async with connected(address, bearer) as watching, connected(address, stays) as other:
            await end_everywhere(shop, bearer)
            assert await ended_with(watching) == 4403
            await send(other, type="ping")
            async with asyncio.timeout(10):
                assert "pong" in str(await other.recv())


async def test_a_session_that_is_over_opens_no_socket(shop: Shop, app: Starlette) -> None:
    bearer = await signed_in(shop, REP)
    await end_everywhere(shop, bearer)
    async with served(app) as address, opening(address) as watching:
        await send(watching, type="connection_init", payload=bearer)
        assert await ended_with(watching) == 4403
