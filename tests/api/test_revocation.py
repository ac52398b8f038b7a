"""A session that ends is refused at once: in this process, in another one, on open sockets."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from gateway.settings import Settings
from tests.api.processes import serving
from tests.api.serving import served
from tests.api.shop import OPERATIONS, REP, VENDAS, Shop
from tests.api.socket_client import WATCH, connected, ended_with, opening, send

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


@pytest.fixture(scope="module")
async def other_process(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """`prumo serve` on the same database and home: its address."""
    async with serving(settings, tmp_path_factory.mktemp("logs") / "log") as server:
        yield server.address


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
