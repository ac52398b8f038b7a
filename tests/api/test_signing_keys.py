"""Two instances over one database: one signs, both verify, and both change keys at the same time."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette

from contexts.identity.api import KeyMade, KeyRetired, KeyRing
from contexts.identity.domain.signing_key import ANNOUNCED
from contexts.shared.adapters.database import Database
from gateway.app import create_app
from gateway.bootstrap import identity as identity_parts
from gateway.embedded.postgres import Postgres
from gateway.embedded.s3 import S3
from gateway.settings import Settings
from tests.api.conftest import settings_for
from tests.api.serving import served
from tests.api.shop import SP, Shop
from tests.api.socket_client import closed_with, connected, receive, send
from tests.conftest import copied
from tests.polling import until
from tests.signing import LIFE, first_key_at, table_of

ASKED = {"query": "{ viewer { scopes } }"}
MADE_UP = jwt.encode({}, Ed25519PrivateKey.generate(), "EdDSA", {"typ": "at+jwt", "kid": "made-up"})


class AdjustableClock:
    """The time of day, and what a test adds to it."""

    def __init__(self) -> None:
        self.added = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.added


@pytest.fixture(scope="module")
def clock() -> AdjustableClock:
    return AdjustableClock()


@pytest.fixture(scope="module")
async def apps(
    settings: Settings, clock: AdjustableClock, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Starlette]]:
    """Two, each with a home of its own."""
    homes = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    apps = [create_app(settings.model_copy(update={"home": home}), clock) for home in homes]
    async with AsyncExitStack() as stack:
        for app in apps:
            await stack.enter_async_context(app.router.lifespan_context(app))
        yield apps


@pytest.fixture(scope="module")
async def shops(apps: list[Starlette]) -> AsyncIterator[list[Shop]]:
    async with AsyncExitStack() as stack:
        clients = [
            httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://prumo.test")
            for app in apps
        ]
        yield [Shop(await stack.enter_async_context(client)) for client in clients]


@pytest.fixture(scope="module")
async def ring(settings: Settings, clock: AdjustableClock) -> AsyncIterator[KeyRing]:
    """Keys as an operator's command changes them."""
    database = Database(settings.database_url or "")
    yield identity_parts.key_ring(table=table_of(database), database=database, clock=clock, life=LIFE)
    await database.close()


async def status(shop: Shop, token: str) -> int:
    return (await shop.post(ASKED, {"authorization": f"Bearer {token}"})).status


async def published(shop: Shop) -> set[str]:
    """What is in the key set, after a token of an unknown key had it read again if it was not just now."""
    assert await status(shop, MADE_UP) == 401
    return {key["kid"] for key in (await shop.http.get("/.well-known/jwks.json")).json()["keys"]}


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def test_a_token_of_one_is_good_on_the_other_whichever_key_signs(
    shops: list[Shop], ring: KeyRing, clock: AdjustableClock
) -> None:
    here, there = shops
    old = await here.token(SP)
    assert [await status(each, old) for each in shops] == [200, 200]
    made = await ring.make("ana")
    assert isinstance(made, KeyMade)

    async def all_have() -> bool:
        return all([await published(each) == {kid(old), made.key.kid} for each in shops])

    await until(all_have)
    assert kid(await there.token(SP)) == kid(old)
    clock.added = ANNOUNCED
    new = await there.token(SP, anew=True)
    assert kid(new) == made.key.kid
    assert [await status(each, token) for each in shops for token in (old, new)] == [200] * 4


async def test_what_a_stolen_key_has_signed_is_refused_by_both_and_on_open_sockets(
    shops: list[Shop], apps: list[Starlette], ring: KeyRing
) -> None:
    here, there = shops
    stolen = await here.token(SP, anew=True)
    async with (
        served(apps[1]) as address,
        connected(address, {"authorization": f"Bearer {stolen}"}) as socket,
    ):
        await send(socket, id="1", type="subscribe", payload=ASKED)
        assert [(await receive(socket))["type"] for _ in range(2)] == ["next", "complete"]
        retired = await ring.retire("ana", kid(stolen), at_once=True)
        assert isinstance(retired, KeyRetired)
        assert retired.successor is not None
        successor = retired.successor.kid

        async def all_have() -> bool:
            return all([successor in await published(each) for each in shops])

        await until(all_have)
        await send(socket, id="2", type="subscribe", payload=ASKED)
        assert await closed_with(socket) == 4403
    assert [await status(each, stolen) for each in shops] == [401, 401]
    new = await there.token(SP, anew=True)
    assert kid(new) == successor
    assert [await status(each, new) for each in shops] == [200, 200]


async def test_an_instance_without_a_key_is_not_ready_until_it_has_read_one(
    postgres: Postgres, template: str, s3: S3, tmp_path: Path
) -> None:
    settings = settings_for(tmp_path, await copied(postgres, template), s3)
    app = create_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://prumo.test") as http,
    ):
        answer = await http.get("/readyz")
        assert (answer.status_code, "no key to sign" in answer.json()["reason"]) == (503, True)
        # An empty set would be kept by caches.
        assert (await http.get("/.well-known/jwks.json")).status_code == 503
        await first_key_at(settings.database_url or "")

        async def is_ready() -> bool:
            return (await http.get("/readyz")).status_code == 200

        await until(is_ready)
        assert (await http.get("/.well-known/jwks.json")).status_code == 200
