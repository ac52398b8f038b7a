"""Sessions and refresh tokens in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update

from contexts.identity.adapters.tables import refresh_tokens, sessions
from contexts.identity.domain.session import RefreshToken, Session
from contexts.shared.adapters.database import connection_of
from contexts.shared.transaction import Transaction

# Both rows are locked, not only the session: PostgreSQL reads again, after having waited, only what it locks,
# and would show the token as it was before the use that it waited for.
_LOCKED = (
    select(
        sessions.c.id,
        sessions.c.user_id,
        sessions.c.created_at,
        sessions.c.expires_at,
        sessions.c.revoked_at,
        refresh_tokens.c.digest,
        refresh_tokens.c.issued_at,
        refresh_tokens.c.expires_at.label("token_expires_at"),
        refresh_tokens.c.spent_at,
    )
    .join_from(sessions, refresh_tokens, refresh_tokens.c.session_id == sessions.c.id)
    .where(refresh_tokens.c.digest == bindparam("digest"))
    .with_for_update()
)


class SqlSessions:
    """Keeps sessions and refresh tokens, always inside the caller's transaction."""

    async def start(self, transaction: Transaction, session: Session, token: RefreshToken) -> None:
        connection = connection_of(transaction)
        await connection.execute(
            insert(sessions).values(asdict(session) | {"last_used_at": session.created_at})
        )
        await connection.execute(insert(refresh_tokens).values(asdict(token)))

    async def locked(self, transaction: Transaction, digest: bytes) -> tuple[Session, RefreshToken] | None:
        row = (await connection_of(transaction).execute(_LOCKED, {"digest": digest})).one_or_none()
        if row is None:
            return None
        session = Session(
            id=row.id,
            user_id=row.user_id,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )
        token = RefreshToken(
            digest=row.digest,
            session_id=row.id,
            issued_at=row.issued_at,
            expires_at=row.token_expires_at,
            spent_at=row.spent_at,
        )
        return session, token

    async def rotate(self, transaction: Transaction, spent: RefreshToken, successor: RefreshToken) -> None:
        connection = connection_of(transaction)
        await connection.execute(
            update(refresh_tokens)
            .where(refresh_tokens.c.digest == spent.digest)
            .values(spent_at=successor.issued_at)
        )
        await connection.execute(insert(refresh_tokens).values(asdict(successor)))

    async def revoke(self, transaction: Transaction, session_id: UUID, at: datetime) -> datetime:
        ended_at: datetime | None = await connection_of(transaction).scalar(
            update(sessions)
            .where(sessions.c.id == session_id)
            .values(revoked_at=func.coalesce(sessions.c.revoked_at, at))
            .returning(sessions.c.revoked_at)
        )
        return ended_at or at
