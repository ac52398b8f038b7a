"""Which sessions have ended lately, known to every process without asking (docs/adr/0013-sessions.md)."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from uuid import UUID

import asyncpg
from sqlalchemy import bindparam, select

from contexts.identity.adapters.tables import sessions
from contexts.shared.adapters.database import Database
from contexts.shared.adapters.query import Query
from contexts.shared.clock import Clock
from contexts.shared.unavailable import Unavailable

ENDED_CHANNEL = "prumo_session_ended"
"""PostgreSQL notifies here at commit of the end of a session; the payload is its id."""

POLL_SECONDS = 5.0
"""How late the end of a session is heard of at worst, when a connection has died without anybody noticing."""
MARGIN = timedelta(minutes=2)
"""By which the clocks of processes may differ."""

_ENDED_SINCE = Query(
    select(sessions.c.id, sessions.c.revoked_at).where(sessions.c.revoked_at >= bindparam("since"))
)
_HAS_ENDED = Query(
    select(sessions.c.id).where(sessions.c.id == bindparam("id"), sessions.c.revoked_at.is_not(None))
)

log = logging.getLogger(__name__)


class ListenedEndedSessions:
    """Listens inside `async with`. While it does not, every question is a read.

    Only the ends of the last `life` of an access token are kept: older tokens have expired by themselves.
    """

    def __init__(self, database: Database, clock: Clock, life: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._kept = life + MARGIN
        self._ended: dict[UUID, datetime] = {}
        self._is_listening = False
        self._is_current = False
        self._stale = asyncio.Event()
        self._watchers: dict[UUID, set[Callable[[], None]]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._database.listen(ENDED_CHANNEL, self._heard, self._lost)),
            asyncio.create_task(self._keep_current()),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._is_current = False

    async def has(self, session_id: UUID) -> bool:
        """Whether that session is over; a lookup in memory, or a read while nobody listens."""
        if session_id in self._ended:
            return True
        if self._is_current:
            return False
        return bool(await self._database.fetch(_HAS_ENDED, {"id": session_id}))

    def add(self, session_ids: Collection[UUID], at: datetime) -> None:
        """Note that they have ended, and tell who watches them."""
        for session_id in session_ids:
            if session_id not in self._ended:
                self._ended[session_id] = at
                for ended in tuple(self._watchers.get(session_id, ())):
                    ended()

    @contextmanager
    def watching(self, session_id: UUID, ended: Callable[[], None]) -> Iterator[None]:
        """Have `ended` called when the session ends inside the block."""
        self._watchers.setdefault(session_id, set()).add(ended)
        if session_id in self._ended:
            ended()
        try:
            yield
        finally:
            self._watchers[session_id].discard(ended)
            if not self._watchers[session_id]:
                del self._watchers[session_id]

    def _heard(self, payload: str | None) -> None:
        if payload is None:
            self._is_listening = True
            self._stale.set()  # what was notified before has not been heard: read it
        else:
            self.add([UUID(payload)], self._clock.now())

    def _lost(self) -> None:
        self._is_listening = self._is_current = False

    async def _keep_current(self) -> None:
        """Read what ended lately when listening begins, and every few seconds for safety."""
        await self._stale.wait()
        while True:
            self._stale.clear()
            try:
                await self._read()
            except (Unavailable, asyncpg.PostgresError) as error:
                if self._is_current:
                    log.warning("ended sessions cannot be read (%s), trying again", type(error).__name__)
                self._is_current = False
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._stale.wait()

    async def _read(self) -> None:
        since = self._clock.now() - self._kept
        for session_id, at in await self._database.fetch(_ENDED_SINCE, {"since": since}):
            if at is not None:
                self.add([session_id], at)
        self._ended = {session_id: at for session_id, at in self._ended.items() if at >= since}
        # Stale again: listening began meanwhile, and this read may have been too early.
        self._is_current = self._is_listening and not self._stale.is_set()
