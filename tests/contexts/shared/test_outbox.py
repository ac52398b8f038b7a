"""The outbox relay on the real database, with real workers."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import func, make_url, select, text

from contexts.shared.adapters.database import Database, UnitOfWork
from contexts.shared.adapters.outbox import (
    MAX_ATTEMPTS,
    ORPHANED,
    Handler,
    OutboxRelay,
    given_up,
    retry_given_up,
)
from contexts.shared.adapters.tables import outbox
from contexts.shared.audit import Json
from contexts.shared.mail import Undeliverable
from contexts.shared.transaction import Event
from gateway.embedded.postgres import Postgres
from tests.polling import until

LISTENING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%prumo_outbox%'"
    " AND datname = current_database()"
)

LANES = 4


async def publish(database: Database, *events: Event) -> None:
    async with database.begin() as transaction:
        for event in events:
            await transaction.publish(event)
        await transaction.commit()


async def rows_of(database: Database, topic: str) -> list[Mapping[str, object]]:
    """The outbox rows of a topic; `delay` is how far due_at lies ahead."""
    delay = (outbox.c.due_at - func.now()).label("delay")
    async with database.reading() as connection:
        rows = await connection.execute(
            select(outbox, delay).where(outbox.c.topic == topic).order_by(outbox.c.id)
        )
        return [dict(row) for row in rows.mappings()]


async def make_due(database: Database, topic: str) -> None:
    async with database.begin() as transaction:
        await transaction.connection.execute(
            outbox.update().where(outbox.c.topic == topic).values(due_at=func.now())
        )
        await transaction.commit()


class Received:
    """A handler that counts, and fails as long as it is told to."""

    def __init__(self) -> None:
        self.events: list[tuple[UUID, Mapping[str, Json]]] = []
        self.error: Exception | None = None
        self.arrived = asyncio.Event()

    async def __call__(self, event_id: UUID, event: Event) -> None:
        self.events.append((event_id, event.payload))
        self.arrived.set()
        if self.error:
            raise self.error

    async def wait(self, count: int, seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while len(self.events) < count:
                self.arrived.clear()
                await self.arrived.wait()


@asynccontextmanager
async def running(*relays: OutboxRelay, stop: asyncio.Event | None = None) -> AsyncIterator[None]:
    stop = stop or asyncio.Event()
    tasks = [asyncio.create_task(relay.run(stop)) for relay in relays]
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await asyncio.gather(*tasks)


async def test_an_event_is_handled_once(database: Database) -> None:
    handler = Received()
    relay = OutboxRelay(database, {"once.a": handler})
    await publish(database, Event("once.a", {"n": 1}))
    assert await relay.deliver_one()
    assert not await relay.deliver_one()
    (row,) = await rows_of(database, "once.a")
    assert handler.events == [(row["id"], {"n": 1})]
    assert row["handled_at"] is not None
    assert (row["attempts"], row["failed_at"], row["last_error"]) == (1, None, None)


async def test_what_was_rolled_back_never_happened(database: Database) -> None:
    async with database.begin() as transaction:
        await transaction.publish(Event("rolled.back", {}))
    assert await rows_of(database, "rolled.back") == []


async def test_a_failure_is_tried_again_later_and_then_given_up(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Received()
    relay = OutboxRelay(database, {"fail": handler})
    handler.error = ConnectionError("caixa cheia\0 \ud800")
    await publish(database, Event("fail", {}))
    delays = []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert await relay.deliver_one()
        assert not await relay.deliver_one()
        (row,) = await rows_of(database, "fail")
        assert (row["attempts"], row["handled_at"]) == (attempt, None)
        assert row["last_error"] == "ConnectionError: caixa cheia ?"
        assert (row["failed_at"] is None) == (attempt < MAX_ATTEMPTS)
        assert isinstance(row["delay"], timedelta)
        delays.append(round(row["delay"].total_seconds()))
        await make_due(database, "fail")
    assert delays[:11] == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
    assert set(delays[10:]) == {3600}
    assert timedelta(hours=20) < timedelta(seconds=sum(delays[:-1])) < timedelta(days=1)
    assert caplog.text.count("is given up after 30 attempts") == 1
    handler.error = None
    assert not await relay.deliver_one()
    assert len(handler.events) == MAX_ATTEMPTS
    assert await retry_given_up(database) == 1
    assert await retry_given_up(database) == 0
    assert await relay.deliver_one()
    (row,) = await rows_of(database, "fail")
    assert (row["attempts"], row["failed_at"], row["last_error"]) == (1, None, None)
    assert row["handled_at"] is not None
    assert await retry_given_up(database) == 0


async def test_what_is_refused_for_good_is_given_up_at_once_with_the_reason(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Received()
    handler.error = Undeliverable("550 no such user")
    relay = OutboxRelay(database, {"refused": handler})
    await publish(database, Event("refused", {}))
    assert await relay.deliver_one()
    await make_due(database, "refused")
    assert not await relay.deliver_one()
    (kept,) = await given_up(database)
    assert (kept.topic, kept.attempts, kept.error) == ("refused", 1, "Undeliverable: 550 no such user")
    (record,) = caplog.records
    assert f"refused {kept.id} is refused for good" in record.getMessage()
    assert await retry_given_up(database) == 1
    assert await given_up(database) == []
    handler.error = None
    assert await relay.deliver_one()


async def test_one_that_hangs_holds_up_no_other(database: Database) -> None:
    hanging, let = asyncio.Event(), asyncio.Event()

    async def hang(event_id: UUID, event: Event) -> None:
        hanging.set()
        await let.wait()

    handler = Received()
    await publish(database, Event("lane.hangs", {}))
    async with running(OutboxRelay(database, {"lane.hangs": hang, "lane.goes": handler}, lanes=2)):
        await hanging.wait()
        for n in range(3):
            await publish(database, Event("lane.goes", {"n": n}))
            await handler.wait(n + 1)
        let.set()
    assert all(row["handled_at"] for row in await rows_of(database, "lane.hangs"))


async def test_one_that_fails_does_not_stop_the_others(database: Database) -> None:
    bad, good = Received(), Received()
    bad.error = RuntimeError("não")
    relay = OutboxRelay(database, {"mixed.bad": bad, "mixed.good": good})
    await publish(database, Event("mixed.bad", {}), Event("mixed.good", {}))
    while await relay.deliver_one():
        pass
    assert (len(bad.events), len(good.events)) == (1, 1)


async def test_a_topic_nobody_knows_waits_a_day_for_somebody(database: Database) -> None:
    relay = OutboxRelay(database, {"known": Received()})
    await publish(database, Event("unknown", {}))
    assert not await relay.deliver_one()
    async with database.begin() as transaction:
        await transaction.connection.execute(
            outbox.update()
            .where(outbox.c.topic == "unknown")
            .values(created_at=func.now() - ORPHANED - timedelta(seconds=1))
        )
        await transaction.commit()
    assert await relay.deliver_one()
    (row,) = await rows_of(database, "unknown")
    assert row["handled_at"] is not None


async def test_a_published_event_wakes_the_worker_up(database: Database) -> None:
    handler = Received()
    # It polls once an hour: what arrives was told of.
    async with running(OutboxRelay(database, {"wake": handler}, poll=timedelta(hours=1))):
        async with database.reading() as connection:
            await until(lambda: connection.scalar(LISTENING))
        for n in range(1, 4):
            await publish(database, Event("wake", {"n": n}))
            await handler.wait(n)


async def test_several_workers_deliver_each_event_once(database: Database, database_url: str) -> None:
    handler = Received()

    async def slow(event_id: UUID, event: Event) -> None:
        await asyncio.sleep(0)
        await handler(event_id, event)

    handlers: dict[str, Handler] = {"many": slow}
    databases = [Database(database_url, pool_size=1) for _ in range(4)]
    await publish(database, *(Event("many", {"n": n}) for n in range(100)))
    async with running(*(OutboxRelay(each, handlers) for each in databases)):
        await handler.wait(100)
        await publish(database, *(Event("many", {"n": n}) for n in range(100, 200)))
        await handler.wait(200)
    for each in databases:
        await each.close()
    counted = Counter(payload["n"] for _, payload in handler.events)
    assert counted == Counter(range(200))
    assert all(row["handled_at"] for row in await rows_of(database, "many"))


async def test_stopping_finishes_the_event_in_hand(database: Database) -> None:
    begun, stopping, done = asyncio.Event(), asyncio.Event(), []

    async def slow(event_id: UUID, event: Event) -> None:
        begun.set()
        await stopping.wait()
        done.append(event_id)

    await publish(database, Event("slow", {}), Event("slow", {}))
    async with running(OutboxRelay(database, {"slow": slow}), stop=stopping):
        await begun.wait()
    assert len(done) == 1
    handled = [row["handled_at"] is not None for row in await rows_of(database, "slow")]
    assert sorted(handled) == [False, True]


async def test_a_worker_outlives_the_databases_absence(
    database: Database, database_url: str, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    handler, workers = Received(), Database(database_url)
    name = make_url(database_url).database
    elsewhere = await asyncpg.connect(postgres.url("postgres").replace("+asyncpg", ""))
    try:
        async with running(OutboxRelay(workers, {"cut": handler})):
            await publish(database, Event("cut", {"n": 1}))
            await handler.wait(1)
            await database.close()
            await elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await elsewhere.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
            await until(lambda: "the database is away" in caplog.text)
            await elsewhere.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await publish(database, Event("cut", {"n": 2}))
            await handler.wait(2)
    finally:
        await elsewhere.close()
        await workers.close()


class GoneDatabase(Database):
    """No unit of work begins; `tries` counts how often a lane wanted one."""

    def __init__(self) -> None:
        super().__init__("postgresql://127.0.0.1:1/x")
        self.tries = 0
        self.all_lanes_tried = asyncio.Event()

    def begin(self) -> UnitOfWork:
        self.tries += 1
        if self.tries == LANES:
            self.all_lanes_tried.set()
        return super().begin()


async def test_a_database_that_is_away_is_told_once_however_many_lanes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gone = GoneDatabase()
    async with running(OutboxRelay(gone, {"away": Received()}, LANES)):
        await gone.all_lanes_tried.wait()
    told = [each.getMessage() for each in caplog.records if "the database is away" in each.getMessage()]
    assert len(told) == 1
    assert "ConnectionRefusedError" in told[0]


async def test_a_worker_killed_in_the_middle_loses_nothing(database: Database, database_url: str) -> None:
    handler = Received()
    relay = OutboxRelay(database, {"kill.me": handler})
    await publish(database, Event("kill.me", {"n": 1}))
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contexts.shared.outbox_worker", database_url, stdout=PIPE
    )
    try:
        assert worker.stdout is not None
        async with asyncio.timeout(20):
            in_hand = await worker.stdout.readline()
        # The other worker has it.
        assert not await relay.deliver_one()
    finally:
        worker.kill()
        await worker.wait()
    await until(relay.deliver_one)  # PostgreSQL takes a moment to see that the connection is gone
    (row,) = await rows_of(database, "kill.me")
    assert handler.events == [(row["id"], {"n": 1})]
    assert in_hand.decode().strip() == str(row["id"])
    assert row["handled_at"] is not None
