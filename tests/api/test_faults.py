"""The database is stopped, hangs, is read-only or full, or the store is gone, while clients ask and order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import psutil
import pytest
from starlette.applications import Starlette

from contexts.shared.adapters.database import counting_statements
from gateway import metrics
from gateway.app import create_app
from gateway.embedded.postgres import Postgres
from gateway.embedded.s3 import S3
from gateway.settings import Settings
from tests.api.conftest import settings_for
from tests.api.serving import served
from tests.api.shop import GESTOR, GRAPHQL_RESPONSE, SP, Answer, Json, Shop, nodes_of
from tests.api.socket_client import bearer, connected, receive, send
from tests.conftest import copied
from tests.polling import until

DATABASE = "prumo_faulty"
CATEGORIES = "{ categories { slug } }"


@pytest.fixture(scope="module")
def server(primary: Postgres) -> Postgres:
    """One that may be broken."""
    return primary


@pytest.fixture(scope="module")
async def settings(server: Postgres, primary_seeded: str, home: Path, s3: S3) -> Settings:
    return settings_for(home, await copied(server, primary_seeded, DATABASE), s3)


async def execute(server: Postgres, *statements: str) -> None:
    """As the administrator, who may write where the others may not."""
    connection = await asyncpg.connect(server.url(DATABASE).replace("+asyncpg", ""))
    try:
        for statement in ("SET default_transaction_read_only TO off", *statements):
            await connection.execute(statement)
    finally:
        await connection.close()


@asynccontextmanager
async def gone(server: Postgres) -> AsyncIterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


CUT_OFF = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'prumo'"


@asynccontextmanager
async def read_only(server: Postgres) -> AsyncIterator[None]:
    """For who connects from now on, and that is everybody."""
    await execute(server, f"ALTER DATABASE {DATABASE} SET default_transaction_read_only TO on", CUT_OFF)
    try:
        yield
    finally:
        await execute(server, f"ALTER DATABASE {DATABASE} RESET default_transaction_read_only", CUT_OFF)


@asynccontextmanager
async def full(server: Postgres) -> AsyncIterator[None]:
    """As far as orders are concerned: PostgreSQL's own error, raised by a trigger."""
    await execute(
        server,
        """
        CREATE FUNCTION public.no_room() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$
        """,
        "CREATE TRIGGER no_room BEFORE INSERT ON shared.outbox EXECUTE FUNCTION public.no_room()",
    )
    try:
        yield
    finally:
        await execute(server, "DROP FUNCTION public.no_room() CASCADE")


@asynccontextmanager
async def without_connections(server: Postgres) -> AsyncIterator[None]:
    """Somebody else has all there are, those that the application had included."""
    held: list[asyncpg.Connection] = []

    async def take_all() -> None:
        with suppress(asyncpg.TooManyConnectionsError):
            while True:
                held.append(await asyncpg.connect(server.url(DATABASE).replace("+asyncpg", "")))

    try:
        await take_all()
        await held[0].execute(CUT_OFF)
        await take_all()
        yield
    finally:
        for connection in held:
            await connection.close()


@asynccontextmanager
async def hanging(server: Postgres) -> AsyncIterator[None]:
    """Every one of its processes."""
    postmaster = psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))
    tree = [postmaster, *postmaster.children(recursive=True)]
    for process in tree:
        process.suspend()
    try:
        yield
    finally:
        for process in tree:
            with suppress(psutil.NoSuchProcess):
                process.resume()


def told(answer: Answer) -> None:
    """As README says that an outage is answered."""
    assert (answer.status, answer.codes) == (503, ["UNAVAILABLE"])
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["cache-control"] == "no-store"
    assert "data" not in answer.body
    (error,) = answer.body["errors"]
    assert error["extensions"] == {
        "code": "UNAVAILABLE",
        "requestId": answer.headers["x-request-id"],
        "retryAfter": 2,
    }


def outage_lines(caplog: pytest.LogCaptureFixture, about: str = "") -> list[str]:
    """`about`: the service or the cause. Of an earlier test's outage a line may come that says how many more failed."""
    lines = [record.getMessage() for record in caplog.records if record.name == "gateway.outages"]
    return [line for line in lines if about in line]


def tracebacks(caplog: pytest.LogCaptureFixture) -> int:
    return sum(record.exc_info is not None for record in caplog.records)


def unavailable(service: str = "database") -> float:
    return metrics.registry.get_sample_value("prumo_unavailable_total", {"service": service}) or 0.0


