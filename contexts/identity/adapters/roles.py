"""Roles in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, delete, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY

from contexts.identity.adapters.tables import role_scopes, roles, user_roles, users
from contexts.identity.domain.role import Role
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
from contexts.shared.transaction import Transaction

_SCOPES = func.array(
    select(role_scopes.c.scope).where(role_scopes.c.role == roles.c.name).scalar_subquery(),
    type_=ARRAY(Text),
).label("scopes")
_ALL = select(roles.c.name, roles.c.description, roles.c.version, _SCOPES).order_by(roles.c.name)
_ROLES = Query(_ALL)


@dataclass(frozen=True, slots=True)
class SqlRoles:
    """The tables `identity.roles` and `identity.role_scopes`."""

    database: Database

    async def all(self) -> list[Role]:
        return _roles(await self.database.fetch(_ROLES))

    async def lock_all(self, transaction: Transaction) -> dict[str, Role]:
        connection = connection_of(transaction)
        # Not against who is given a role meanwhile. Locked first, read after: what one waited for is seen by the
        # next statement only.
        await connection.execute(select(roles.c.name).order_by(roles.c.name).with_for_update(key_share=True))
        found = (await connection.execute(_ALL)).all()
        return {role.name: role for role in _roles([tuple(row) for row in found])}

    async def put(self, transaction: Transaction, role: Role) -> None:
        connection = connection_of(transaction)
        await connection.execute(update(roles).where(roles.c.name == role.name).values(version=role.version))
        await connection.execute(delete(role_scopes).where(role_scopes.c.role == role.name))
        if role.scopes:
            await connection.execute(
                insert(role_scopes), [{"role": role.name, "scope": scope} for scope in role.scopes]
            )

    async def somebody_has(self, transaction: Transaction, scope: str) -> bool:
        somebody = exists(
            select(users.c.id)
            .join(user_roles, user_roles.c.user_id == users.c.id)
            .join(role_scopes, role_scopes.c.role == user_roles.c.role)
            .where(users.c.active, role_scopes.c.scope == scope)
        )
        return bool(await connection_of(transaction).scalar(select(somebody)))


def _roles(rows: Sequence[tuple[Any, ...]]) -> list[Role]:
    return [
        Role(name, description, frozenset(scopes), version) for name, description, version, scopes in rows
    ]
