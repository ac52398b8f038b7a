"""Spent idempotency keys in PostgreSQL."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from contexts.orders.adapters.tables import idempotency_keys
from contexts.orders.ports import Earlier
from contexts.shared.adapters.database import connection_of
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class SqlIdempotencyKeys:
    """The table `orders.idempotency_keys`: a key is spent exactly when its row is committed."""

    async def claim(
        self, transaction: Transaction, user_id: UUID, key: str, fingerprint: bytes, order_id: UUID
    ) -> Earlier | None:
        """The insert waits for a twin that is under way; if it fails, ours is the first after all."""
        connection = connection_of(transaction)
        spent = await connection.execute(
            insert(idempotency_keys)
            .values(user_id=user_id, key=key, fingerprint=fingerprint, order_id=order_id)
            .on_conflict_do_nothing()
        )
        if spent.rowcount == 1:
            return None
        row = (
            await connection.execute(
                select(idempotency_keys.c.fingerprint, idempotency_keys.c.order_id)
                .where(idempotency_keys.c.user_id == user_id)
                .where(idempotency_keys.c.key == key)
            )
        ).one()
        return Earlier(row.fingerprint, row.order_id)
