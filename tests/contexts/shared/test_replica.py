"""Which reads a streaming standby answers: none that could miss what its session wrote, none once it is gone."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import bindparam, func, select, text
from sqlalchemy.ext.asyncio import create_async_engine

import migrations
from contexts.shared.adapters.database import Database, show_to
from contexts.shared.adapters.query import Query
from contexts.shared.adapters.replica import WROTE_CHANNEL
from contexts.shared.adapters.tables import outbox
from contexts.shared.transaction import Event
from gateway.embedded.postgres import Postgres
from tests.contexts.shared.test_database import SLEEP
from tests.pgbouncer import needs_pgbouncer, pgbouncer
from tests.polling import until
from tests.standby import Standby, standby_of

ON_STANDBY: Query[bool] = Query(select(func.pg_is_in_recovery()))
SEEN: Query[int] = Query(select(func.count()).where(outbox.c.topic == bindparam("topic")))
LISTENING = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%prumo_wrote%'")
DATABASE = "prumo_replicated"


@dataclass(slots=True)
class Observed:
    """What would be metrics."""

    reads: list[str] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)

    def read(self, server: str) -> None:
        self.reads.append(server)

    def lag(self, seconds: float) -> None:
        self.lags.append(seconds)


@pytest.fixture(scope="module")
async def url(primary: Postgres) -> str:
    primary.create_database(DATABASE)
    engine = create_async_engine(primary.url(DATABASE))
    async with engine.connect() as connection:
        await connection.run_sync(migrations.upgrade)
    await engine.dispose()
    return primary.url(DATABASE)


@pytest.fixture(scope="module")
def standby(primary: Postgres, url: str) -> Iterator[Standby]:
    with standby_of(primary) as running:
        yield running


@asynccontextmanager
async def replicated(
    url: str, replica_url: str, *, max_lag: float = 30, direct_url: str | None = None
) -> AsyncIterator[tuple[Database, Observed]]:
    database, observed = Database(url, direct_url=direct_url), Observed()
    async with database.replicated(replica_url, max_lag, observed):
        yield database, observed
    await database.close()


@pytest.fixture
async def both(url: str, standby: Standby) -> AsyncIterator[tuple[Database, Observed]]:
    """A database whose standby is read from."""
    async with replicated(url, standby.url(DATABASE)) as (database, observed):
        await until_read(database)
        yield database, observed


async def on_standby(database: Database, session: UUID | None = None) -> bool:
    """Whether a query of this session is answered by the standby."""
    with database.called_by(session, may_lag=True):
        ((answer,),) = await database.fetch(ON_STANDBY)
    return answer


async def until_read(database: Database, session: UUID | None = None) -> None:
    """Returns when the session's queries are answered by the standby."""
    await until(lambda: on_standby(database, session))


async def until_not_read(database: Database, session: UUID | None = None) -> None:
    """Returns when they are answered by the primary."""

    async def on_primary() -> bool:
        return not await on_standby(database, session)

    await until(on_primary)


async def write(database: Database, session: UUID | None, topic: str) -> None:
    """What a mutation does."""
    with database.called_by(session, may_lag=False):
        async with database.begin() as transaction:
            await transaction.publish(Event(topic, {}))
            await transaction.commit()


async def seen(database: Database, session: UUID | None, topic: str) -> int:
    with database.called_by(session, may_lag=True):
        ((count,),) = await database.fetch(SEEN, {"topic": topic})
    return count


async def test_only_what_may_lag_is_read_there(both: tuple[Database, Observed]) -> None:
    database, observed = both
    assert await on_standby(database)
    assert await on_standby(database, uuid4())
    assert (await database.fetch(ON_STANDBY))[0][0] is False, "nobody said that it may be old"
    with database.called_by(uuid4(), may_lag=False):
        assert (await database.fetch(ON_STANDBY))[0][0] is False, "a mutation"
    async with database.begin() as transaction:
        assert (await database.fetch(ON_STANDBY, within=transaction))[0][0] is False
    assert observed.reads[-4:] == ["replica", "replica", "primary", "primary"]
    assert observed.lags


async def test_a_read_cannot_write_there_either(both: tuple[Database, Observed]) -> None:
    database, _ = both
    with database.called_by(None, may_lag=True), pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await database.fetch(Query(select(func.nextval("orders.order_numbers"))))


async def test_who_wrote_sees_it_at_once_and_reads_the_standby_when_it_has_it_too(
    both: tuple[Database, Observed], standby: Standby
) -> None:
    database, observed = both
    writer, reader = uuid4(), uuid4()
    await standby.replay(paused=True)
    try:
        await write(database, writer, "seen.own")
        looked = len(observed.lags)
        while len(observed.lags) < looked + 3:  # as long as it takes to look at the standby's lag so often
            assert await seen(database, writer, "seen.own") == 1
        assert await seen(database, reader, "seen.own") == 0, "somebody else may see it later"
        assert await on_standby(database, reader)
    finally:
        await standby.replay(paused=False)
    await until_read(database, writer)
    assert await seen(database, writer, "seen.own") == 1


async def test_who_wrote_in_another_process_sees_it_in_this_one(
    both: tuple[Database, Observed], url: str, standby: Standby
) -> None:
    here, observed = both
    session, started, heard = uuid4(), uuid4(), asyncio.Event()
    async with replicated(url, standby.url(DATABASE)) as (there, _):
        await until_read(there)
        listening = asyncio.create_task(
            here.listen(WROTE_CHANNEL, lambda told: heard.set() if told else None)
        )
        await standby.replay(paused=True)
        try:
            with there.called_by(session, may_lag=False):
                async with there.begin() as transaction:
                    await transaction.publish(Event("seen.there", {}))
                    show_to(transaction, started)
                    await transaction.commit()
            async with asyncio.timeout(10):
                await heard.wait()
            await until_not_read(here, session)
            await until_not_read(here, started)
            looked = len(observed.lags)
            while len(observed.lags) < looked + 3:
                assert await seen(here, session, "seen.there") == await seen(here, started, "seen.there") == 1
            assert await on_standby(here, uuid4())
        finally:
            await standby.replay(paused=False)
            listening.cancel()
        await until_read(here, session)


