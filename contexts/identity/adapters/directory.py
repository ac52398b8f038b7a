"""The people of the accounts and the staff in PostgreSQL, and who looks after whom."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Text,
    Uuid,
    all_,
    and_,
    any_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from contexts.identity.adapters.tables import portfolio, role_scopes, roles, user_roles, users
from contexts.identity.domain.scopes import (
    ACCOUNT_MANAGE,
    ACCOUNT_READ,
    ALL_ACCOUNTS,
    BUYER_ROLES,
    USER_MANAGE,
)
from contexts.identity.domain.user import ROLE_NAMES, AccountMember, Principal, StaffMember, User
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
from contexts.shared.money import Money
from contexts.shared.transaction import Transaction

_IDS = bindparam("ids", type_=ARRAY(Uuid))
_ROLES = func.array(
    select(user_roles.c.role)
    .where(user_roles.c.user_id == users.c.id)
    .order_by(user_roles.c.role)
    .scalar_subquery(),
    type_=ARRAY(Text),
)
_EMAIL_VERIFIED = users.c.email_verified_at.is_not(None)
_USER = (users.c.id, users.c.name, users.c.email)
_MEMBERS = Query(
    select(
        users.c.account_id,
        *_USER,
        users.c.active,
        users.c.approval_limit,
        users.c.created_at,
        _EMAIL_VERIFIED,
        _ROLES,
    )
    .where(users.c.account_id == any_(_IDS))
    .order_by(users.c.id)
)
_staff = (
    select(*_USER, users.c.active, users.c.created_at, _EMAIL_VERIFIED, _ROLES)
    .where(users.c.account_id.is_(None))
    .order_by(users.c.id)
)
_STAFF = Query(_staff)
_STAFF_BY_IDS = Query(_staff.where(users.c.id == any_(_IDS)))
_STAFF_ROLES = Query(
    select(
        roles.c.name,
        func.array(
            select(role_scopes.c.scope).where(role_scopes.c.role == roles.c.name).scalar_subquery(),
            type_=ARRAY(Text),
        ),
    ).where(roles.c.name != all_(literal(sorted(BUYER_ROLES), ARRAY(Text))))
)
_ME = bindparam("user_id", type_=Uuid)
# Locked and read by one statement: after a wait PostgreSQL answers with the row as it is by then.
_APPROVAL_LIMIT = Query(select(users.c.approval_limit).where(users.c.id == _ME).with_for_update(read=True))
_VISIBLE = Query(
    select(*_USER).where(
        users.c.id == any_(_IDS),
        or_(
            users.c.id == _ME,
            users.c.account_id == bindparam("account_id", type_=Uuid),
            and_(bindparam("every_account"), users.c.account_id.is_not(None)),
            and_(
                bindparam("portfolio"),
                exists().where(portfolio.c.rep_id == _ME, portfolio.c.account_id == users.c.account_id),
            ),
            and_(bindparam("staff"), users.c.account_id.is_(None)),
        ),
    )
)

# The most a user has, should somebody have given them two.
_ACCOUNT_ROLES = [(name, role) for role, name in ROLE_NAMES.items()]


@dataclass(frozen=True, slots=True)
class SqlDirectory:
    """Reads and changes what people are."""

    database: Database

    async def visible(self, principal: Principal, ids: Collection[UUID]) -> dict[UUID, User]:
        looks_after = ACCOUNT_READ in principal.scopes or ACCOUNT_MANAGE in principal.scopes
        outside = looks_after and principal.account_id is None
        rows = await self.database.fetch(
            _VISIBLE,
            {
                "ids": list(ids),
                "user_id": principal.user_id,
                "account_id": principal.account_id if looks_after else None,
                "every_account": outside and ALL_ACCOUNTS in principal.scopes,
                "portfolio": outside,
                "staff": USER_MANAGE in principal.scopes and principal.account_id is None,
            },
        )
        return {id_: User(id_, name, email) for id_, name, email in rows}

    async def of_accounts(
        self, account_ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, list[AccountMember]]:
        found: dict[UUID, list[AccountMember]] = {account_id: [] for account_id in account_ids}
        for row in await self.database.fetch(_MEMBERS, {"ids": list(account_ids)}, within):
            if (member := _member_of(row)) is not None:
                found[member.account_id].append(member)
        return found

    async def staff(
        self, ids: Collection[UUID] | None = None, *, within: Transaction | None = None
    ) -> list[StaffMember]:
        if ids is None:
            rows = await self.database.fetch(_STAFF, within=within)
        else:
            rows = await self.database.fetch(_STAFF_BY_IDS, {"ids": list(ids)}, within)
        return [
            StaffMember(User(id_, name, email), tuple(held), active, since, verified)
            for id_, name, email, active, since, verified, held in rows
        ]

    async def staff_roles(self, *, within: Transaction | None = None) -> dict[str, frozenset[str]]:
        rows = await self.database.fetch(_STAFF_ROLES, within=within)
        return {name: frozenset(scopes) for name, scopes in rows}

    async def set_active(self, transaction: Transaction, user_id: UUID, active: bool) -> None:
        await connection_of(transaction).execute(
            update(users).where(users.c.id == user_id).values(active=active)
        )

    async def set_roles(self, transaction: Transaction, user_id: UUID, roles: Collection[str]) -> None:
        connection = connection_of(transaction)
        # What a session may do is read under the lock of its user's row.
        await connection.execute(
            select(users.c.id).where(users.c.id == user_id).with_for_update(key_share=True)
        )
        await connection.execute(
            delete(user_roles).where(user_roles.c.user_id == user_id, user_roles.c.role.not_in(list(roles)))
        )
        await connection.execute(
            insert(user_roles).on_conflict_do_nothing(),
            [{"user_id": user_id, "role": role} for role in sorted(set(roles))],
        )

    async def set_approval_limit(self, transaction: Transaction, user_id: UUID, limit: Money | None) -> None:
        amount = None if limit is None else limit.amount
        await connection_of(transaction).execute(
            update(users).where(users.c.id == user_id).values(approval_limit=amount)
        )

    async def approval_limit(self, transaction: Transaction, user_id: UUID) -> Money | None:
        rows = await self.database.fetch(_APPROVAL_LIMIT, {"user_id": user_id}, transaction)
        return next((Money(amount) for (amount,) in rows if amount is not None), None)


class SqlPortfolios:
    """Changes portfolios, always inside the caller's transaction."""

    async def lock(self, transaction: Transaction, rep_ids: Collection[UUID]) -> None:
        await connection_of(transaction).execute(
            select(users.c.id)
            .where(users.c.id.in_(list(rep_ids)))
            .order_by(users.c.id)
            .with_for_update(key_share=True)
        )

    async def add(self, transaction: Transaction, rep_id: UUID, account_ids: Collection[UUID]) -> None:
        if account_ids:
            await connection_of(transaction).execute(
                insert(portfolio).on_conflict_do_nothing(),
                [{"rep_id": rep_id, "account_id": account_id} for account_id in account_ids],
            )

    async def remove(self, transaction: Transaction, rep_id: UUID, account_ids: Collection[UUID]) -> None:
        await connection_of(transaction).execute(
            delete(portfolio).where(
                portfolio.c.rep_id == rep_id, portfolio.c.account_id.in_(list(account_ids))
            )
        )


def _member_of(row: tuple[Any, ...]) -> AccountMember | None:
    """From a row of _MEMBERS; None for a user without a role, who is nobody there."""
    account_id, id_, name, email, active, limit, since, verified, held = row
    role = next((role for name, role in _ACCOUNT_ROLES if name in held), None)
    if role is None:
        return None
    allowed = None if limit is None else Money(limit)
    return AccountMember(User(id_, name, email), account_id, role, active, allowed, since, verified)
