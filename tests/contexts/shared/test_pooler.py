"""The database seam behind PgBouncer in transaction mode: each transaction may be on another server connection."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from sqlalchemy import Text, bindparam, func, literal_column, select, text
from sqlalchemy.engine import make_url

from contexts.shared.adapters.database import Database, connection_of, run, run_many
from contexts.shared.adapters.query import Query
from contexts.shared.adapters.tables import outbox
from contexts.shared.transaction import Event
from contexts.shared.unavailable import Unavailable
from gateway.embedded.postgres import Postgres
from tests.contexts.shared.test_database import ONE, PID, SLEEP, connected
from tests.pgbouncer import PgBouncer, needs_pgbouncer, pgbouncer
from tests.polling import until

pytestmark = needs_pgbouncer

SETTING: Query[str] = Query(select(func.current_setting(bindparam("name", type_=Text))))


@pytest.fixture(scope="module")
def pooler(postgres: Postgres) -> Iterator[PgBouncer]:
    with pgbouncer(postgres, connections=2) as running:
        yield running


@pytest.fixture(scope="module")
def pooled_url(pooler: PgBouncer, database_url: str) -> str:
    return pooler.url(make_url(database_url).database or "")


@pytest.fixture
async def pooled(pooled_url: str, database_url: str) -> AsyncIterator[Database]:
    """Both of the pooler's server connections are there: it makes the second when two clients are busy."""
    async with connected(pooled_url, direct_url=database_url) as database:
        await asyncio.gather(*(database.fetch(SLEEP, {"seconds": 0.2}) for _ in range(2)))
        yield database


async def test_one_client_connection_is_served_by_several_servers(
    pooled: Database, pooled_url: str, database_url: str
) -> None:
    """What a named statement, or a setting of the session, would not survive."""
    async with connected(pooled_url, direct_url=database_url, pool_size=1) as database:
        pids = {(await database.fetch(PID))[0][0] for _ in range(6)}
        assert len(pids) == 2
        for _ in range(3):
            async with database.begin() as transaction:
                ((one,),) = await run(transaction, PID, {})
                # SQLAlchemy keeps what it has prepared; it must not be another statement by now.
                assert await transaction.connection.scalar(select(literal_column("'mine'"))) == "mine"
                assert await transaction.connection.scalar(select(literal_column("pg_backend_pid()"))) == one
                await transaction.commit()


async def test_more_clients_than_servers_all_read_and_write(pooled: Database) -> None:
    async def work(number: int) -> None:
        async with pooled.begin() as transaction:
            await transaction.publish(Event("pooled", {"number": number}))
            await pooled.fetch(ONE, within=transaction)
            await transaction.commit()
        assert await pooled.fetch(ONE)

    async with asyncio.timeout(15):
        await asyncio.gather(*(work(number) for number in range(20)))
    published = Query(select(func.count()).where(outbox.c.topic == bindparam("topic")))
    assert (await pooled.fetch(published, {"topic": "pooled"}))[0][0] == 20


async def test_a_read_cannot_write_and_leaves_a_good_connection(pooled: Database) -> None:
    for _ in range(3):
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await pooled.fetch(Query(select(func.nextval("orders.order_numbers"))))
        assert len(await pooled.fetch(ONE)) == 1


async def test_timeouts_hold(pooled_url: str, database_url: str) -> None:
    async with connected(pooled_url, direct_url=database_url, statement_timeout_ms=100) as hasty:
        with pytest.raises(Unavailable, match="statement timeout"):
            await hasty.fetch(SLEEP, {"seconds": 20})
        with pytest.raises(Unavailable, match="statement timeout"):
            async with hasty.begin() as transaction:
                await transaction.connection.execute(select(func.pg_sleep(20)))
        lock = select(func.pg_advisory_xact_lock(7))
        async with connected(pooled_url, direct_url=database_url, lock_timeout_ms=100) as waiting:
            async with waiting.begin() as first:
                await first.connection.execute(lock)
                with pytest.raises(Unavailable, match="lock timeout"):
                    async with waiting.begin() as second:
                        await second.connection.execute(lock)


