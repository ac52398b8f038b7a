"""PostgreSQL: units of work and reads, each on connections of their own, and notifications.

Reads and units of work have separate pools, so neither can keep the other from its connections: not a request
that reads forty things at once, and not a hundred checkouts that wait for one row.
"""

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import NoReturn, TypeVarTuple, cast
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import NullPool, Text, bindparam, event, func, literal, select
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from contexts.shared.adapters.faults import away_in_read, away_in_transaction, away_while_connecting
from contexts.shared.adapters.query import Query
from contexts.shared.adapters.readers import Readers
from contexts.shared.adapters.replica import WROTE_CHANNEL, Replica, ReplicaObserver
from contexts.shared.adapters.statement_spans import trace_statements
from contexts.shared.adapters.tables import audit_trail, outbox
from contexts.shared.adapters.writability import Writability
from contexts.shared.adapters.writers import Writer, Writers
from contexts.shared.audit import Act
from contexts.shared.ids import new_id
from contexts.shared.tracing import is_tracing, statement
from contexts.shared.transaction import Event, Transaction

Columns = TypeVarTuple("Columns")

OUTBOX_CHANNEL = "prumo_outbox"
RECONNECT_SECONDS = 1.0
CONNECT_SECONDS = 10.0
"""A server that is stopped, or a network that swallows packets, answers no attempt to connect."""

NAMED = {"application_name": "prumo"}
"""How pg_stat_activity shows our connections."""
_SETTINGS = {
    # Compiling pays off for analytics, never for statements of a few milliseconds.
    "jit": "off",
    # Starting a parallel worker takes longer than the statements of a request do.
    "max_parallel_workers_per_gather": "0",
}
_SYSTEM = "system"
_ANYBODY = nullcontext()
_NO_PARAMETERS: Mapping[str, object] = {}

log = logging.getLogger(__name__)


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


def _count_one() -> None:
    if (count := _count.get()) is not None:
        count.statements += 1


_published = (
    outbox.insert()
    .values(
        id=bindparam("id"),
        topic=bindparam("topic"),
        payload=as_type(bindparam("payload", type_=Text), JSONB),
    )
    .returning(outbox.c.topic)
    .cte("published")
)
# The notice is delivered by PostgreSQL at commit, and not at all on rollback: it only wakes a worker up.
_PUBLISH = Query(select(func.pg_notify(literal(OUTBOX_CHANNEL, Text), _published.c.topic)))


@dataclass(slots=True)
class SqlTransaction:
    """A transaction on one connection. Compiled statements run on it by `run`, others by `connection.execute`."""

    connection: Writer
    replica: Replica | None = None
    seen_by: tuple[UUID, ...] = ()
    ended: bool = False
    at_commit: tuple[Callable[[], None], ...] = ()

    async def publish(self, event: Event) -> None:
        payload = orjson.dumps(event.payload).decode()
        await run(self, _PUBLISH, {"id": new_id(), "topic": event.topic, "payload": payload})

    async def record(self, *acts: Act) -> None:
        rows = [
            {
                "id": new_id(),
                "at": act.at,
                "actor_id": act.by.user_id,
                "session_id": act.by.session_id,
                "request_id": act.by.request_id,
                "account_id": act.account_id,
                "action": act.action,
                "subject_type": act.subject.type,
                "subject_id": None if act.subject.id is None else str(act.subject.id),
                "before": act.before,
                "after": act.after,
            }
            for act in acts
        ]
        # One after another only where there are several: those are one round trip all the same.
        await self.connection.execute(audit_trail.insert(), rows if len(rows) > 1 else rows[0])

    async def commit(self) -> None:
        with statement("COMMIT"):
            await self.connection.raw.execute("COMMIT" if self.replica is None else self._announced_commit())
        self.ended = True
        if self.replica is not None:
            for session in self.seen_by:
                self.replica.wrote(session)  # the notification takes a moment; this process must not need it
        for follow_up in self.at_commit:
            follow_up()

    def _announced_commit(self) -> str:
        """Delivered by PostgreSQL at commit, in the same round trip."""
        return "; ".join((*(f"NOTIFY {WROTE_CHANNEL}, '{session}'" for session in self.seen_by), "COMMIT"))


