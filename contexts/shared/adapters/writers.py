"""Connections for units of work. SQLAlchemy's are made above asyncpg's where a statement asks for one, and stay.

SQLAlchemy's own pool would check out and reset its connection for every unit of work, which takes longer than
BEGIN and COMMIT together; and a unit of work whose statements are all compiled does not need it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, TypeVarTuple, overload

import asyncpg
from sqlalchemy import CursorResult, Executable, NullPool, ScalarResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.selectable import TypedReturnsRows

Columns = TypeVarTuple("Columns")
Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]  # Any: whatever the columns take


class _Lent:
    """asyncpg's connection as SQLAlchemy sees it: not its own, so it cannot close it."""

    __slots__ = ("_connection",)

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:  # Any: whatever asyncpg's connection has
        return getattr(self._connection, name)

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's signature
        """Left to the lender."""

    def terminate(self) -> None:
        """Left to the lender."""


_lending: ContextVar[asyncpg.Connection] = ContextVar("lending")


async def _lend() -> _Lent:
    return _Lent(_lending.get())


class Writer:
    """One connection: asyncpg's, `raw`, and SQLAlchemy's over it."""

    __slots__ = ("_adopted", "_engine", "raw")

    def __init__(self, raw: asyncpg.Connection, engine: AsyncEngine) -> None:
        self.raw = raw
        self._engine = engine
        self._adopted: AsyncConnection | None = None

    @overload
    async def execute(
        self, statement: TypedReturnsRows[*Columns], parameters: Parameters | None = None
    ) -> CursorResult[*Columns]: ...

    @overload
    async def execute(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> CursorResult[*tuple[Any, ...]]: ...

    async def execute(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement that SQLAlchemy compiles; several times for a sequence of parameters."""
        if self._adopted is None:
            token = _lending.set(self.raw)
            try:
                self._adopted = await self._engine.connect()
            finally:
                _lending.reset(token)
        return await self._adopted.execute(statement, parameters)

    async def scalars(self, statement: Executable, parameters: Parameters | None = None) -> ScalarResult[Any]:
        """The first column of every row."""
        return (await self.execute(statement, parameters)).scalars()

    async def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """The first column of the first row; None when there is no row."""
        return (await self.execute(statement, parameters)).scalar()

    async def recover(self) -> None:
        """After a failure: SQLAlchemy gives its connection up after some, cancellation among them."""
        if self._adopted is not None and self._adopted.invalidated:
            await self._abandon()

    async def discard(self) -> None:
        """Cut the connection off; whatever it was doing is rolled back."""
        self.raw.terminate()
        await self._abandon()

    async def close(self) -> None:
        """Say goodbye to the server."""
        await self._abandon()
        await self.raw.close()

    async def _abandon(self) -> None:
        adopted, self._adopted = self._adopted, None
        if adopted is not None:
            await adopted.close()


class Writers:
    """At most `size` connections, the last one used first; who finds none waits their turn.

    How long to wait is the caller's to limit. `begin` is what starts a transaction.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[asyncpg.Connection]], size: int, begin: str = "BEGIN"
    ) -> None:
        self._connect = connect
        self._begin = begin
        self._turns = asyncio.Semaphore(size)
        self._idle: list[Writer] = []
        self.engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=_lend,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            hide_parameters=True,  # exceptions are logged, and parameters may be hashes of passwords
        )

    async def begin(self) -> Writer:
        """A connection with a transaction begun on it. It must come back, by `end`."""
        await self._turns.acquire()
        try:
            while True:
                writer = self._idle.pop() if self._idle else Writer(await self._connect(), self.engine)
                if await self._begins(writer):
                    return writer
        except BaseException:
            self._turns.release()
            raise

    async def end(self, writer: Writer, *, roll_back: bool) -> None:
        """Take the connection back. Its transaction is over, or is rolled back now."""
        try:
            if roll_back:
                await writer.raw.execute("ROLLBACK")
            await writer.recover()
        except BaseException as error:
            # Cut off, or cancelled once more: nobody may find this connection with its transaction open.
            await writer.discard()
            if isinstance(error, asyncio.CancelledError):
                raise
        finally:
            if not writer.raw.is_closed():
                self._idle.append(writer)
            self._turns.release()

    async def close(self) -> None:
        """Close the idle connections."""
        idle, self._idle = self._idle, []
        for writer in idle:
            await writer.close()
        await self.engine.dispose()

    async def _begins(self, writer: Writer) -> bool:
        """False: the connection was cut off while it lay idle."""
        try:
            await writer.raw.execute(self._begin)
        except BaseException as error:
            gone = writer.raw.is_closed() and isinstance(
                error,
                OSError | asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError,
            )
            await writer.discard()
            if not gone:
                raise
            return False
        return True
