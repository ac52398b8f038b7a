"""Connections that only read: each serves one statement, and nothing of it is left behind."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from asyncpg import Connection, InterfaceError, InternalClientError, PostgresError, Record

ROLLBACK_SECONDS = 5.0


class Readers:
    """At most `size` connections, the last one used first; who finds none waits their turn.

    asyncpg's own pool resets a connection after each use, in a task of its own. Reads leave nothing to reset.
    `begin`: where connections lead to a pooler, each read is a transaction that starts so. None: it is a bare
    statement, and the connection itself cannot write.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], size: int, begin: str | None = None
    ) -> None:
        self._connect = connect
        self._begin = begin
        self._turns = asyncio.Semaphore(size)
        self._idle: list[Connection] = []

    async def fetch(self, text: str, arguments: Sequence[object]) -> list[Record]:
        """The rows of one statement. How long to wait for a turn is the caller's to limit.

        A connection may have been cut off while it lay idle. The read is then repeated, once, on a new one:
        reading twice does no harm. Cancelling cancels the statement on the server as well.
        """
        async with self._turns:
            idle = self._take()
            if idle is not None:
                try:
                    return await self._run(idle, text, arguments)
                except (OSError, PostgresError, InterfaceError, InternalClientError):
                    if not idle.is_closed():
                        raise
            return await self._run(await self._connect(), text, arguments)

    def abandon(self) -> None:
        """Cut off the idle connections now, and those in use when their statement is done: the server is gone."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.terminate()

    async def close(self) -> None:
        """Close the idle connections now, and those in use when their statement is done."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            connection.terminate()
        return None

    async def _run(self, connection: Connection, text: str, arguments: Sequence[object]) -> list[Record]:
        home = self._idle
        try:
            if self._begin is None:
                return await connection.fetch(text, *arguments)
            return await self._fetch_in_transaction(connection, self._begin, text, arguments)
        except InternalClientError:
            # The server has said goodbye, and the end of the connection is on its way: it takes no statement.
            connection.terminate()
            raise
        finally:
            # After a cancellation too: asyncpg has the next statement wait for the end of the cancelled one.
            if home is self._idle and not connection.is_closed():
                home.append(connection)
            else:
                connection.terminate()

    async def _fetch_in_transaction(
        self, connection: Connection, begin: str, text: str, arguments: Sequence[object]
    ) -> list[Record]:
        """It forbids writing and carries the settings, which behind a pooler no connection can keep."""
        home = self._idle
        try:
            await connection.execute(begin)
            rows = await connection.fetch(text, *arguments)
            await connection.execute("COMMIT")
        except BaseException:
            if home is not self._idle:
                raise  # it is not used again, and a server that is gone would be asked in vain
            try:
                await connection.execute("ROLLBACK", timeout=ROLLBACK_SECONDS)
            except BaseException as error:
                # Cut off, or cancelled once more: nobody may find it with its transaction open.
                connection.terminate()
                if isinstance(error, asyncio.CancelledError):
                    raise
            raise
        return rows
