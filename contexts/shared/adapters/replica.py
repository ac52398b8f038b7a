"""Reads that may be a moment old go to a streaming standby (docs/adr/0016-pooler-and-replica.md).

A session that wrote reads the primary until the standby has replayed what it wrote.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from typing import Literal, NoReturn, Protocol
from uuid import UUID

from asyncpg import (
    InsufficientResourcesError,
    InterfaceError,
    InternalClientError,
    OperatorInterventionError,
    PostgresConnectionError,
    PostgresError,
    QueryCanceledError,
    Record,
)

from contexts.shared.adapters.readers import Readers
from contexts.shared.unavailable import Unavailable

WROTE_CHANNEL = "prumo_wrote"
"""PostgreSQL notifies here at commit of what a session wrote; the payload is the session's id."""

LOOK_EVERY = 0.1
PATIENCE = 1.0
"""How many seconds a server may take to tell its position before it counts as gone."""
LONGEST_LAG = 60
"""Beyond so many seconds it is not known how far behind the standby is."""
MOST_SESSIONS = 10_000
"""Of more sessions it is not known what each of them wrote; then all of them wait for the last of it."""

# The standby replays what the primary has flushed, and a commit that does not wait for that may be ahead of it.
_WRITTEN = """
SELECT pg_wal_lsn_diff(flushed, '0/0')::bigint,
       CASE current_setting('synchronous_commit')
           WHEN 'off' THEN pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint
           ELSE pg_wal_lsn_diff(flushed, '0/0')::bigint
       END
FROM pg_current_wal_flush_lsn() AS flushed
"""
_REPLAYED = """
SELECT pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint WHERE pg_is_in_recovery()
"""

_FAILURES = (Unavailable, OSError, PostgresError, InterfaceError, InternalClientError)
_GONE = (
    Unavailable,
    OSError,
    InterfaceError,
    InternalClientError,
    PostgresConnectionError,
    OperatorInterventionError,
    InsufficientResourcesError,
)

log = logging.getLogger(__name__)


class ReplicaObserver(Protocol):
    """Who counts where reads went."""

    def read(self, server: Literal["primary", "replica", "repeated"]) -> None:
        """`repeated`: on the primary, after the replica had failed."""
        ...

    def lag(self, seconds: float) -> None:
        """How far the replica is behind; infinite while it does not answer."""
        ...


@dataclass(frozen=True, slots=True)
class _Caller:
    """On whose behalf statements are sent; None: an anonymous caller's."""

    session: UUID | None
    may_lag: bool


@dataclass(slots=True)
class _Write:
    """Something that was committed, before `position` of the primary's log; None: not yet asked for."""

    position: int | None = None


_caller: ContextVar[_Caller | None] = ContextVar("caller", default=None)


