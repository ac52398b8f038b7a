"""The database seam on the real PostgreSQL: what may go wrong below a read, a unit of work and a listener."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import asyncpg
import psutil
import pytest
from sqlalchemy import (
    ARRAY,
    DateTime,
    Numeric,
    Text,
    Uuid,
    bindparam,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.adapters.query import Query
from contexts.shared.adapters.tables import outbox
from contexts.shared.transaction import Event
from contexts.shared.unavailable import Unavailable
from tests.polling import until, until_now

ONE: Query[int] = Query(select(literal_column("1")))
PID: Query[int] = Query(select(literal_column("pg_backend_pid()")))
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
)
SLEEP = Query(select(func.pg_sleep(bindparam("seconds"))))


@asynccontextmanager
async def connected(url: str, *, direct_url: str | None = None, **options: int) -> AsyncIterator[Database]:
    database = Database(url, direct_url=direct_url, **options)
    yield database
    await database.close()


async def terminate_all(database: Database) -> None:
    """Every other connection to this database is cut off, by somebody who is not one of its own."""
    async with database.begin() as transaction:
        await transaction.connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


async def test_values_travel_as_they_are(database: Database) -> None:
    query = Query(
        select(
            bindparam("id", type_=Uuid),
            bindparam("price", type_=Numeric),
            bindparam("ids", type_=ARRAY(Uuid)),
            bindparam("words", type_=ARRAY(Text)),
            func.coalesce(bindparam("at", type_=DateTime(timezone=True)), func.to_timestamp(0)),
            func.upper("constant"),
        )
    )
    id_ = uuid4()
    parameters = {
        "id": id_,
        "price": Decimal("1234.5678"),
        "ids": [id_],
        "words": ["ação", "'; --"],
        "at": None,
        "unknown": "ignored",
    }
    (row,) = await database.fetch(query, parameters)
    async with database.begin() as transaction:
        (within,) = await database.fetch(query, parameters, transaction)
    assert tuple(row) == tuple(within)
    assert row[:4] == (id_, Decimal("1234.5678"), [id_], ["ação", "'; --"])
    assert (row[4].isoformat(), row[5]) == ("1970-01-01T00:00:00+00:00", "CONSTANT")
    with pytest.raises(KeyError, match="price"):
        await database.fetch(query, {"id": id_})


def test_what_would_need_a_conversion_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="payload"):
        Query(select(outbox.c.id).where(outbox.c.payload == bindparam("payload", type_=JSONB)))


async def test_a_read_within_a_transaction_is_on_its_connection(database: Database) -> None:
    topics = Query(select(outbox.c.topic).where(outbox.c.topic == bindparam("topic")))
    async with database.begin() as transaction:
        await transaction.publish(Event("seen.within", {}))
        assert len(await database.fetch(topics, {"topic": "seen.within"}, transaction)) == 1
        assert await database.fetch(topics, {"topic": "seen.within"}) == []


async def test_reads_and_units_of_work_are_counted_alike(database: Database) -> None:
    with counting_statements() as count:
        await database.fetch(ONE)
        async with database.begin() as transaction:
            await database.fetch(ONE, within=transaction)
            await transaction.connection.execute(select(1))
        await asyncio.create_task(database.fetch(ONE))
    assert count.statements == 4


async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await database.fetch(Query(select(func.nextval("orders.order_numbers"))))


async def test_neither_pool_takes_from_the_other(database: Database, database_url: str) -> None:
    async with connected(database_url, pool_size=1) as small:
        async with small.begin() as transaction:
            await transaction.connection.execute(select(1))
            assert len(await asyncio.gather(*(small.fetch(ONE) for _ in range(20)))) == 20
        async with database.begin() as holder:
            await holder.connection.execute(select(func.pg_advisory_xact_lock(7)))
            reading = asyncio.create_task(small.fetch(Query(select(func.pg_advisory_xact_lock(7)))))
            await until(lambda: holder.connection.scalar(WAITING))
            async with small.begin() as transaction:
                await transaction.connection.execute(select(1))
            assert not reading.done()
        await reading


async def test_reads_beyond_the_pool_wait_and_no_more_connections_are_made(database_url: str) -> None:
    async with connected(database_url, pool_size=2) as small:
        both = Query(select(func.pg_backend_pid(), func.pg_sleep(0.01)))
        rows = await asyncio.gather(*(small.fetch(both) for _ in range(20)))
        assert len({pid for ((pid, _),) in rows}) == 2


async def test_every_connection_cut_off_is_no_error_for_the_next_read(
    database: Database, database_url: str
) -> None:
    async with connected(database_url, pool_size=3) as pooled:
        sleep = Query(select(func.pg_backend_pid(), func.pg_sleep(0.05)))
        before = {pid for ((pid, _),) in await asyncio.gather(*(pooled.fetch(sleep) for _ in range(3)))}
        await terminate_all(database)
        after = {pid for ((pid, _),) in await asyncio.gather(*(pooled.fetch(sleep) for _ in range(3)))}
        assert len(before) == len(after) == 3
        assert not before & after


async def test_a_connection_cut_off_unnoticed_is_no_error_either(
    database: Database, database_url: str
) -> None:
    """The loop has no chance to see the end of the connection before the read takes it."""
    async with connected(database_url) as pooled:
        ((pid,),) = await pooled.fetch(PID)
        async with database.begin() as transaction:
            await transaction.connection.execute(select(func.pg_terminate_backend(pid)))
        until_now(lambda: not psutil.pid_exists(pid))
        assert (await pooled.fetch(PID))[0][0] != pid


async def test_an_error_of_the_statement_is_told_and_not_tried_again(database_url: str) -> None:
    async with connected(database_url, pool_size=1) as pooled:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await pooled.fetch(Query(select(1 / bindparam("zero", type_=Numeric))), {"zero": Decimal(0)})
        assert len(await pooled.fetch(ONE)) == 1


async def test_a_cancelled_read_ends_on_the_server_and_leaves_a_good_connection(
    database: Database, database_url: str
) -> None:
    running = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"
    )
    async with connected(database_url, pool_size=1) as pooled:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await pooled.fetch(SLEEP, {"seconds": 20})
        async with asyncio.timeout(5):
            assert [tuple(row) for row in await pooled.fetch(ONE)] == [(1,)]
        async with database.reading() as connection:
            assert await connection.scalar(running) == 0


async def test_a_statement_that_takes_too_long_is_stopped(database_url: str) -> None:
    async with connected(database_url, statement_timeout_ms=100) as hasty:
        with pytest.raises(Unavailable, match="statement timeout"):
            await hasty.fetch(SLEEP, {"seconds": 20})
        with pytest.raises(Unavailable, match="statement timeout"):
            async with hasty.begin() as transaction:
                await transaction.connection.execute(select(func.pg_sleep(20)))


async def test_a_unit_of_work_does_not_wait_for_a_lock_for_ever(
    database: Database, database_url: str
) -> None:
    lock = select(func.pg_advisory_xact_lock(7))
    async with connected(database_url, lock_timeout_ms=100) as hasty:
        async with database.begin() as first:
            await first.connection.execute(lock)
            with pytest.raises(Unavailable, match="lock timeout"):
                async with hasty.begin() as second:
                    await second.connection.execute(lock)


async def test_a_listener_hears_and_listens_again_after_it_was_cut_off(
    database: Database, database_url: str
) -> None:
    heard: asyncio.Queue[str | None] = asyncio.Queue()

    def hear(payload: str | None) -> None:
        heard.put_nowait(payload)
        if payload == "bad":
            raise ValueError("a listener's own mistake")

    async def notify(payload: str) -> None:
        async with database.begin() as transaction:
            await transaction.connection.execute(select(func.pg_notify("ramal", payload)))
            await transaction.commit()

    loop, told = asyncio.get_running_loop(), list[str]()
    loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))
    async with connected(database_url) as listening:
        task = asyncio.create_task(listening.listen("ramal", hear))
        try:
            async with asyncio.timeout(10):
                assert await heard.get() is None
                for payload in ("um", "bad", "dois"):
                    await notify(payload)
                    assert await heard.get() == payload
                await terminate_all(database)
                assert await heard.get() is None
                await notify("três")
                assert await heard.get() == "três"
        finally:
            loop.set_exception_handler(None)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    assert told == ["a listener's own mistake"]


SSL_REQUEST = bytes.fromhex("00000008 04d2162f")


@asynccontextmanager
async def without_tls() -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that refuses TLS: its port, and what each connection began with."""
    begun: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(await reader.read(8))
        writer.write(b"N")
        with suppress(ConnectionError):
            await writer.drain()
            begun.append(await reader.read(8))
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], begun


@pytest.mark.parametrize("driver", ["postgresql", "postgresql+asyncpg"])
@pytest.mark.parametrize("parameter", ["sslmode=require", "ssl=require"])
async def test_tls_is_asked_for_however_the_url_says_it(driver: str, parameter: str) -> None:
    async with without_tls() as (port, begun):
        async with connected(f"{driver}://prumo:s%40nha@127.0.0.1:{port}/prumo?{parameter}") as database:
            with pytest.raises(Unavailable, match="SSL"):
                await database.fetch(ONE)
            with pytest.raises(Unavailable, match="SSL"):
                async with database.begin() as transaction:
                    await transaction.connection.execute(select(1))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await database.listen("ramal", lambda _: None)
        # Nothing followed in the clear.
        assert set(begun) <= {SSL_REQUEST, b""}
        assert begun.count(SSL_REQUEST) == 3


async def test_a_certificate_authority_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with without_tls() as (port, begun):
        url = f"postgresql://prumo@127.0.0.1:{port}/prumo?sslmode=verify-full&sslrootcert={tmp_path}/no.crt"
        async with connected(url) as database:
            with pytest.raises(Unavailable, match="FileNotFoundError"):
                await database.fetch(ONE)
    assert begun == []