async def test_what_was_rolled_back_binds_nobody(both: tuple[Database, Observed], standby: Standby) -> None:
    database, _ = both
    session = uuid4()
    await standby.replay(paused=True)
    try:
        with database.called_by(session, may_lag=False):
            async with database.begin() as transaction:
                await transaction.publish(Event("seen.never", {}))
        assert await on_standby(database, session)
    finally:
        await standby.replay(paused=False)


async def test_what_was_not_heard_of_is_waited_for(
    both: tuple[Database, Observed], url: str, standby: Standby
) -> None:
    """Cut off, a process does not know who wrote; listening again, it waits for all that was written before."""
    database, _ = both
    session = uuid4()
    elsewhere = Database(url)
    await standby.replay(paused=True)
    try:
        async with elsewhere.begin() as transaction:
            await transaction.connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%prumo_wrote%'"
                )
            )
        await until_not_read(database, session)
        async with elsewhere.begin() as transaction:
            await transaction.publish(Event("seen.unheard", {}))
            await transaction.commit()
        async with elsewhere.reading() as connection:
            await until(lambda: connection.scalar(LISTENING))
        assert await seen(database, session, "seen.unheard") == 1
        assert not await on_standby(database, session)
    finally:
        await standby.replay(paused=False)
        await elsewhere.close()
    await until_read(database, session)
    assert await seen(database, session, "seen.unheard") == 1


async def test_too_far_behind_it_is_not_read_until_it_has_caught_up(url: str, standby: Standby) -> None:
    async with replicated(url, standby.url(DATABASE), max_lag=0.3) as (database, observed):
        await until_read(database)
        await standby.replay(paused=True)
        try:

            async def is_left_for_the_primary() -> bool:
                await write(database, None, "lagging")
                return not await on_standby(database)

            await until(is_left_for_the_primary)
        finally:
            await standby.replay(paused=False)
        assert max(observed.lags) > 0.3
        await until_read(database)


async def test_killed_it_fails_no_read_and_is_read_again_when_it_is_back(
    both: tuple[Database, Observed], standby: Standby
) -> None:
    database, observed = both
    stop, answers = asyncio.Event(), list[bool]()

    async def browse() -> None:
        while not stop.is_set():
            answers.append(await on_standby(database, uuid4()))

    with database.called_by(None, may_lag=True):
        hanging = asyncio.create_task(database.fetch(SLEEP, {"seconds": 0.5}))
    browsing = [asyncio.create_task(browse()) for _ in range(8)]
    await until(lambda: len(answers) > 50)
    standby.tree(signal.SIGKILL)
    await until(lambda: standby.exited() is not None)
    await until(lambda: not answers[-1])
    assert len(await hanging) == 1
    await asyncio.to_thread(standby.start)
    await until(lambda: answers[-1])
    stop.set()
    await asyncio.gather(*browsing)
    assert "repeated" in observed.reads
    assert float("inf") in observed.lags


async def test_hanging_it_keeps_no_read_waiting_for_long(
    both: tuple[Database, Observed], standby: Standby
) -> None:
    database, observed = both
    before = observed.reads.count("repeated")
    standby.tree(signal.SIGSTOP)
    try:
        async with asyncio.timeout(20):
            answers = await asyncio.gather(*(on_standby(database) for _ in range(20)))
        assert not any(answers)
        assert observed.reads.count("repeated") == before + 20
        assert not await on_standby(database)
    finally:
        standby.tree(signal.SIGCONT)
    await until_read(database)


async def test_what_is_no_standby_is_not_read(url: str, primary: Postgres) -> None:
    async with replicated(url, primary.url(DATABASE)) as (database, observed):
        await until(lambda: bool(observed.lags))
        assert not await on_standby(database)
        assert observed.reads == ["primary"]


async def test_one_that_was_never_there_is_no_error(url: str) -> None:
    async with replicated(url, "postgresql://nobody@127.0.0.1:1/nowhere") as (database, observed):
        await until(lambda: bool(observed.lags))
        assert not await on_standby(database)


async def test_nothing_goes_on_outside_the_block(url: str, standby: Standby) -> None:
    async with replicated(url, standby.url(DATABASE)) as (database, _):
        await until_read(database)
    assert database.replica is None
    assert not await on_standby(database)
    await database.close()


@needs_pgbouncer
async def test_behind_a_pooler_the_rules_are_the_same(primary: Postgres, url: str, standby: Standby) -> None:
    session = uuid4()
    with pgbouncer(primary, connections=2) as pooler:
        pooled = pooler.url(DATABASE)
        async with replicated(pooled, standby.url(DATABASE), direct_url=url) as (database, _):
            await until_read(database)
            await standby.replay(paused=True)
            try:
                await write(database, session, "seen.pooled")
                assert await seen(database, session, "seen.pooled") == 1
                assert await seen(database, uuid4(), "seen.pooled") == 0
            finally:
                await standby.replay(paused=False)
            standby.tree(signal.SIGSTOP)
            try:
                async with asyncio.timeout(20):
                    assert not any(await asyncio.gather(*(on_standby(database) for _ in range(20))))
            finally:
                standby.tree(signal.SIGCONT)