class UnitOfWork:
    """A transaction from the beginning of a block to its end. Raises Unavailable when the database is away."""

    __slots__ = ("_replica", "_transaction", "_writers")

    def __init__(self, writers: Writers, replica: Replica | None) -> None:
        self._writers = writers
        self._replica = replica
        self._transaction: SqlTransaction | None = None

    async def __aenter__(self) -> SqlTransaction:
        try:
            writer = await self._writers.begin()
        except Exception as error:
            if (away := away_in_transaction(error, lost=True)) is not None:
                raise away from error
            raise
        self._transaction = transaction = SqlTransaction(writer, self._replica)
        if self._replica is not None:
            transaction.seen_by = self._replica.writing_sessions()
        return transaction

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        transaction = self._transaction
        assert transaction is not None
        await self._writers.end(transaction.connection, roll_back=not transaction.ended)
        if isinstance(error, Exception):
            lost = transaction.connection.raw.is_closed()
            if (away := away_in_transaction(error, lost=lost)) is not None:
                raise away from error


class Database:
    """The three ways to use PostgreSQL: `begin` a unit of work, `fetch` rows, `listen` to a channel.

    `replica` is None outside `replicated`.
    """

    def __init__(
        self,
        url: str,
        *,
        direct_url: str | None = None,
        pool_size: int = 10,
        statement_timeout_ms: int = 30_000,
        lock_timeout_ms: int = 10_000,
    ) -> None:
        """`url`: a PostgreSQL URL as SQLAlchemy or as libpq writes it, TLS parameters included.

        `direct_url`: given, `url` leads to a pooler in transaction mode, and this one past it, for listening and
        maintenance (docs/adr/0016-pooler-and-replica.md). `pool_size` is the limit of each of the two pools; a
        listener takes one connection more. Connects on first use. A unit of work that waits for a lock longer
        than `lock_timeout_ms` fails.
        """
        self._pool_size = pool_size
        self._pooled = direct_url is not None
        self._direct_url = direct_url or url
        self._reading = _SETTINGS | {"statement_timeout": str(statement_timeout_ms)}
        writing = self._reading | {"lock_timeout": str(lock_timeout_ms)}
        self._connect = connector(self._direct_url, NAMED | _SETTINGS)
        self._readers = self._readers_of(url)
        self._read = self._readers.fetch
        self.replica: Replica | None = None
        if self._pooled:
            self._writers = Writers(pooled_connector(url), pool_size, _begin("BEGIN", writing))
        else:
            self._writers = Writers(connector(url, NAMED | writing), pool_size)
        self._writability = Writability(connector(self._direct_url, NAMED | writing))
        self._upkeep = engine(connector(self._direct_url, NAMED | writing)).execution_options(
            isolation_level="AUTOCOMMIT"
        )
        for each in (self._writers.engine, self._upkeep):
            event.listen(each.sync_engine, "before_cursor_execute", _before_execute)
            if is_tracing():
                trace_statements(each.sync_engine)

    def begin(self) -> UnitOfWork:
        """A unit of work; leaving the block without `commit()` rolls back."""
        return UnitOfWork(self._writers, self.replica)

    async def fetch(
        self,
        query: Query[*Columns],
        parameters: Mapping[str, object] = _NO_PARAMETERS,
        within: Transaction | None = None,
    ) -> Sequence[tuple[*Columns]]:
        """The rows of a query, to be unpacked by position; parameters it does not have are ignored.

        Inside a transaction it runs on the transaction's connection: waiting for a second one while holding
        the first would deadlock an exhausted pool. Raises Unavailable when the database is away.
        """
        if within is not None:
            return await run(within, query, parameters)
        _count_one()
        arguments = query.arguments(parameters)
        try:
            with statement(query.text):
                rows = await self._read(query.text, arguments)
        except Exception as error:
            if (away := away_in_read(error)) is not None:
                raise away from error
            raise
        # An asyncpg.Record unpacks like the tuple of its columns. The type is a text, or making it would take a while.
        return cast("Sequence[tuple[*Columns]]", rows)

    async def require_writable(self) -> None:
        """Raises Unavailable when nothing can be written now. How long it may take is the caller's to limit.

        It has a connection of its own, so it waits behind nobody; of several callers, one asks for all at a time.
        """
        await self._writability.require()

    async def fetch_apart(self, query: Query[*Columns]) -> Sequence[tuple[*Columns]]:
        """The rows of a query without parameters, on the connection of `require_writable`: while all those for reads
        are busy, too. Raises Unavailable."""
        _count_one()
        return cast("Sequence[tuple[*Columns]]", await self._writability.fetch(query.text))

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """SQLAlchemy's connection in autocommit, for what `fetch` is not made for: maintenance, tests.

        It is made for the block and comes from no pool.
        """
        return self._upkeep.connect()

    async def listen(
        self,
        channel: str,
        heard: Callable[[str | None], None],
        lost: Callable[[], None] = lambda: None,
    ) -> NoReturn:
        """Call `heard` with the payload of each notification, until cancelled; it outlives the database's absence.

        None: listening has begun, or begun again after a loss of connection, and what was notified before
        has not been heard. `lost` is called as soon as the connection is known to be gone.
        """
        away = False
        while True:
            try:
                connection = await self._connect()
                try:
                    cut_off = asyncio.Event()
                    connection.add_termination_listener(lambda _, cut_off=cut_off: cut_off.set())
                    await connection.add_listener(channel, lambda *told: heard(str(told[3])))
                    away = False
                    heard(None)
                    await cut_off.wait()
                finally:
                    lost()
                    connection.terminate()
            except Exception as error:
                # Whatever it is, it must not end the listening, which nobody would notice.
                if not away:
                    log.warning("cannot listen to %s (%s), trying again", channel, type(error).__name__)
                away = True
            await asyncio.sleep(RECONNECT_SECONDS)

    @asynccontextmanager
    async def replicated(self, url: str, max_lag: float, observer: ReplicaObserver) -> AsyncIterator[None]:
        """Inside, reads of callers that said they may lag (`called_by`) go to the streaming standby at `url`.

        It is not read from while it is away, or more than `max_lag` seconds behind.
        """
        replica = Replica(
            self._readers,
            self._readers_of(url),
            Readers(self._connect, 1),
            Readers(connector(url, NAMED | _SETTINGS), 1),
            max_lag,
            observer,
        )
        tasks = [
            asyncio.create_task(self.listen(WROTE_CHANNEL, replica.heard, replica.lost)),
            asyncio.create_task(replica.follow()),
        ]
        self.replica, self._read = replica, replica.fetch
        try:
            yield
        finally:
            self.replica, self._read = None, self._readers.fetch
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await replica.close()

    def called_by(self, session_id: UUID | None, *, may_lag: bool) -> AbstractContextManager[None]:
        """Inside, reads may be a moment old if they `may_lag`, but never older than what the session wrote.

        Outside, they are not old at all. Without a replica it makes no difference.
        """
        return _ANYBODY if self.replica is None else self.replica.called_by(session_id, may_lag=may_lag)

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._readers.close()
        await self._writers.close()
        await self._writability.close()
        await self._upkeep.dispose()

    def _readers_of(self, url: str) -> Readers:
        if self._pooled:
            begin = _begin("BEGIN READ ONLY", self._reading)
            return Readers(pooled_connector(url), self._pool_size, begin)
        read_only = {"default_transaction_read_only": "on"}
        return Readers(connector(url, NAMED | self._reading | read_only), self._pool_size)


