"""What people may repeat without end, counted in PostgreSQL and told to the audit trail in few rows (docs/adr/0014)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from contexts.identity.adapters.tables import repeated_acts as repeated
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import BRASILIA
from contexts.shared.transaction import Transaction

MOST_TOLD: Final = 20
"""Acts of one name, of one user and day, that the trail tells one by one; the others it tells as a number."""
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class SqlRepetitions:
    """A row of `identity.repeated_acts` for each name of an act, person and day. It is gone when the day is over and
    its number stands in the trail, which nobody can change: so it is counted elsewhere."""

    database: Database

    async def record(
        self, transaction: Transaction, act: Act, of: UUID | str, *, remarkable: bool = False
    ) -> None:
        day = act.at.astimezone(BRASILIA).date()
        ends_at = datetime.combine(day + timedelta(days=1), time(), BRASILIA)
        new = insert(repeated).values(
            key=hashlib.sha256("\0".join([act.action, str(of), day.isoformat()]).encode()).digest(),
            ends_at=ends_at,
            action=act.action,
            actor_id=act.by.user_id,
            account_id=act.account_id,
            subject_type=act.subject.type,
            subject_id=None if act.subject.id is None else str(act.subject.id),
            times=1,
            told=1,
            first_at=act.at,
            last_at=act.at,
            after=act.after,
        )
        counted = new.on_conflict_do_update(
            index_elements=["key"],
            set_={
                "times": repeated.c.times + 1,
                "told": repeated.c.told + int(remarkable),
                "last_at": func.greatest(repeated.c.last_at, new.excluded.last_at),
                "after": new.excluded.after,
            },
        ).returning(repeated.c.times, repeated.c.told)
        times, told = (await connection_of(transaction).execute(counted)).one()
        if times == 1 or (remarkable and told <= MOST_TOLD):
            await transaction.record(act)

    async def tell_over(self, at: datetime) -> int:
        over = select(repeated.c.key).where(repeated.c.ends_at <= at).limit(BATCH)
        chosen = over.with_for_update(skip_locked=True)
        told = 0
        while True:
            async with self.database.begin() as transaction:
                # In one transaction: a worker that dies between the two tells nothing twice and loses nothing.
                gone = await transaction.connection.execute(
                    delete(repeated).where(repeated.c.key.in_(chosen)).returning(repeated)
                )
                rows = gone.all()
                acts = [_summary(row, at) for row in rows if row.times > min(row.told, MOST_TOLD)]
                if acts:
                    await transaction.record(*acts)
                await transaction.commit()
            told += len(acts)
            if len(rows) < BATCH:
                return told


def _summary(row: Row[Any], at: datetime) -> Act:
    """The whole day, those told one by one included, with what is known of the last of them."""
    counted = {"times": row.times, "first": row.first_at.isoformat(), "last": row.last_at.isoformat()}
    return Act(
        Actor(row.actor_id, None, None),
        row.action,
        Subject(row.subject_type, row.subject_id),
        at,
        account_id=row.account_id,
        after={**(row.after or {}), **counted},
    )