async def cart(shop: Shop) -> Json:
    line = {"sku": "CIM-0002", "quantity": "1"}
    return (await shop.operation("portal/SetCartLine", {"input": line}, SP)).done("cartLineSet")


@pytest.mark.parametrize("accept", [GRAPHQL_RESPONSE, "application/json"])
@pytest.mark.parametrize("who", [None, SP])
async def test_a_database_that_is_gone_is_503_in_either_media_type(
    server: Postgres, shop: Shop, caplog: pytest.LogCaptureFixture, accept: str, who: str | None
) -> None:
    """For a signed-in caller authentication may fail first: it looks whether the session is over."""
    headers = {"accept": accept}
    if who is not None:
        headers["authorization"] = f"Bearer {await shop.token(who)}"
    before = unavailable()
    async with gone(server):
        caplog.clear()
        for _ in range(5):
            told(await shop.post({"query": CATEGORIES}, headers))
        assert len(outage_lines(caplog)) <= 3, (
            "one for each cause, such as cut off and refused, not for each request"
        )
        assert tracebacks(caplog) == 0
    assert unavailable() == before + 5
    assert (await shop.post({"query": CATEGORIES}, headers)).data["categories"]


async def test_a_failed_batch_under_many_aliases_is_one_error_and_one_line(
    server: Postgres, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """The page is read, and then its prices cannot be."""
    prices = " ".join(f'p{n}: price(quantity: "{n}") {{ unitPrice {{ amount }} }}' for n in (1, 2, 3))
    document = f"{{ products(first: 24) {{ nodes {{ {prices} }} }} }}"
    await execute(
        server,
        "ALTER TABLE pricing.prices RENAME TO hidden",
        """
        CREATE FUNCTION public.away() RETURNS SETOF pricing.hidden LANGUAGE plpgsql AS $$
        BEGIN RAISE 'out of memory' USING ERRCODE = '53200'; END $$
        """,
        "CREATE VIEW pricing.prices AS SELECT * FROM public.away()",
    )
    try:
        caplog.clear()
        told(await shop.ask(document, {}, SP))
        assert len(outage_lines(caplog, "OutOfMemoryError")) == 1
        assert tracebacks(caplog) == 0
    finally:
        await execute(
            server,
            "DROP VIEW pricing.prices",
            "DROP FUNCTION public.away()",
            "ALTER TABLE pricing.hidden RENAME TO prices",
        )
    assert len(nodes_of((await shop.ask(document, {}, SP)).data["products"])) == 24


@pytest.mark.parametrize("broken", [gone, read_only, full, without_connections])
async def test_an_order_across_an_outage_is_placed_exactly_once(
    server: Postgres,
    shop: Shop,
    caplog: pytest.LogCaptureFixture,
    broken: Callable[[Postgres], AbstractAsyncContextManager[None]],
) -> None:
    """By a client that sends it again for 503 and for nothing else."""
    placing = {"idempotencyKey": uuid4().hex, "cartVersion": (await cart(shop))["version"]}
    before = (await shop.ask("{ orders { totalCount } }", {}, SP)).data["orders"]["totalCount"]
    async with broken(server):
        caplog.clear()
        for _ in range(3):
            told(await shop.operation("portal/CheckOut", {"input": placing}, SP))
        assert len(outage_lines(caplog)) <= 3
        assert tracebacks(caplog) == 0
    for replayed in (False, True):
        answer = await shop.operation("portal/CheckOut", {"input": placing}, SP)
        assert answer.done("cartCheckout")["number"]
        assert answer.payload("cartCheckout")["meta"]["replayed"] is replayed
    assert (await shop.ask("{ orders { totalCount } }", {}, SP)).data["orders"]["totalCount"] == before + 1


async def readyz_is(shop: Shop, status: int) -> Json:
    """What it says when it has this status: an answer stands for a second."""
    answers: list[httpx.Response] = []

    async def is_told() -> bool:
        answers.append(await shop.http.get("/readyz"))
        return answers[-1].status_code == status

    await until(is_told)
    return answers[-1].json()


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (gone, "the database cannot be reached, or takes no writes ("),
        (read_only, "the database cannot be reached, or takes no writes (ReadOnlySQLTransactionError)"),
        (hanging, "the database does not answer within 2 s"),
    ],
)
async def test_readyz_tells_a_database_that_is_no_use_and_healthz_does_not(
    server: Postgres,
    shop: Shop,
    broken: Callable[[Postgres], AbstractAsyncContextManager[None]],
    reason: str,
) -> None:
    assert await readyz_is(shop, 200) == {"status": "ready"}
    async with broken(server):
        assert (await readyz_is(shop, 503))["reason"].startswith(reason)
        assert (await shop.http.get("/healthz")).status_code == 200
    await readyz_is(shop, 200)