async def test_nothing_is_left_on_a_server_for_the_next_client(
    pooled: Database, pooled_url: str, pooler: PgBouncer
) -> None:
    """Neither settings nor statements, after reads, units of work, failures and COPY."""
    await pooled.fetch(ONE)
    async with pooled.begin() as transaction:
        await transaction.publish(Event("left", {}))
        await transaction.connection.execute(select(outbox.c.payload).limit(1))
        await run_many(transaction, _TOUCH, [{"topic_": "left"}, {"topic_": "left"}])
        await connection_of(transaction).raw.copy_records_to_table("stock", schema_name="catalog", records=[])
        await transaction.commit()
    # One pool's clients come with another's servers: every server connection is looked at.
    stranger = await asyncpg.connect(
        make_url(pooled_url).set(drivername="postgresql").render_as_string(), statement_cache_size=0
    )
    seen = set()
    for _ in range(6):
        async with stranger.transaction():
            (row,) = await stranger.fetch(
                "SELECT pg_backend_pid(), current_setting('statement_timeout'), current_setting('lock_timeout'),"
                " current_setting('default_transaction_read_only'), current_setting('jit'),"
                " current_setting('max_parallel_workers_per_gather'),"
                " (SELECT count(*) FROM pg_prepared_statements WHERE name <> '')"
            )
        seen.add(row[0])
        assert tuple(row)[1:] == ("0", "0", "off", "on", "2", 0)
    assert len(seen) == 2
    await stranger.close()


async def test_settings_are_in_force_where_statements_run(pooled: Database) -> None:
    for name, value in [
        ("jit", "off"),
        ("max_parallel_workers_per_gather", "0"),
        ("statement_timeout", "30s"),
    ]:
        assert (await pooled.fetch(SETTING, {"name": name}))[0][0] == value
        async with pooled.begin() as transaction:
            assert (await run(transaction, SETTING, {"name": name}))[0][0] == value


async def test_a_cancelled_read_ends_on_the_server_and_gives_its_place_back(
    pooled: Database, pooled_url: str, database_url: str
) -> None:
    running = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
        " AND (state = 'active' OR state LIKE 'idle in transaction%')"
    )
    async with connected(pooled_url, direct_url=database_url, pool_size=4) as database:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await asyncio.gather(*(database.fetch(SLEEP, {"seconds": 20}) for _ in range(2)))
        async with asyncio.timeout(5):
            assert len(await database.fetch(ONE)) == 1
            async with database.reading() as connection:

                async def have_ended() -> bool:
                    return not await connection.scalar(running)

                await until(have_ended)


async def test_servers_cut_off_are_no_error_for_long(pooled: Database, database: Database) -> None:
    """A pooler tells its client of the loss of the server; a read is repeated as it is without one."""
    await asyncio.gather(*(pooled.fetch(ONE) for _ in range(4)))
    async with database.begin() as transaction:
        await transaction.connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    for _ in range(4):
        assert len(await pooled.fetch(ONE)) == 1


async def test_listening_goes_past_the_pooler(pooled: Database) -> None:
    heard: asyncio.Queue[str | None] = asyncio.Queue()
    task = asyncio.create_task(pooled.listen("ramal", heard.put_nowait))
    try:
        async with asyncio.timeout(10):
            assert await heard.get() is None
            async with pooled.begin() as transaction:
                await transaction.connection.execute(select(func.pg_notify("ramal", "oi")))
                await transaction.commit()
            assert await heard.get() == "oi"
    finally:
        task.cancel()
        await asyncio.wait([task])


_TOUCH: Query[()] = Query(outbox.update().where(outbox.c.topic == bindparam("topic_")).values(attempts=0))
