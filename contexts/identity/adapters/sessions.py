"""Sessions and refresh tokens in PostgreSQL."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Text, Uuid, any_, bindparam, cast, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from contexts.identity.adapters.ended_sessions import ENDED_CHANNEL, ListenedEndedSessions
from contexts.identity.adapters.tables import refresh_tokens, sessions, users
from contexts.identity.domain.session import REFRESH_LIFE, Device, RefreshToken, Session
from contexts.shared.adapters.database import Database, connection_of, show_to, when_committed
from contexts.shared.adapters.query import Query
from contexts.shared.transaction import Transaction

_SESSION = (
    sessions.c.id,
    sessions.c.user_id,
    sessions.c.address,
    sessions.c.user_agent,
    sessions.c.created_at,
    sessions.c.last_used_at,
    sessions.c.expires_at,
    sessions.c.revoked_at,
    sessions.c.rotated_last,
)
_SessionRow = tuple[
    UUID, UUID, str | None, str | None, datetime, datetime, datetime, datetime | None, bytes | None
]

# Both rows are locked, not only the session: PostgreSQL reads again, after having waited, only what it locks,
# and would show the token as it was before the use that it waited for.
_LOCKED = (
    select(
        *_SESSION,
        refresh_tokens.c.digest,
        refresh_tokens.c.issued_at,
        refresh_tokens.c.expires_at.label("token_expires_at"),
        refresh_tokens.c.spent_at,
    )
    .join_from(sessions, refresh_tokens, refresh_tokens.c.session_id == sessions.c.id)
    .where(refresh_tokens.c.digest == bindparam("digest"))
    .with_for_update()
)
_LIVE = Query(
    select(*_SESSION)
    .where(
        sessions.c.user_id == bindparam("user_id"),
        sessions.c.revoked_at.is_(None),
        sessions.c.expires_at > bindparam("at"),
        # Whose refresh token has expired unused is over as well.
        sessions.c.last_used_at > bindparam("used_since"),
    )
    .order_by(sessions.c.last_used_at.desc(), sessions.c.id.desc())
)


@dataclass(frozen=True, slots=True)
class SqlSessions:
    """Keeps sessions and refresh tokens. Whatever ends one tells every process at commit."""

    database: Database
    ended: ListenedEndedSessions

    async def live(self, user_id: UUID, at: datetime) -> list[Session]:
        asked = {"user_id": user_id, "at": at, "used_since": at - REFRESH_LIFE}
        return [_session(row) for row in await self.database.fetch(_LIVE, asked)]

    async def start(self, transaction: Transaction, session: Session, token: RefreshToken) -> None:
        show_to(transaction, session.id)  # whoever starts a session is somebody else, or nobody yet
        connection = connection_of(transaction)
        await connection.execute(
            insert(sessions).values(
                id=session.id,
                user_id=session.user_id,
                address=session.device.address,
                user_agent=session.device.user_agent,
                created_at=session.created_at,
                last_used_at=session.last_used_at,
                expires_at=session.expires_at,
            )
        )
        await connection.execute(insert(refresh_tokens).values(asdict(token)))

    async def locked(self, transaction: Transaction, digest: bytes) -> tuple[Session, RefreshToken] | None:
        row = (await connection_of(transaction).execute(_LOCKED, {"digest": digest})).one_or_none()
        if row is None:
            return None
        session = _session(tuple(row[: len(_SESSION)]))
        token = RefreshToken(
            digest=row.digest,
            session_id=row.id,
            issued_at=row.issued_at,
            expires_at=row.token_expires_at,
            spent_at=row.spent_at,
        )
        return session, token

    async def rotate(
        self, transaction: Transaction, presented: RefreshToken, successor: RefreshToken
    ) -> None:
        show_to(transaction, presented.session_id)
        connection = connection_of(transaction)
        unspent: ColumnElement[bool] = refresh_tokens.c.spent_at.is_(None)
        await connection.execute(
            update(refresh_tokens)
            .where(refresh_tokens.c.session_id == presented.session_id, unspent)
            .values(spent_at=successor.issued_at)
        )
        await connection.execute(insert(refresh_tokens).values(asdict(successor)))
        await connection.execute(
            update(sessions)
            .where(sessions.c.id == presented.session_id)
            .values(rotated_last=presented.digest, last_used_at=successor.issued_at)
        )

    async def end(
        self, transaction: Transaction, session_ids: Collection[UUID], of: UUID | None, at: datetime
    ) -> frozenset[UUID]:
        among = sessions.c.id == any_(literal(list(session_ids), ARRAY(Uuid)))
        return await self._end(transaction, among if of is None else among & (sessions.c.user_id == of), at)

    async def end_oldest(
        self, transaction: Transaction, user_id: UUID, at: datetime, *, keep: int
    ) -> frozenset[UUID]:
        theirs = select(sessions.c.id).where(sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
        latest_first = theirs.order_by(sessions.c.last_used_at.desc(), sessions.c.id.desc())
        return await self._end(transaction, sessions.c.id.in_(latest_first.offset(keep)), at)

    async def end_all(
        self,
        transaction: Transaction,
        user_ids: Collection[UUID],
        at: datetime,
        *,
        but: UUID | None = None,
    ) -> frozenset[UUID]:
        # Who signs in holds the user's row until their session is there to be ended.
        await connection_of(transaction).execute(
            select(users.c.id)
            .where(users.c.id.in_(list(user_ids)))
            .order_by(users.c.id)
            .with_for_update(key_share=True)
        )
        theirs = sessions.c.user_id == any_(literal(list(user_ids), ARRAY(Uuid)))
        return await self._end(transaction, theirs if but is None else theirs & (sessions.c.id != but), at)

    async def _end(
        self, transaction: Transaction, which: ColumnElement[bool], at: datetime
    ) -> frozenset[UUID]:
        connection = connection_of(transaction)
        found = await connection.scalars(
            update(sessions)
            .where(which, sessions.c.revoked_at.is_(None), sessions.c.expires_at > at)
            .values(revoked_at=at)
            .returning(sessions.c.id)
        )
        ended = frozenset(found)
        if ended:
            # Delivered by PostgreSQL at commit, and not at all on rollback.
            id_ = func.unnest(literal(list(ended), ARRAY(Uuid))).column_valued("id")
            await connection.execute(select(func.pg_notify(ENDED_CHANNEL, cast(id_, Text))))
            # The notification takes a moment; this process must not need it.
            when_committed(transaction, lambda: self.ended.add(ended, at))
        return ended


def _session(row: _SessionRow) -> Session:
    id_, user_id, address, user_agent, created_at, last_used_at, expires_at, revoked_at, rotated_last = row
    return Session(
        id=id_,
        user_id=user_id,
        device=Device(address, user_agent),
        created_at=created_at,
        last_used_at=last_used_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
        rotated_last=rotated_last,
    )
