"""Two `prumo serve` with a streaming standby: every session sees what it wrote, and the standby may die."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from gateway.embedded.postgres import Postgres
from gateway.embedded.s3 import S3
from gateway.settings import Settings
from tests.api.conftest import settings_for
from tests.api.processes import serving
from tests.api.shop import PA, SP, Shop, nodes_of
from tests.conftest import copied
from tests.polling import until
from tests.standby import Standby, standby_of

DATABASE = "prumo_served"
READS = re.compile(r'^prumo_database_reads_total\{server="(\w+)"\} ([\d.]+)$', re.MULTILINE)


@pytest.fixture(scope="module")
def standby(primary: Postgres) -> Iterator[Standby]:
    with standby_of(primary) as running:
        yield running


@pytest.fixture(scope="module")
async def settings(primary: Postgres, primary_seeded: str, standby: Standby, home: Path, s3: S3) -> Settings:
    """Both servers', with the demo data in them."""
    settings = settings_for(home, await copied(primary, primary_seeded, DATABASE), s3)
    return settings.model_copy(update={"replica_url": standby.url(DATABASE)})


@pytest.fixture(scope="module")
async def shops(
    settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Shop, Shop]]:
    """Clients of one process and of the other, each of which reads the standby."""
    logs = tmp_path_factory.mktemp("logs")
    environment = {"PRUMO_REPLICA_URL": settings.replica_url or "", "PRUMO_THROTTLE_POINTS": "off"}
    entered = [serving(settings, logs / name, **environment) for name in ("one", "two")]
    one, two = await asyncio.gather(*(each.__aenter__() for each in entered))
    try:
        async with (
            httpx.AsyncClient(base_url=f"http://{one.address}") as here,
            httpx.AsyncClient(base_url=f"http://{two.address}") as there,
        ):
            both = Shop(here), Shop(there)
            for shop in both:
                await until_read(shop, None)
            yield both
    finally:
        for each in entered:
            await each.__aexit__(None, None, None)


async def reads(shop: Shop) -> dict[str, float]:
    """How many reads the process has sent where."""
    told = (await shop.http.get("/metrics")).text
    return {server: float(count) for server, count in READS.findall(told)}


async def until_read(shop: Shop, who: str | None) -> None:
    """Returns when this caller's queries are answered by the standby."""

    async def is_read() -> bool:
        before = (await reads(shop))["replica"]
        await shop.ask("{ categories { slug } }", {}, who)
        return (await reads(shop))["replica"] > before

    await until(is_read)


async def numbers(shop: Shop, who: str) -> list[str]:
    """The caller's orders, newest first."""
    listed = await shop.operation("portal/Orders", {"first": 5}, who)
    return [node["number"] for node in nodes_of(listed.data["orders"])]


async def test_what_a_session_wrote_it_sees_in_every_process(
    shops: tuple[Shop, Shop], standby: Standby
) -> None:
    one, two = shops
    two._tokens[SP] = await one.token(SP)
    two._tokens[PA] = await one.token(PA)
    await until_read(one, SP)
    await until_read(two, SP)
    await standby.replay(paused=True)
    try:
        order = await one.order(SP)
        for _ in range(5):
            assert (await numbers(one, SP))[0] == order["number"]
            assert (await one.operation("portal/Cart", {}, SP)).data["cart"] is None

        # The other process would not show it for as long as it reads the standby.
        async def is_there() -> bool:
            return order["number"] in await numbers(two, SP)

        await until(is_there)
        assert (await numbers(two, SP))[0] == order["number"]
        await until_read(two, PA)
    finally:
        await standby.replay(paused=False)
    await until_read(one, SP)
    await until_read(two, SP)
    assert (await numbers(one, SP))[0] == (await numbers(two, SP))[0] == order["number"]


async def test_who_has_just_signed_in_finds_the_session(shops: tuple[Shop, Shop], standby: Standby) -> None:
    one, _ = shops
    before = len((await one.operation("portal/Sessions", {}, SP)).data["sessions"])
    await standby.replay(paused=True)
    try:
        await one.token(SP, anew=True)
        sessions = (await one.operation("portal/Sessions", {}, SP)).data["sessions"]
        assert len(sessions) == before + 1
        assert any(session["current"] for session in sessions)
    finally:
        await standby.replay(paused=False)


async def test_a_standby_killed_under_load_fails_no_request(
    shops: tuple[Shop, Shop], standby: Standby
) -> None:
    statuses: list[int] = []
    stop = asyncio.Event()

    async def browse(shop: Shop) -> None:
        while not stop.is_set():
            answer = await shop.ask("{ products(first: 5) { nodes { sku } } }")
            assert nodes_of(answer.data["products"])
            statuses.append(answer.status)

    async def is_missed() -> bool:
        told = [(await shop.http.get("/metrics")).text for shop in shops]
        return all("prumo_replica_lag_seconds +Inf" in text for text in told)

    for shop in shops:
        await until_read(shop, None)
    async with asyncio.TaskGroup() as browsing:
        for shop in shops * 4:
            browsing.create_task(browse(shop))
        await until(lambda: len(statuses) > 100)
        standby.tree(signal.SIGKILL)
        await until(is_missed)
        assert standby.exited() is not None
        order = await shops[0].order(SP)
        assert (await numbers(shops[0], SP))[0] == order["number"]
        await asyncio.to_thread(standby.start)
        for shop in shops:
            await until_read(shop, None)
        await until_read(shops[0], SP)
        assert (await numbers(shops[0], SP))[0] == order["number"]
        stop.set()
    assert set(statuses) == {200}
