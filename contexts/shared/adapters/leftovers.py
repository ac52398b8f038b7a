"""Deleting what nobody needs any more, a little at a time."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg
from sqlalchemy import ColumnElement, Table, delete, func, literal_column, select
from sqlalchemy.exc import SQLAlchemyError

from contexts.shared.adapters.database import Database
from contexts.shared.adapters.tables import outbox
from contexts.shared.unavailable import Unavailable

EVERY: Final = timedelta(hours=1)
BATCH: Final = 1_000
KEPT_EVENTS: Final = timedelta(days=30)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Rows of a table that are over, by the database's clock."""

    table: Table
    over: ColumnElement[bool]


OF_SHARED: Final = (
    Leftovers(outbox, outbox.c.handled_at < func.now() - KEPT_EVENTS),
    # Given up; until then `prumo mail retry` tries them again.
    Leftovers(outbox, outbox.c.failed_at < func.now() - KEPT_EVENTS),
)


async def delete_leftovers(database: Database, leftovers: Leftovers, batch: int = BATCH) -> int:
    """Delete them all; how many that were.

    Each batch is a transaction of its own and passes over rows that somebody holds: it keeps nobody waiting, and
    several workers at once only share the work.
    """
    ctid: ColumnElement[object] = literal_column("ctid")
    table = leftovers.table
    chosen = (
        select(ctid).select_from(table).where(leftovers.over).limit(batch).with_for_update(skip_locked=True)
    )
    deleted = 0
    while True:
        async with database.begin() as transaction:
            result = await transaction.connection.execute(delete(table).where(ctid.in_(chosen)))
            await transaction.commit()
        deleted += result.rowcount
        if result.rowcount < batch:
            return deleted


async def keep_deleting(database: Database, leftovers: Sequence[Leftovers], every: timedelta = EVERY) -> None:
    """At once, and again and again until cancelled. Outlives the database's absence."""
    while True:
        for each in leftovers:
            try:
                if deleted := await delete_leftovers(database, each):
                    log.info("deleted %d rows of %s that were over", deleted, each.table.fullname)
            except (Unavailable, SQLAlchemyError, asyncpg.PostgresError) as error:
                log.warning("%s: leftovers stay for now (%s)", each.table.fullname, type(error).__name__)
        await asyncio.sleep(every.total_seconds())
