"""Saying what a role may do."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from contexts.identity.domain.role import Role
from contexts.identity.domain.scopes import ROLE_MANAGE
from contexts.identity.domain.user import Principal
from contexts.identity.ports import Roles, Users
from contexts.identity.use_cases.present_scopes import with_present_scopes
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.rejections import Detail, Forbidden, InvalidInput, NotFound
from contexts.shared.transaction import Transactions

NO_LONGER = Forbidden("You may not edit roles any more.")


@dataclass(frozen=True, slots=True)
class RoleScopesSet:
    """The role as it is now. Sessions get its scopes when they are refreshed."""

    role: Role


@dataclass(frozen=True, slots=True)
class RoleVersionConflict:
    """Somebody else has changed the role."""

    expected: int
    actual: int


@dataclass(frozen=True, slots=True)
class LockedOut:
    """Nobody active could edit roles any more."""


@dataclass(frozen=True, slots=True)
class SetRoleScopes:
    """Replaces a role's scopes; the same again changes nothing."""

    roles: Roles
    users: Users
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, name: str, scopes: Collection[str], version: int
    ) -> RoleScopesSet | InvalidInput | NotFound | Forbidden | RoleVersionConflict | LockedOut:
        wanted = frozenset(scopes)
        async with self.transactions.begin() as transaction:
            # All roles: whether somebody is left who may edit them depends on every one.
            role = (await self.roles.lock_all(transaction)).get(name)
            acting = await with_present_scopes(transaction, principal, self.users)
            if ROLE_MANAGE not in acting.scopes:
                return NO_LONGER
            if role is None:
                return NotFound("role", ("input", "role"))
            if role.scopes == wanted:
                return RoleScopesSet(role)
            if role.version != version:
                return RoleVersionConflict(version, role.version)
            changed = replace(role, scopes=wanted, version=role.version + 1)
            if foreign := sorted(wanted - changed.assignable):
                message = f"{', '.join(foreign)}: not among the scopes this role may have"
                return InvalidInput((Detail(("input", "scopes"), DetailCode.NOT_ASSIGNABLE, message),))
            await self.roles.put(transaction, changed)
            if not await self.roles.somebody_has(transaction, ROLE_MANAGE):
                return LockedOut()
            await transaction.record(
                Act(
                    by,
                    "identity.role_scopes_set",
                    Subject("Role", name),
                    self.clock.now(),
                    before={"scopes": " ".join(sorted(role.scopes))},
                    after={"scopes": " ".join(sorted(wanted))},
                )
            )
            await transaction.commit()
        return RoleScopesSet(changed)