def connector(url: str, settings: Mapping[str, str]) -> Callable[[], Awaitable[asyncpg.Connection]]:
    """What connects to the URL with these server settings, or raises Unavailable.

    Every connection of the process is made by one.
    """
    dsn = _dsn(make_url(url))

    async def connect() -> asyncpg.Connection:
        with away_while_connecting():
            return await asyncpg.connect(
                dsn,
                ssl=_system_trust(url),
                timeout=CONNECT_SECONDS,
                server_settings=dict(settings),
                statement_cache_size=256,
                # A statement is as good after five minutes as before; asyncpg notices changes of the schema.
                max_cached_statement_lifetime=0,
            )

    return connect


def pooled_connector(url: str) -> Callable[[], Awaitable[asyncpg.Connection]]:
    """What connects to a pooler in transaction mode, or raises Unavailable.

    There each transaction may find itself on another server. So nothing is left on one that the next transaction would
    miss, or that another client would find: statements have no names, and settings are made by each transaction for
    itself.
    """
    dsn = _dsn(make_url(url))

    async def connect() -> asyncpg.Connection:
        with away_while_connecting():
            return await asyncpg.connect(
                dsn,
                ssl=_system_trust(url),
                timeout=CONNECT_SECONDS,
                server_settings=dict(NAMED),
                statement_cache_size=0,
            )

    return connect


