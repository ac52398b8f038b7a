"""Users in PostgreSQL."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, bindparam, cast, exists, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, CITEXT, insert

from contexts.identity.adapters.accounts import ACCOUNT_COLUMNS, ACCOUNT_WITH_STATE, account_of
from contexts.identity.adapters.tables import buyer_accounts, role_scopes, seen_networks, user_roles, users
from contexts.identity.domain.account import Account
from contexts.identity.domain.user import Member, Principal, User, Viewer
from contexts.identity.ports import Credentials
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
from contexts.shared.money import Money
from contexts.shared.network import network
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
_EMAIL_VERIFIED = users.c.email_verified_at.is_not(None).label("email_verified")
_MEMBERS = select(
    *_USER_COLUMNS,
    *ACCOUNT_COLUMNS,
    _EMAIL_VERIFIED,
    users.c.password_hash,
    users.c.active,
    _ROLES,
    _SCOPES,
).select_from(_USER_WITH_ACCOUNT)

_SEEN_HERE = (
    exists()
    .where(seen_networks.c.user_id == users.c.id, seen_networks.c.network == bindparam("network"))
    .label("seen_here")
)
_BY_EMAIL = Query(_MEMBERS.add_columns(_SEEN_HERE).where(users.c.email == bindparam("email", type_=CITEXT)))
_ME = select(users.c.id).where(users.c.id == bindparam("user_id"))
_LOCK = Query(_ME.with_for_update(read=True))
_LOCK_ALONE = Query(_ME.with_for_update(key_share=True))
_BY_ID = Query(_MEMBERS.where(users.c.id == bindparam("user_id")))
_VIEWER = Query(
    select(*_USER_COLUMNS, *ACCOUNT_COLUMNS, _EMAIL_VERIFIED)
    .select_from(_USER_WITH_ACCOUNT)
    .where(users.c.id == bindparam("user_id"), users.c.active)
)
_IDS = bindparam("ids", type_=ARRAY(Uuid))
_BY_IDS = Query(select(*_USER_COLUMNS).where(users.c.id == any_(_IDS)))
_REPS = Query(
    select(users.c.id)
    .join_from(users, user_roles, user_roles.c.user_id == users.c.id)
    .where(users.c.id == any_(_IDS), users.c.active, user_roles.c.role == "sales_rep")
)


@dataclass(frozen=True, slots=True)
class SqlUsers:
    """Reads and adds users; what a session needs of one is a single statement."""

    database: Database

    async def credentials(self, email: str, address: str | None = None) -> Credentials | None:
        place = None if address is None else network(address)
        rows = await self.database.fetch(_BY_EMAIL, {"email": email, "network": place})
        if not rows:
            return None
        *_, seen_here = rows[0]
        return _credentials_of(rows[0], seen_here=seen_here)

    async def see(self, transaction: Transaction, user_id: UUID, address: str | None, at: datetime) -> None:
        if address is None:
            return
        seen = insert(seen_networks).values(user_id=user_id, network=network(address), last_seen_at=at)
        await connection_of(transaction).execute(
            seen.on_conflict_do_update(
                index_elements=["user_id", "network"], set_={"last_seen_at": seen.excluded.last_seen_at}
            )
        )

    async def credentials_of(self, user_id: UUID) -> Credentials | None:
        rows = await self.database.fetch(_BY_ID, {"user_id": user_id})
        return _credentials_of(rows[0]) if rows else None

    async def set_password(
        self,
        transaction: Transaction,
        user_id: UUID,
        password_hash: str,
        *,
        replacing: str | None = None,
    ) -> bool:
        changed = update(users).where(users.c.id == user_id, users.c.active)
        if replacing is not None:
            changed = changed.where(users.c.password_hash == replacing)
        result = await connection_of(transaction).execute(changed.values(password_hash=password_hash))
        return result.rowcount == 1

    async def set_email_verified(
        self, transaction: Transaction, user_id: UUID, email: str, at: datetime
    ) -> bool:
        result = await connection_of(transaction).execute(
            update(users)
            .where(users.c.id == user_id, users.c.email == cast(email, CITEXT), users.c.active)
            .values(email_verified_at=func.coalesce(users.c.email_verified_at, at))
        )
        return result.rowcount == 1

    async def locked(
        self, transaction: Transaction, user_id: UUID, *, alone: bool = False
    ) -> Credentials | None:
        # Locked first and read after: what one waited for is seen by the next statement only.
        await self.database.fetch(_LOCK_ALONE if alone else _LOCK, {"user_id": user_id}, transaction)
        rows = await self.database.fetch(_BY_ID, {"user_id": user_id}, transaction)
        return _credentials_of(rows[0]) if rows else None

    async def member(self, user_id: UUID, *, within: Transaction | None = None) -> Member | None:
        rows = await self.database.fetch(_BY_ID, {"user_id": user_id}, within)
        return _member_of(rows[0]) if rows else None

    async def reps(self, ids: Collection[UUID], *, within: Transaction | None = None) -> frozenset[UUID]:
        if not ids:
            return frozenset()
        rows = await self.database.fetch(_REPS, {"ids": list(ids)}, within)
        return frozenset(user_id for (user_id,) in rows)

    async def add(
        self,
        transaction: Transaction,
        user: User,
        password_hash: str,
        roles: Collection[str],
        account_id: UUID | None,
        at: datetime,
        *,
        approval_limit: Money | None = None,
    ) -> bool:
        added = (
            insert(users)
            .values(
                id=user.id,
                name=user.name,
                email=user.email,
                password_hash=password_hash,
                account_id=account_id,
                active=True,
                created_at=at,
                approval_limit=None if approval_limit is None else approval_limit.amount,
            )
            .on_conflict_do_nothing(index_elements=["email"])
            .returning(users.c.id)
            .cte("added")
        )
        each_role = func.unnest(cast(sorted(set(roles)), ARRAY(Text)))
        granted = (
            insert(user_roles).from_select(["user_id", "role"], select(added.c.id, each_role)).cte("granted")
        )
        # One statement whether or not the address is taken: nobody learns it from how many there are.
        user_id = await connection_of(transaction).scalar(select(added.c.id).add_cte(granted))
        return user_id is not None

    async def of(self, principal: Principal) -> Viewer | None:
        rows = await self.database.fetch(_VIEWER, {"user_id": principal.user_id})
        if not rows:
            return None
        user, account = _user_and_account_of(rows[0])
        return Viewer(user, account, tuple(sorted(principal.scopes)), email_verified=rows[0][9])

    async def users(self, ids: Collection[UUID], *, within: Transaction | None = None) -> dict[UUID, User]:
        if not ids:
            return {}
        rows = await self.database.fetch(_BY_IDS, {"ids": list(ids)}, within)
        return {user_id: User(user_id, name, email) for user_id, name, email in rows}


def _user_and_account_of(row: tuple[Any, ...]) -> tuple[User, Account | None]:
    """From a row that begins with _USER_COLUMNS and ACCOUNT_COLUMNS."""
    user_id, name, email, account_id = row[:4]
    return User(user_id, name, email), None if account_id is None else account_of(row[3:9])


def _member_of(row: tuple[Any, ...]) -> Member:
    """From a row that begins with the columns of _MEMBERS."""
    email_verified, _, active, roles, scopes = row[9:14]
    user, account = _user_and_account_of(row)
    return Member(user, account, active, frozenset(roles), frozenset(scopes), email_verified)


def _credentials_of(row: tuple[Any, ...], *, seen_here: bool = False) -> Credentials:
    """From a row that begins with the columns of _MEMBERS."""
    return Credentials(_member_of(row), row[10], seen_here)
