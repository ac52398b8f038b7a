"""Spent idempotency keys in PostgreSQL."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.dialects.postgresql import insert

from contexts.orders.adapters.tables import idempotency_keys
from contexts.orders.ports import IdempotencyRecord
from contexts.shared.adapters.database import run
from contexts.shared.adapters.query import Query
from contexts.shared.transaction import Transaction

_CLAIM: Query[UUID] = Query(
    insert(idempotency_keys)
    .values(
        user_id=bindparam("user_id"),
        key=bindparam("key"),
        fingerprint=bindparam("fingerprint"),
        order_id=bindparam("order_id"),
    )
    .on_conflict_do_nothing()
    .returning(idempotency_keys.c.order_id)
)
_EARLIER = Query(
    select(idempotency_keys.c.fingerprint, idempotency_keys.c.order_id)
    .where(idempotency_keys.c.user_id == bindparam("user_id"))
    .where(idempotency_keys.c.key == bindparam("key"))
)


@dataclass(frozen=True, slots=True)
class SqlIdempotencyKeys:
    """The table `orders.idempotency_keys`: a key is spent exactly when its row is committed."""

    async def claim(
        self, transaction: Transaction, user_id: UUID, key: str, fingerprint: bytes, order_id: UUID
    ) -> IdempotencyRecord | None:
        """The insert waits for a twin that is under way; if it fails, ours is the first after all."""
        claimed = {"user_id": user_id, "key": key, "fingerprint": fingerprint, "order_id": order_id}
        if await run(transaction, _CLAIM, claimed):
            return None
        ((fingerprint, order_id),) = await run(transaction, _EARLIER, claimed)
        return IdempotencyRecord(fingerprint, order_id)
