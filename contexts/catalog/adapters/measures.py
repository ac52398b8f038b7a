"""Who keeps units and steps, and who changes one, in PostgreSQL.

One lock for all products, not one for each: whoever sets prices takes it shared, and nobody waits until somebody
changes a unit or step, which is rare. Locks of product rows would have each price sheet write thousands of rows again.
"""

from sqlalchemy import func, select

from contexts.shared.adapters.database import connection_of
from contexts.shared.transaction import Transaction

_NAME = func.hashtextextended("catalog.measures", 0)
_KEEP = select(func.pg_advisory_xact_lock_shared(_NAME))
_CHANGE = select(func.pg_advisory_xact_lock(_NAME))


class SqlMeasures:
    """Locks in the caller's transaction; it has no connection of its own."""

    async def keep(self, transaction: Transaction) -> None:
        await connection_of(transaction).execute(_KEEP)

    async def change(self, transaction: Transaction) -> None:
        await connection_of(transaction).execute(_CHANGE)
