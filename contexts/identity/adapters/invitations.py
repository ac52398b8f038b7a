"""Invitations in PostgreSQL."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Select, Uuid, and_, any_, bindparam, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from contexts.identity.adapters.tables import invitation_tokens, invitations
from contexts.identity.domain.invitation import INVITATION_LIFE, Invitation
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
from contexts.shared.money import Money
from contexts.shared.transaction import Transaction

_COLUMNS = (
    invitations.c.id,
    invitations.c.account_id,
    invitations.c.email,
    invitations.c.roles,
    invitations.c.approval_limit,
    invitations.c.invited_by,
    invitations.c.created_at,
    invitations.c.expires_at,
    invitations.c.accepted_at,
    invitations.c.revoked_at,
    invitations.c.mailings,
)
_IS_OPEN = and_(invitations.c.accepted_at.is_(None), invitations.c.revoked_at.is_(None))
_IDS = bindparam("ids", type_=ARRAY(Uuid))
_BY_DIGEST = Query(
    select(*_COLUMNS)
    .join_from(invitations, invitation_tokens, invitation_tokens.c.invitation_id == invitations.c.id)
    .where(invitation_tokens.c.digest == bindparam("digest", type_=LargeBinary))
)
_BY_IDS = Query(select(*_COLUMNS).where(invitations.c.id == any_(_IDS)))
_open = select(*_COLUMNS).where(_IS_OPEN).order_by(invitations.c.id.desc())
_OPEN_OF = Query(_open.where(invitations.c.account_id == any_(_IDS)))
_OPEN_OF_STAFF = Query(_open.where(invitations.c.account_id.is_(None)))


@dataclass(frozen=True, slots=True)
class SqlInvitations:
    """Keeps invitations; each lock is of the invitation's row."""

    database: Database

    async def add(self, transaction: Transaction, invitation: Invitation) -> bool:
        added = await connection_of(transaction).scalar(
            insert(invitations)
            .values(
                id=invitation.id,
                account_id=invitation.account_id,
                email=invitation.email,
                roles=list(invitation.roles),
                approval_limit=invitation.approval_limit.amount if invitation.approval_limit else None,
                invited_by=invitation.invited_by,
                created_at=invitation.created_at,
                expires_at=invitation.expires_at,
            )
            .on_conflict_do_nothing()
            .returning(invitations.c.id)
        )
        return added is not None

    async def open_for(
        self, transaction: Transaction, account_id: UUID | None, email: str
    ) -> Invitation | None:
        return await _locked(
            transaction,
            select(*_COLUMNS).where(
                _IS_OPEN,
                invitations.c.account_id.is_not_distinct_from(account_id),
                invitations.c.email == email,
            ),
        )

    async def mailings_since(
        self, transaction: Transaction, account_id: UUID, since: datetime
    ) -> Sequence[tuple[str, int]]:
        # An invitation expires a life after its last mail. The limit keeps them to a hundred or so.
        theirs = select(invitations.c.email, invitations.c.mailings).where(
            invitations.c.account_id == account_id, invitations.c.expires_at >= since + INVITATION_LIFE
        )
        rows = await connection_of(transaction).execute(theirs)
        return [(email, mailings) for email, mailings in rows]

    async def lock(self, transaction: Transaction, invitation_id: UUID) -> Invitation | None:
        return await _locked(transaction, select(*_COLUMNS).where(invitations.c.id == invitation_id))

    async def locked_by(self, transaction: Transaction, digest: bytes) -> Invitation | None:
        given = select(invitation_tokens.c.invitation_id).where(invitation_tokens.c.digest == digest)
        return await _locked(
            transaction, select(*_COLUMNS).where(invitations.c.id == given.scalar_subquery())
        )

    async def by_digest(self, digest: bytes) -> Invitation | None:
        rows = await self.database.fetch(_BY_DIGEST, {"digest": digest})
        return _invitation_of(rows[0]) if rows else None

    async def by_ids(self, ids: Collection[UUID]) -> dict[UUID, Invitation]:
        rows = await self.database.fetch(_BY_IDS, {"ids": list(ids)})
        return {row[0]: _invitation_of(row) for row in rows}

    async def put(self, transaction: Transaction, invitation: Invitation) -> None:
        await connection_of(transaction).execute(
            update(invitations)
            .where(invitations.c.id == invitation.id)
            .values(
                expires_at=invitation.expires_at,
                accepted_at=invitation.accepted_at,
                revoked_at=invitation.revoked_at,
                mailings=invitation.mailings,
            )
        )

    async def give(self, transaction: Transaction, invitation_id: UUID, digest: bytes) -> None:
        await connection_of(transaction).execute(
            insert(invitation_tokens).values(digest=digest, invitation_id=invitation_id)
        )

    async def revoke_of(self, transaction: Transaction, inviter_id: UUID, at: datetime) -> None:
        theirs = update(invitations).where(_IS_OPEN, invitations.c.invited_by == inviter_id)
        await connection_of(transaction).execute(theirs.values(revoked_at=at))

    async def open_of(self, account_ids: Collection[UUID]) -> dict[UUID, list[Invitation]]:
        found: dict[UUID, list[Invitation]] = {account_id: [] for account_id in account_ids}
        for row in await self.database.fetch(_OPEN_OF, {"ids": list(account_ids)}):
            found[row[1]].append(_invitation_of(row))
        return found

    async def open_of_staff(self) -> list[Invitation]:
        return [_invitation_of(row) for row in await self.database.fetch(_OPEN_OF_STAFF)]


async def _locked(transaction: Transaction, asked: Select[Any]) -> Invitation | None:
    row = (await connection_of(transaction).execute(asked.with_for_update())).one_or_none()
    return None if row is None else _invitation_of(tuple(row))


def _invitation_of(row: tuple[Any, ...]) -> Invitation:
    id_, account_id, email, roles, limit, by, created, expires, accepted, revoked, mailings = row
    allowed = None if limit is None else Money(limit)
    return Invitation(
        id_, account_id, email, tuple(roles), allowed, by, created, expires, accepted, revoked, mailings
    )