async def test_a_flood_of_probes_asks_the_database_once(server: Postgres, shop: Shop) -> None:
    await readyz_is(shop, 200)
    with counting_statements() as count:
        answers = await asyncio.gather(*(shop.http.get("/readyz") for _ in range(300)))
    assert {answer.status_code for answer in answers} == {200}
    assert count.statements <= 2, "one, or two when a second has passed in between"


async def test_what_a_hanging_database_held_up_goes_on_when_it_does(server: Postgres, shop: Shop) -> None:
    async with hanging(server):
        asked = asyncio.create_task(shop.ask(CATEGORIES))
        _, waiting = await asyncio.wait([asked], timeout=0.5)
        assert waiting
    assert (await asked).data["categories"]
    assert (await shop.ask(CATEGORIES, {}, SP)).data["categories"]


async def test_over_a_socket_the_code_is_the_same_and_the_socket_stays(
    server: Postgres, app: Starlette, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(app) as address, connected(address, await bearer(shop, SP)) as socket:
        async with gone(server):
            caplog.clear()
            for id in ("1", "2"):
                await send(socket, id=id, type="subscribe", payload={"query": CATEGORIES})
                answer = await receive(socket)
                assert (answer["id"], answer["type"]) == (id, "error")
                (error,) = answer["payload"]
                assert (error["extensions"]["code"], error["extensions"]["retryAfter"]) == ("UNAVAILABLE", 2)
            assert tracebacks(caplog) == 0
        await send(socket, id="3", type="subscribe", payload={"query": CATEGORIES})
        assert (await receive(socket))["payload"]["data"]["categories"]


async def test_an_event_whose_order_cannot_be_read_ends_every_subscription_with_the_code(
    server: Postgres, app: Starlette, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """It is read once for all of them, and what kept it from being read is told once."""
    watch = {"query": "subscription { orderUpdated { number } }"}
    await execute(
        server,
        "ALTER TABLE orders.orders RENAME TO hidden",
        """
        CREATE FUNCTION public.away() RETURNS SETOF orders.hidden LANGUAGE plpgsql AS $$
        BEGIN RAISE 'limit' USING ERRCODE = '53400'; END $$
        """,
        "CREATE VIEW orders.orders AS SELECT * FROM public.away()",
    )
    change = (
        "SELECT pg_notify('prumo_order_updated', id || ':' || gen_random_uuid()) FROM identity.buyer_accounts"
    )
    try:
        async with (
            served(app) as address,
            connected(address, await bearer(shop, SP)) as buyer,
            connected(address, await bearer(shop, GESTOR)) as staff,
        ):
            caplog.clear()
            answers = []
            for socket in (buyer, staff):
                await send(socket, id="1", type="subscribe", payload=watch)
                answers.append(asyncio.create_task(receive(socket)))
            async with asyncio.timeout(30):
                while not all(answer.done() for answer in answers):
                    await execute(server, change)  # until both listen
            for answer in answers:
                assert answer.result()["type"] == "error"
                (error,) = answer.result()["payload"]
                assert error["extensions"]["code"] == "UNAVAILABLE"
            for socket in (buyer, staff):
                await send(socket, type="ping")
                assert (await receive(socket))["type"] == "pong"
            assert len(outage_lines(caplog, "ConfigurationLimitExceededError")) == 1
            assert tracebacks(caplog) == 0
    finally:
        await execute(
            server,
            "DROP VIEW orders.orders",
            "DROP FUNCTION public.away()",
            "ALTER TABLE orders.hidden RENAME TO orders",
        )


async def test_images_without_their_store_are_503_without_a_traceback(
    settings: Settings, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    store = S3(tmp_path)
    store.start()
    try:
        own = settings.model_copy(
            update={"s3_endpoint": store.endpoint, "s3_key": store.access_key, "s3_secret": store.secret_key}
        )
        app = create_app(own)
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://prumo.test") as http,
        ):
            assert (await http.get("/media/products/none.png")).status_code == 404
            store.stop()
            before = unavailable("object storage")
            caplog.clear()
            for _ in range(2):
                answer = await http.get("/media/products/none.png")
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
                assert answer.headers["cache-control"] == "no-store"
            assert unavailable("object storage") == before + 2
            # Of one cause or two: the connection that was open is cut off, the next one is refused.
            assert 1 <= len(outage_lines(caplog, "object storage")) <= 2
            assert tracebacks(caplog) == 0
    finally:
        store.stop()