def _begin(begin: str, settings: Mapping[str, str]) -> str:
    """Statements that start a transaction with these settings, sent in one round trip."""
    return "; ".join((begin, *(f"SET LOCAL {name} TO {value}" for name, value in settings.items())))


def engine(connect: Callable[[], Awaitable[asyncpg.Connection]]) -> AsyncEngine:
    """SQLAlchemy's engine over such a connector, without a pool."""
    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, poolclass=NullPool, hide_parameters=True
    )


def _dsn(url: URL) -> str:
    """In libpq's words, which asyncpg knows: what SQLAlchemy's dialect calls `ssl` is `sslmode` here."""
    query = _query(url)
    if query.get("sslrootcert") == _SYSTEM:
        del query["sslrootcert"]
    return url.set(drivername="postgresql", query=query).render_as_string(hide_password=False)


def _query(url: URL) -> dict[str, str | tuple[str, ...]]:
    """With `sslmode` only: of a URL that has both, it is the one that counts."""
    query = dict(url.query)
    if (mode := query.pop("ssl", None)) is not None:
        query.setdefault("sslmode", mode)
    return query


def tls_mode(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """libpq's `sslmode` of the URL, or else of the environment; "" where neither says one."""
    query = _query(make_url(url))
    if query.get("sslrootcert") == _SYSTEM:
        return "verify-full"
    mode = query.get("sslmode") or environment.get("PGSSLMODE", "")
    return str(mode).replace("_", "-")


def _system_trust(url: str) -> ssl.SSLContext | None:
    """What libpq does for `sslrootcert=system` and asyncpg does not: the authorities that the machine trusts."""
    return ssl.create_default_context() if make_url(url).query.get("sslrootcert") == _SYSTEM else None


def _before_execute(
    connection: Connection,
    cursor: DBAPICursor,
    statement: str,
    parameters: object,
    context: ExecutionContext | None,
    executemany: bool,
) -> None:
    _count_one()


def connection_of(transaction: Transaction) -> Writer:
    """The connection of a transaction that `Database.begin` started."""
    return _transaction(transaction).connection


def when_committed(transaction: Transaction, follow_up: Callable[[], None]) -> None:
    """Have it called right after the transaction's commit, and never after a rollback. It must not raise."""
    ours = _transaction(transaction)
    ours.at_commit = (*ours.at_commit, follow_up)


def show_to(transaction: Transaction, session_id: UUID) -> None:
    """Have this session see what the transaction writes, as soon as it is committed; the caller's does anyway."""
    ours = _transaction(transaction)
    ours.seen_by = (*ours.seen_by, session_id)


def _transaction(transaction: Transaction) -> SqlTransaction:
    if not isinstance(transaction, SqlTransaction):
        raise TypeError(f"not a PostgreSQL transaction: {type(transaction).__name__}")
    return transaction


async def run(
    transaction: Transaction, query: Query[*Columns], parameters: Mapping[str, object]
) -> Sequence[tuple[*Columns]]:
    """Run a compiled statement in the transaction: its rows, none when it returns none."""
    _count_one()
    connection = _transaction(transaction).connection
    with statement(query.text):
        rows = await connection.raw.fetch(query.text, *query.arguments(parameters))
    return cast("Sequence[tuple[*Columns]]", rows)


async def run_many(
    transaction: Transaction, query: Query[()], parameters: Sequence[Mapping[str, object]]
) -> None:
    """Run a compiled statement once for each of the parameters, all of them in one round trip."""
    _count_one()
    arguments = [query.arguments(each) for each in parameters]
    await _transaction(transaction).connection.raw.executemany(query.text, arguments)
