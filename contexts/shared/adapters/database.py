"""PostgreSQL behind the unit of work: one engine, connections taken per statement or per transaction."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import event, func, select
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from contexts.shared.adapters.tables import outbox
from contexts.shared.ids import new_id
from contexts.shared.transaction import Event, Transaction

OUTBOX_CHANNEL = "prumo_outbox"


@dataclass(slots=True)
class StatementCount:
    """How many SQL statements a piece of work sent."""

    statements: int = 0


_count: ContextVar[StatementCount | None] = ContextVar("statement_count", default=None)


@contextmanager
def counting_statements() -> Iterator[StatementCount]:
    """Count the statements sent inside the block, tasks started in it included."""
    count = StatementCount()
    token = _count.set(count)
    try:
        yield count
    finally:
        _count.reset(token)


def _count_one(
    connection: Connection,
    cursor: DBAPICursor,
    statement: str,
    parameters: object,
    context: ExecutionContext | None,
    executemany: bool,
) -> None:
    if (count := _count.get()) is not None:
        count.statements += 1


@dataclass(frozen=True, slots=True)
class SqlTransaction:
    """A transaction on one connection."""

    connection: AsyncConnection

    async def publish(self, event: Event) -> None:
        await self.connection.execute(
            outbox.insert().values(id=new_id(), topic=event.topic, payload=event.payload)
        )
        # Delivered by PostgreSQL at commit, and not at all on rollback: it only wakes a worker up.
        await self.connection.execute(select(func.pg_notify(OUTBOX_CHANNEL, event.topic)))

    async def commit(self) -> None:
        await self.connection.commit()


class Database:
    """The engine and the two ways to use it: `reading` for one statement, `begin` for a unit of work."""

    def __init__(self, url: str, *, pool_size: int = 10, statement_timeout_ms: int = 30_000) -> None:
        """`url`: a PostgreSQL URL with or without a driver name. Connects on first use."""
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            pool_size=pool_size,
            max_overflow=0,
            connect_args={
                "server_settings": {
                    "application_name": "prumo",
                    # Compiling pays off for analytics, never for statements of a few milliseconds.
                    "jit": "off",
                    # Starting a parallel worker takes longer than the statements of a request do.
                    "max_parallel_workers_per_gather": "0",
                    "statement_timeout": str(statement_timeout_ms),
                }
            },
        )
        self._autocommit = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self.engine.sync_engine, "before_cursor_execute", _count_one)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[SqlTransaction]:
        """A unit of work; leaving the block without `commit()` rolls back."""
        async with self.engine.connect() as connection:
            yield SqlTransaction(connection)

    def reading(self, within: Transaction | None = None) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection to read with.

        Inside a transaction it is the transaction's own: waiting for a second one while holding the first
        would deadlock an exhausted pool. Else one from the pool for this statement, without BEGIN/COMMIT.
        """
        return _lend(connection_of(within)) if within is not None else self._autocommit.connect()

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


@asynccontextmanager
async def _lend(connection: AsyncConnection) -> AsyncIterator[AsyncConnection]:
    yield connection


def connection_of(transaction: Transaction) -> AsyncConnection:
    """The connection below a transaction that `Database.begin` started."""
    if not isinstance(transaction, SqlTransaction):
        raise TypeError(f"not a PostgreSQL transaction: {type(transaction).__name__}")
    return transaction.connection
