"""Two `prumo serve` behind Caddy, with the Caddyfile of the documentation, and clients that try again."""

import asyncio
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from contexts.shared.adapters.database import connector
from gateway.seed.demo import DEMO_PASSWORD
from gateway.settings import Settings
from tests.api.processes import SCRIPTS, Server, free_port, readiness, serving
from tests.api.shop import OPERATIONS, SP, Json
from tests.api.test_capacity import locked, until_waiting
from tests.polling import until

CLIENTS = 8
"""Users, at once; each places its orders one after the other."""
ORDERS_EACH = 5
SKU = "CIM-0002"


@asynccontextmanager
async def caddy(upstreams: list[Server], folder: Path) -> AsyncIterator[str]:
    """Its address, once it answers."""
    address = f"127.0.0.1:{free_port()}"
    variables = {
        "SITE": f"http://{address}",
        "UPSTREAMS": " ".join(each.address for each in upstreams),
        "CADDY_ADMIN": f"unix/{folder}/admin.socket",
        "HOME": str(folder),
    }
    process = await asyncio.create_subprocess_exec(
        SCRIPTS / "caddy", "run", "--config", "docs/Caddyfile", env=variables, stdout=DEVNULL, stderr=DEVNULL
    )
    try:

        async def is_ready() -> bool:
            assert process.returncode is None
            return await _healthy(address) == 200

        await until(is_ready)
        yield address
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _healthy(address: str) -> int | None:
    """The status of /healthz through the proxy; None when nobody is there."""
    with suppress(httpx.TransportError):
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(f"http://{address}/healthz")).status_code
    return None


@dataclass(slots=True)
class Client:
    """One user, whose client sends again what was not answered, as Apollo's RetryLink does."""

    http: httpx.AsyncClient
    email: str
    token: str = ""
    retries: int = 0
    placed: list[tuple[Json, Json]] = field(default_factory=list)
    """What was asked, with the payload it was answered with."""

    async def send(self, name: str, input: Json) -> Json:
        """The payload of a shipped mutation."""
        body = {"query": (OPERATIONS / f"portal/{name}.graphql").read_text(), "variables": {"input": input}}
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        answers: list[httpx.Response] = []

        async def is_answered() -> bool:
            with suppress(httpx.TransportError):
                response = await self.http.post("/graphql", json=body, headers=headers)
                if response.status_code not in {502, 503, 504}:
                    answers.append(response)
                    return True
            self.retries += 1
            return False

        await until(is_answered)
        ((payload,),) = [answers[0].json()["data"].values()]
        assert payload["error"] is None, payload["error"]
        return payload

    async def sign_in(self) -> None:
        payload = await self.send("SignIn", {"email": self.email, "password": DEMO_PASSWORD})
        self.token = payload["data"]["accessToken"]

    async def place(self, orders: int) -> None:
        for _ in range(orders):
            cart = await self.send("SetCartLine", {"sku": SKU, "quantity": "2"})
            asked = {"idempotencyKey": uuid4().hex, "cartVersion": cart["data"]["version"]}
            self.placed.append((asked, await self.send("CheckOut", asked)))


async def registered(connection: asyncpg.Connection, number: int) -> str:
    """A colleague of the buyer in SP, with the same password."""
    email = f"comprador.{number}@prumo.example"
    await connection.execute(
        "WITH colleague AS (INSERT INTO identity.users"
        " (id, name, email, password_hash, account_id, active, created_at, email_verified_at)"
        " SELECT gen_random_uuid(), name, $1, password_hash, account_id, active, created_at, email_verified_at"
        " FROM identity.users WHERE email = $2 RETURNING id)"
        " INSERT INTO identity.user_roles (user_id, role) SELECT colleague.id, role FROM colleague,"
        " identity.user_roles WHERE user_id = (SELECT id FROM identity.users WHERE email = $2)",
        email,
        SP,
    )
    return email


async def in_reserve(connection: asyncpg.Connection) -> tuple[int, int]:
    """How much of the product is reserved, by its stock and by the orders' reservations."""
    row = await connection.fetchrow(
        "SELECT stock.reserved, (SELECT coalesce(sum(quantity), 0) FROM catalog.stock_reservations"
        " WHERE product_id = stock.product_id) FROM catalog.stock JOIN catalog.products"
        " ON products.id = stock.product_id WHERE sku = $1",
        SKU,
    )
    assert row is not None
    return int(row[0]), int(row[1])


async def test_one_of_two_gateways_is_killed_and_every_order_is_placed_once(
    settings: Settings, tmp_path: Path
) -> None:
    await killed_while_orders_are_placed(settings, tmp_path, 0)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(1, 11))
async def test_again_and_again_every_order_is_placed_once(
    settings: Settings, tmp_path: Path, number: int
) -> None:
    await killed_while_orders_are_placed(settings, tmp_path, number * CLIENTS)


async def killed_while_orders_are_placed(settings: Settings, tmp_path: Path, first: int) -> None:
    """`first`: the number of the first of the clients, who are new ones."""
    connection = await connector(settings.database_url or "", {})()
    try:
        emails = [await registered(connection, number) for number in range(first, first + CLIENTS)]
        before = await in_reserve(connection)
        async with (
            serving(settings, tmp_path / "one") as one,
            serving(settings, tmp_path / "two") as two,
            caddy([one, two], tmp_path) as address,
            httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as http,
        ):
            clients = [Client(http, email) for email in emails]
            for each in clients:  # one after the other: so many at once from one address would be throttled
                await each.sign_in()
            await asyncio.gather(*(each.place(1) for each in clients))
            for server in (one, two):
                assert '"operation":"CheckOut"' in server.written(), "both have their share"

            async with locked(settings, "LOCK TABLE orders.orders IN SHARE MODE"):
                placing = [asyncio.create_task(each.place(ORDERS_EACH - 1)) for each in clients]
                await until_waiting(settings, CLIENTS)
                one.process.kill()
                await one.process.wait()
            await asyncio.gather(*placing)
            assert sum(each.retries for each in clients) > 0, "some were under way in the one that died"

            answered = [payload["data"]["number"] for each in clients for _, payload in each.placed]
            assert len(set(answered)) == CLIENTS * ORDERS_EACH
            for each in clients:
                for asked, payload in each.placed:
                    assert each.retries or not payload["meta"]["replayed"]
                    again = await each.send("CheckOut", asked)
                    assert (again["data"], again["meta"]["replayed"]) == (payload["data"], True)
        kept = await connection.fetch(
            "SELECT number FROM orders.orders JOIN identity.users ON users.id = user_id WHERE email = ANY($1)",
            emails,
        )
        assert sorted(row["number"] for row in kept) == sorted(answered)
        reserved = 2 * CLIENTS * ORDERS_EACH
        assert await in_reserve(connection) == (before[0] + reserved, before[1] + reserved)
    finally:
        await connection.close()


async def test_what_is_for_our_own_network_is_not_for_the_proxys_callers(
    settings: Settings, tmp_path: Path
) -> None:
    """Caddy keeps both, and a gateway tells a stranger nothing that some other proxy passes on."""
    async with (
        serving(settings, tmp_path / "log") as server,
        caddy([server], tmp_path) as address,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        assert (await http.get(f"http://{address}/healthz")).status_code == 200
        for path in (
            "/metrics",
            "/readyz",
            "/metrics/",
            "//metrics",
            "/%6detrics",
            "/x/../metrics",
            "/Metrics",
        ):
            assert (await http.get(f"http://{address}{path}")).status_code == 404, path
        assert (await http.get(f"http://{server.address}/metrics")).status_code == 200
        assert await readiness(server.address) == 200
