"""Units of work take turns on their connections, whatever happened to those who had them before."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import bindparam, func, select, text
from sqlalchemy.exc import DBAPIError

from contexts.shared.adapters.database import Database, SqlTransaction, run
from contexts.shared.adapters.query import Query
from contexts.shared.unavailable import Unavailable
from tests.contexts.shared.test_database import connected, terminate_all

PID: Query[int] = Query(select(func.pg_backend_pid()))
SLEEP = Query(select(func.pg_sleep(bindparam("seconds"))))
# InternalClientError: the server has said goodbye, and asyncpg has not yet read all of it.

Way = Callable[[SqlTransaction, float], Awaitable[object]]


async def compiled(transaction: SqlTransaction, seconds: float) -> object:
    return await run(transaction, SLEEP, {"seconds": seconds})


async def sqlalchemys(transaction: SqlTransaction, seconds: float) -> object:
    return await transaction.connection.execute(select(func.pg_sleep(seconds)))


WAYS = pytest.mark.parametrize("sleep", [compiled, sqlalchemys])


async def used(database: Database) -> int:
    """A unit of work with both kinds of statements, on this server process."""
    async with database.begin() as transaction:
        ((pid,),) = await run(transaction, PID, {})
        assert await transaction.connection.scalar(select(func.pg_backend_pid())) == pid
        assert await transaction.connection.scalar(text("SELECT now() = statement_timestamp()")) is False
        await transaction.commit()
        return pid


async def test_the_same_connection_serves_again(database_url: str) -> None:
    async with connected(database_url, pool_size=1) as pooled:
        assert len({await used(pooled) for _ in range(5)}) == 1


@WAYS
async def test_one_cut_off_while_idle_is_no_error(database: Database, database_url: str, sleep: Way) -> None:
    async with connected(database_url, pool_size=1) as pooled:
        async with pooled.begin() as transaction:
            await sleep(transaction, 0)
        before = await used(pooled)
        await terminate_all(database)
        assert await used(pooled) != before


@WAYS
async def test_one_cut_off_at_work_fails_and_the_next_is_new(
    database: Database, database_url: str, sleep: Way
) -> None:
    async with connected(database_url, pool_size=1) as pooled:
        before = await used(pooled)
        with pytest.raises(Unavailable):
            async with pooled.begin() as transaction:
                await terminate_all(database)
                await sleep(transaction, 0)
        assert await used(pooled) != before


@WAYS
async def test_what_was_cancelled_is_rolled_back_and_leaves_a_good_connection(
    database_url: str, sleep: Way
) -> None:
    async with connected(database_url, pool_size=1) as pooled:
        await used(pooled)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), pooled.begin() as transaction:
                await transaction.connection.execute(text("CREATE TABLE half_done ()"))
                await sleep(transaction, 20)
        async with asyncio.timeout(5):
            await used(pooled)
            async with pooled.begin() as transaction:
                assert await transaction.connection.scalar(text("SELECT to_regclass('half_done')")) is None


async def test_a_statement_that_fails_takes_the_unit_of_work_with_it_only(database_url: str) -> None:
    async with connected(database_url, pool_size=1) as pooled:
        before = await used(pooled)
        for _ in range(2):
            with pytest.raises(DBAPIError, match="division by zero"):
                async with pooled.begin() as transaction:
                    await transaction.connection.execute(text("SELECT 1/0"))
        assert await used(pooled) == before


async def test_who_gives_up_waiting_takes_nobodys_turn(database_url: str) -> None:
    async with connected(database_url, pool_size=1) as pooled:
        async with pooled.begin():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), pooled.begin():
                    raise AssertionError("there is one connection")
        async with asyncio.timeout(5):
            await used(pooled)
