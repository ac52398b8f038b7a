"""The outbox relay: hands what happened to those who wait for it, at least once (docs/adr/0005-outbox.md).

A worker holds the lock of the one row it works on. Other workers skip that row, and PostgreSQL lets go of it
when the worker's connection ends, however it ends. So nothing is lost, and nothing needs a heartbeat.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from sqlalchemy import ARRAY, Text, any_, func, literal, or_, select
from sqlalchemy.exc import SQLAlchemyError

from contexts.shared.adapters.database import OUTBOX_CHANNEL, Database
from contexts.shared.adapters.query import Query
from contexts.shared.adapters.tables import outbox
from contexts.shared.adapters.writers import Writer
from contexts.shared.mail import Undeliverable
from contexts.shared.transaction import Event
from contexts.shared.unavailable import Unavailable

Handler = Callable[[UUID, Event], Awaitable[None]]
"""Takes the event's id, the same at every attempt, and the event. Raising means: again later; Undeliverable: never."""

MAX_ATTEMPTS = 30
"""Over most of a day: a mail server may be away for a night."""
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=1)
HANDLER_TIMEOUT = timedelta(minutes=1)
POLL = timedelta(seconds=5)
"""Finds what no notification told of: rows due again after a failure, or when the database was away."""
ORPHANED = timedelta(days=1)
"""After this an event that no handler here knows counts as handled. Until then it is left alone: it may
belong to a newer release whose worker is about to start."""
MAX_ERROR_LENGTH = 500

_GIVEN_UP = Query(
    select(outbox.c.id, outbox.c.topic, outbox.c.failed_at, outbox.c.attempts, outbox.c.last_error)
    .where(outbox.c.failed_at.is_not(None), outbox.c.handled_at.is_(None))
    .order_by(outbox.c.failed_at, outbox.c.id)
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OutboxRelay:
    """Delivers events to the handler of their topic, `lanes` at a time; more workers make it faster.

    A lane has a connection in a transaction for as long as its handler takes, and the handler may need another one. So
    there must be twice as many in the pool. What is due is decided by the database's clock: it is the one that all
    workers share.
    """

    database: Database
    handlers: Mapping[str, Handler]
    lanes: int = 1
    poll: timedelta = POLL

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; the events in hand are finished first. Outlives the database's absence."""
        lanes = [asyncio.Event() for _ in range(self.lanes)]
        away = asyncio.Event()

        def wake(_: object) -> None:
            for woken in lanes:
                woken.set()

        listening = asyncio.create_task(self.database.listen(OUTBOX_CHANNEL, wake))
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(wake)
        try:
            async with asyncio.TaskGroup() as running:
                for woken in lanes:
                    running.create_task(self._run_lane(stop, woken, away))
        finally:
            stopping.cancel()
            listening.cancel()

    async def _run_lane(self, stop: asyncio.Event, woken: asyncio.Event, away: asyncio.Event) -> None:
        """On its own: a handler that hangs holds up nothing but its lane. `away`: the log says that the database is."""
        while not stop.is_set():
            woken.clear()
            try:
                while not stop.is_set() and await self.deliver_one():
                    pass
                away.clear()
            except (Unavailable, SQLAlchemyError, asyncpg.PostgresError) as error:
                if not away.is_set():  # or every lane would say so every few seconds
                    log.warning("outbox: the database is away (%s), trying again", str(error)[:300])
                away.set()
            await _set_within(woken, self.poll)

    async def deliver_one(self) -> bool:
        """Take the event that has been due longest and have it handled; False when none is due."""
        due = (
            select(outbox.c.id, outbox.c.topic, outbox.c.payload, outbox.c.attempts)
            .where(outbox.c.handled_at.is_(None), outbox.c.failed_at.is_(None))
            .where(outbox.c.due_at <= func.now())
            .where(
                or_(
                    outbox.c.topic == any_(literal(list(self.handlers), ARRAY(Text))),
                    outbox.c.created_at < func.now() - ORPHANED,
                )
            )
            .order_by(outbox.c.due_at, outbox.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        async with self.database.begin() as transaction:
            row = (await transaction.connection.execute(due)).one_or_none()
            if row is None:
                return False
            try:
                await self._handle(row.id, Event(row.topic, row.payload))
            except Undeliverable as refused:
                log.error("outbox: %s %s is refused for good; see `prumo mail failed`", row.topic, row.id)
                await _mark_failure(transaction.connection, row.id, row.attempts + 1, refused, final=True)
            except Exception as error:
                log.warning("outbox: %s %s failed: %s", row.topic, row.id, type(error).__name__)
                await _mark_failure(transaction.connection, row.id, row.attempts + 1, error)
                if row.attempts + 1 >= MAX_ATTEMPTS:
                    log.error(
                        "outbox: %s %s is given up after %d attempts; `prumo mail retry` tries it again",
                        row.topic,
                        row.id,
                        MAX_ATTEMPTS,
                    )
            else:
                await _mark_handled(transaction.connection, row.id, row.attempts + 1)
            await transaction.commit()
            return True

    async def _handle(self, event_id: UUID, event: Event) -> None:
        handler = self.handlers.get(event.topic)
        if handler is not None:
            async with asyncio.timeout(HANDLER_TIMEOUT.total_seconds()):
                await handler(event_id, event)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """An event that no handler is asked to handle any more, and why."""

    id: UUID
    topic: str
    at: datetime
    attempts: int
    error: str


async def given_up(database: Database) -> Sequence[GivenUp]:
    """Those that are kept, the oldest first."""
    rows = await database.fetch(_GIVEN_UP)
    return [GivenUp(id_, topic, at, attempts, error or "") for id_, topic, at, attempts, error in rows]


async def retry_given_up(database: Database) -> int:
    """Have every event that was given up tried again, from now on and as often as a new one; how many those are."""
    again = (
        outbox.update()
        .where(outbox.c.failed_at.is_not(None), outbox.c.handled_at.is_(None))
        .values(failed_at=None, attempts=0, due_at=func.now())
    )
    async with database.begin() as transaction:
        result = await transaction.connection.execute(again)
        await transaction.commit()
    return result.rowcount


async def _mark_handled(connection: Writer, event_id: UUID, attempts: int) -> None:
    # clock_timestamp(), not now(): the transaction is as old as the handler took.
    await connection.execute(
        outbox.update()
        .where(outbox.c.id == event_id)
        .values(handled_at=func.clock_timestamp(), attempts=attempts, last_error=None)
    )


async def _mark_failure(
    connection: Writer, event_id: UUID, attempts: int, error: Exception, *, final: bool = False
) -> None:
    """Due again after 5 s, 10 s, 20 s … an hour at most; given up after the last attempt, 20 hours later, or now if
    it is `final`."""
    delay = min(FIRST_DELAY * 2 ** (attempts - 1), LONGEST_DELAY)
    given_up = func.clock_timestamp() if final or attempts >= MAX_ATTEMPTS else None
    await connection.execute(
        outbox.update()
        .where(outbox.c.id == event_id)
        .values(
            attempts=attempts,
            due_at=func.clock_timestamp() + delay,
            failed_at=given_up,
            last_error=_described(error),
        )
    )


def _described(error: Exception) -> str:
    """Type and message. Handlers' errors carry no secrets; NUL could not be kept in PostgreSQL."""
    text = f"{type(error).__name__}: {error}".replace("\0", "")
    return text.encode(errors="replace").decode()[:MAX_ERROR_LENGTH]


async def _set_within(event: asyncio.Event, limit: timedelta) -> None:
    try:
        async with asyncio.timeout(limit.total_seconds()):
            await event.wait()
    except TimeoutError:
        pass
