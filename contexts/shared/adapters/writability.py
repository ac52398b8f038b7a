"""Whether the database takes writes now, found out without leaving anything behind."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from asyncpg import Connection, InsufficientPrivilegeError, ReadOnlySQLTransactionError, Record

from contexts.shared.adapters.faults import away_in_transaction

# Its rows go at commit by cutting its file to nothing, so each row needs a new block of the disk: a full disk shows.
# It is made once for a connection; a row in it is not logged and changes no catalog.
_MAKE_ROOM = "CREATE TEMPORARY TABLE prumo_room (block text) ON COMMIT DELETE ROWS"
_TAKE_ROOM = "INSERT INTO pg_temp.prumo_room VALUES ('')"
_MAY_WRITE = "SELECT NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::boolean"


class Writability:
    """Asks on one connection, one caller after another."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._connect = connect
        self._connection: Connection | None = None
        self._has_room_table = False
        self._turn = asyncio.Lock()

    async def require(self) -> None:
        """Raises Unavailable when nothing can be written: gone, a standby, read-only, or without room on its disk."""
        async with self._turn:
            with self._cut_after_failure():
                await self._look(await self._open())

    async def fetch(self, text: str) -> list[Record]:
        """The rows of a statement on the same connection. Raises Unavailable."""
        async with self._turn:
            with self._cut_after_failure():
                connection = await self._open()
                return await connection.fetch(text)

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _open(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._cut()
            self._connection = await self._connect()
            self._has_room_table = False
        return self._connection

    async def _look(self, connection: Connection) -> None:
        if not await connection.fetchval(_MAY_WRITE):
            raise ReadOnlySQLTransactionError("it is a standby, or read-only by its settings")
        if not self._has_room_table:
            try:
                await connection.execute(_MAKE_ROOM)
            except InsufficientPrivilegeError:
                return  # TEMPORARY was revoked from us: the rest is known
            self._has_room_table = True
        await connection.execute(_TAKE_ROOM)

    @contextmanager
    def _cut_after_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            # Cut off, or given up while it waited: the next one begins anew.
            self._cut()
            if isinstance(error, Exception) and (away := away_in_transaction(error, lost=True)) is not None:
                raise away from error
            raise

    def _cut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
