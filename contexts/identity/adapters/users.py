"""Users in PostgreSQL."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, Uuid, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, CITEXT, insert

from contexts.identity.adapters.accounts import ACCOUNT_COLUMNS, ACCOUNT_WITH_STATE, account_of
from contexts.identity.adapters.tables import buyer_accounts, role_scopes, user_roles, users
from contexts.identity.domain.user import Member, Principal, User, Viewer
from contexts.identity.ports import Credentials
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.transaction import Transaction

_USER_WITH_ACCOUNT = users.outerjoin(ACCOUNT_WITH_STATE, users.c.account_id == buyer_accounts.c.id)
_USER_COLUMNS = (users.c.id.label("user_id"), users.c.name, users.c.email)

_ROLES = func.array(
    select(user_roles.c.role).where(user_roles.c.user_id == users.c.id).scalar_subquery(),
    type_=ARRAY(Text),
).label("roles")
_SCOPES = func.array(
    select(role_scopes.c.scope)
    .distinct()
    .join_from(user_roles, role_scopes, role_scopes.c.role == user_roles.c.role)
    .where(user_roles.c.user_id == users.c.id)
    .scalar_subquery(),
    type_=ARRAY(Text),
).label("scopes")
_MEMBERS = select(
    *_USER_COLUMNS, users.c.password_hash, users.c.active, *ACCOUNT_COLUMNS, _ROLES, _SCOPES
).select_from(_USER_WITH_ACCOUNT)

_BY_EMAIL = _MEMBERS.where(users.c.email == bindparam("email", type_=CITEXT))
_BY_ID = _MEMBERS.where(users.c.id == bindparam("user_id"))
_VIEWER = (
    select(*_USER_COLUMNS, *ACCOUNT_COLUMNS)
    .select_from(_USER_WITH_ACCOUNT)
    .where(users.c.id == bindparam("user_id"), users.c.active)
)
_IDS = bindparam("ids", type_=ARRAY(Uuid))
_BY_IDS = select(*_USER_COLUMNS).where(users.c.id == any_(_IDS))
_REPS = (
    select(users.c.id)
    .join_from(users, user_roles, user_roles.c.user_id == users.c.id)
    .where(users.c.id == any_(_IDS), users.c.active, user_roles.c.role == "sales_rep")
)


@dataclass(frozen=True, slots=True)
class SqlUsers:
    """Reads and adds users; what a session needs of one is a single statement."""

    database: Database

    async def credentials(self, email: str) -> Credentials | None:
        async with self.database.reading() as connection:
            row = (await connection.execute(_BY_EMAIL, {"email": email})).one_or_none()
        return Credentials(_member_of(row), row.password_hash) if row else None

    async def member(self, user_id: UUID, *, within: Transaction | None = None) -> Member | None:
        async with self.database.reading(within) as connection:
            row = (await connection.execute(_BY_ID, {"user_id": user_id})).one_or_none()
        return _member_of(row) if row else None

    async def reps(self, ids: Collection[UUID], *, within: Transaction | None = None) -> frozenset[UUID]:
        if not ids:
            return frozenset()
        async with self.database.reading(within) as connection:
            return frozenset(await connection.scalars(_REPS, {"ids": list(ids)}))

    async def add(
        self,
        transaction: Transaction,
        user: User,
        password_hash: str,
        roles: Collection[str],
        account_id: UUID | None,
        at: datetime,
    ) -> bool:
        connection = connection_of(transaction)
        added = await connection.scalar(
            insert(users)
            .values(
                id=user.id,
                name=user.name,
                email=user.email,
                password_hash=password_hash,
                account_id=account_id,
                active=True,
                created_at=at,
            )
            .on_conflict_do_nothing(index_elements=["email"])
            .returning(users.c.id)
        )
        if added is None:
            return False
        await connection.execute(
            insert(user_roles), [{"user_id": user.id, "role": role} for role in set(roles)]
        )
        return True

    async def of(self, principal: Principal) -> Viewer | None:
        async with self.database.reading() as connection:
            row = (await connection.execute(_VIEWER, {"user_id": principal.user_id})).one_or_none()
        if row is None:
            return None
        return Viewer(
            user=_user_of(row),
            account=account_of(row) if row.account_id else None,
            scopes=tuple(sorted(principal.scopes)),
        )

    async def users(self, ids: Collection[UUID], *, within: Transaction | None = None) -> dict[UUID, User]:
        if not ids:
            return {}
        async with self.database.reading(within) as connection:
            rows = await connection.execute(_BY_IDS, {"ids": list(ids)})
            return {row.user_id: _user_of(row) for row in rows}


def _user_of(row: Row[*tuple[Any, ...]]) -> User:
    return User(id=row.user_id, name=row.name, email=row.email)


def _member_of(row: Row[*tuple[Any, ...]]) -> Member:
    return Member(
        user=_user_of(row),
        account=account_of(row) if row.account_id else None,
        active=row.active,
        roles=frozenset(row.roles),
        scopes=frozenset(row.scopes),
    )
