"""Mailed tokens in PostgreSQL."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select

from contexts.identity.adapters.tables import mailed_tokens as tokens
from contexts.identity.domain.mailed_token import MailedToken, Purpose
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
from contexts.shared.transaction import Transaction

_COLUMNS = (
    tokens.c.digest,
    tokens.c.purpose,
    tokens.c.user_id,
    tokens.c.email,
    tokens.c.issued_at,
    tokens.c.expires_at,
)
_USABLE = Query(
    select(*_COLUMNS).where(
        tokens.c.digest == bindparam("digest"),
        tokens.c.purpose == bindparam("purpose"),
        tokens.c.expires_at > bindparam("at"),
    )
)


@dataclass(frozen=True, slots=True)
class SqlMailedTokens:
    """The table `identity.mailed_tokens`: a token that was used is gone from it."""

    database: Database

    async def add(self, transaction: Transaction, token: MailedToken) -> None:
        await connection_of(transaction).execute(
            insert(tokens).values(asdict(token) | {"purpose": token.purpose.value})
        )

    async def find(self, digest: bytes, purpose: Purpose, at: datetime) -> MailedToken | None:
        asked = {"digest": digest, "purpose": purpose.value, "at": at}
        rows = await self.database.fetch(_USABLE, asked)
        if not rows:
            return None
        _, _, user_id, email, issued_at, expires_at = rows[0]
        return MailedToken(digest, purpose, user_id, email, issued_at, expires_at)

    async def take(
        self, transaction: Transaction, digest: bytes, purpose: Purpose, at: datetime
    ) -> MailedToken | None:
        connection = connection_of(transaction)
        this = tokens.c.digest == digest, tokens.c.purpose == purpose.value, tokens.c.expires_at > at
        row = (await connection.execute(delete(tokens).where(*this).returning(*_COLUMNS))).one_or_none()
        if row is None:
            return None
        await self.withdraw(transaction, row.user_id, purpose)
        return MailedToken(digest, purpose, row.user_id, row.email, row.issued_at, row.expires_at)

    async def withdraw(self, transaction: Transaction, user_id: UUID, purpose: Purpose) -> None:
        await connection_of(transaction).execute(
            delete(tokens).where(tokens.c.user_id == user_id, tokens.c.purpose == purpose.value)
        )