class Replica:
    """Chooses between `primary` and `standby` for each read, by what is known of both 100 ms ago.

    `primary_position` and `standby_position` are for asking the servers where they are, and for nothing else: the
    answer must not wait behind reads.
    """

    def __init__(
        self,
        primary: Readers,
        standby: Readers,
        primary_position: Readers,
        standby_position: Readers,
        max_lag: float,
        observer: ReplicaObserver,
    ) -> None:
        """A standby that is more than `max_lag` seconds behind, 60 at most, is not read from."""
        self._primary = primary
        self._standby = standby
        self._primary_position = primary_position
        self._standby_position = standby_position
        self._max_lag = max_lag
        self._observer = observer
        self._is_usable = False
        self._listening: object | None = None
        self._replayed = 0
        # Everybody's reads need what lies before; nothing is known of what was written before we listened.
        self._floor: int | None = None
        self._writes: dict[UUID, _Write] = {}
        self._unplaced: list[_Write] = []
        self._behind: deque[tuple[float, int]] = deque(maxlen=round(LONGEST_LAG / LOOK_EVERY))
        self._reading: set[asyncio.Timeout] = set()

    @contextmanager
    def called_by(self, session: UUID | None, *, may_lag: bool) -> Iterator[None]:
        """What the block reads may be a moment old if it `may_lag`, but not older than what the session wrote."""
        token = _caller.set(_Caller(session, may_lag))
        try:
            yield
        finally:
            _caller.reset(token)

    def writing_sessions(self) -> tuple[UUID, ...]:
        """Whose transaction one is that begins now: the caller's session, if there is one."""
        caller = _caller.get()
        return () if caller is None or caller.session is None else (caller.session,)

    def wrote(self, session: UUID) -> None:
        """The session has committed something, here or in another process."""
        self._writes[session] = write = _Write()
        self._unplaced.append(write)

    def heard(self, payload: str | None) -> None:
        """A notification of WROTE_CHANNEL; None: listening has begun, and what was told before was missed."""
        if payload is None:
            self._listening = object()
            self._floor = None
        else:
            self.wrote(UUID(payload))

    def lost(self) -> None:
        """Nothing is heard for the time being."""
        self._listening = None

    async def fetch(self, text: str, arguments: Sequence[object]) -> list[Record]:
        """The rows of one statement, from the standby if that will do. What fails there is repeated on the primary."""
        caller = _caller.get()
        if caller is None or not caller.may_lag or not self._has_all_of(caller.session):
            self._observer.read("primary")
            return await self._primary.fetch(text, arguments)
        patience = asyncio.timeout(None)
        try:
            async with patience:
                self._reading.add(patience)
                try:
                    rows = await self._standby.fetch(text, arguments)
                finally:
                    self._reading.discard(patience)
        except QueryCanceledError:
            raise  # it took too long, and would there as well
        except _FAILURES as error:
            if isinstance(error, _GONE) and not patience.expired():
                self._give_up(error)
        else:
            self._observer.read("replica")
            return rows
        self._observer.read("repeated")
        return await self._primary.fetch(text, arguments)

    async def follow(self) -> NoReturn:
        """Look every 100 ms where both servers are, until cancelled."""
        try:
            while True:
                try:
                    async with asyncio.timeout(PATIENCE):
                        await self._look_at_primary()
                except _FAILURES:
                    pass  # nothing can be written there, and who reads there is told
                try:
                    async with asyncio.timeout(PATIENCE):
                        await self._look_at_standby()
                except _FAILURES as error:
                    self._give_up(error)
                await asyncio.sleep(LOOK_EVERY)
        finally:
            self._is_usable = False  # nobody would notice that it falls behind

    async def close(self) -> None:
        """Close what is not the primary's own."""
        for readers in (self._standby, self._primary_position, self._standby_position):
            await readers.close()

    def _has_all_of(self, session: UUID | None) -> bool:
        """Whether the standby has replayed whatever this session may expect to see."""
        if not self._is_usable or self._listening is None:
            return False
        if self._floor is None or self._floor > self._replayed:
            return False
        write = None if session is None else self._writes.get(session)
        return write is None or (write.position is not None and write.position <= self._replayed)

    async def _look_at_primary(self) -> None:
        """The position that is told lies behind everything committed before it was asked for."""
        unplaced, self._unplaced = self._unplaced, []
        listening, began = self._listening, time.monotonic()
        try:
            ((flushed, position),) = await self._primary_position.fetch(_WRITTEN, ())
        except BaseException:
            self._unplaced += unplaced
            raise
        for write in unplaced:
            write.position = position
        if not self._behind or self._behind[-1][1] != flushed:
            self._behind.append((began, flushed))
        if listening is None or listening is not self._listening:
            return
        if self._floor is None:
            self._floor = position
        elif len(self._writes) > MOST_SESSIONS:
            self._floor = position
            self._writes = {
                session: write for session, write in self._writes.items() if write.position is None
            }

    async def _look_at_standby(self) -> None:
        rows = await self._standby_position.fetch(_REPLAYED, ())
        if not rows or rows[0][0] is None:
            raise InterfaceError("PRUMO_REPLICA_URL leads to no standby")
        self._replayed = replayed = rows[0][0]
        if self._writes:
            self._writes = {
                session: write
                for session, write in self._writes.items()
                if write.position is None or write.position > replayed
            }
        while self._behind and self._behind[0][1] <= replayed:
            self._behind.popleft()
        lag = time.monotonic() - self._behind[0][0] if self._behind else 0.0
        self._observer.lag(lag)
        if self._is_usable != (lag <= self._max_lag):
            self._is_usable = not self._is_usable
            if self._is_usable:
                log.info("the replica is read from")
            else:
                log.warning(
                    "the replica is %.1f s behind: reads go to the primary until it has caught up", lag
                )

    def _give_up(self, error: Exception) -> None:
        """Reads that are waiting for the standby are repeated on the primary, now."""
        self._observer.lag(inf)
        if not self._is_usable:
            return
        self._is_usable = False
        log.warning("the replica does not answer (%s): reads go to the primary", type(error).__name__)
        self._standby.abandon()
        now = asyncio.get_running_loop().time()
        for patience in tuple(self._reading):
            patience.reschedule(now)
