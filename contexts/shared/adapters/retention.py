"""Deleting what nobody needs any more, a little at a time."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import asyncpg
from sqlalchemy import ColumnElement, Delete, Table, delete, func, literal_column, select
from sqlalchemy.exc import SQLAlchemyError

from contexts.shared.adapters.database import Database
from contexts.shared.adapters.tables import outbox
from contexts.shared.unavailable import Unavailable

EVERY: Final = timedelta(hours=1)
BATCH: Final = 1_000
KEPT_EVENTS: Final = timedelta(days=30)

log = logging.getLogger(__name__)


class Deletable(Protocol):
    """What is over by the database's clock, told by rows of a table."""

    @property
    def table(self) -> Table: ...

    def deletion(self, batch: int) -> Delete:
        """Deletes at most so many of these rows, and passes over those that somebody holds."""
        ...


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Rows of a table that are over, by the database's clock."""

    table: Table
    over: ColumnElement[bool]

    def deletion(self, batch: int) -> Delete:
        ctid: ColumnElement[object] = literal_column("ctid")
        chosen = (
            select(ctid)
            .select_from(self.table)
            .where(self.over)
            .limit(batch)
            .with_for_update(skip_locked=True)
        )
        return delete(self.table).where(ctid.in_(chosen))


OF_SHARED: Final = (
    RetentionRule(outbox, outbox.c.handled_at < func.now() - KEPT_EVENTS),
    # Given up; until then `prumo mail retry` tries them again.
    RetentionRule(outbox, outbox.c.failed_at < func.now() - KEPT_EVENTS),
)


async def delete_expired(database: Database, rule: Deletable, batch: int = BATCH) -> int:
    """Delete them all; how many that were.

    Each batch is a transaction of its own and passes over rows that somebody holds: it keeps nobody waiting, and
    several workers at once only share the work.
    """
    deletion = rule.deletion(batch)
    deleted = 0
    while True:
        async with database.begin() as transaction:
            result = await transaction.connection.execute(deletion)
            await transaction.commit()
        deleted += result.rowcount
        if result.rowcount < batch:
            return deleted


async def keep_deleting(database: Database, rules: Sequence[Deletable], every: timedelta = EVERY) -> None:
    """At once, and again and again until cancelled. Outlives the database's absence."""
    while True:
        for each in rules:
            try:
                if deleted := await delete_expired(database, each):
                    log.info("deleted %d rows of %s that were over", deleted, each.table.fullname)
            except (SQLAlchemyError, asyncpg.PostgresError) as error:
                log.warning(
                    "%s: rows that are over stay for now (%s)", each.table.fullname, type(error).__name__
                )
            except Unavailable as away:
                log.warning("rows that are over stay for now (%s)", str(away)[:300])
                break  # the other tables are as far away
        await asyncio.sleep(every.total_seconds())
