"""Change what users may do: their roles, whether they may sign in at all.

An account, and the staff, always keep an administrator.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from contexts.identity.domain.scopes import ACCOUNT_MANAGE, ROLE_MANAGE, USER_MANAGE
from contexts.identity.domain.user import ROLE_NAMES, AccountMember, AccountRole, Principal, StaffMember
from contexts.identity.ports import AccountRegister, Accounts, Directory, Invitations, Roles, Sessions, Users
from contexts.identity.use_cases.invite import beyond, grantable, parse_limit
from contexts.identity.use_cases.present_scopes import with_present_scopes
from contexts.shared.audit import Act, Actor, Json, Subject
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.rejections import Forbidden, InvalidInput, NotFound
from contexts.shared.transaction import Transaction, Transactions

ADMIN = "admin"
SALES_REP = "sales_rep"


@dataclass(frozen=True, slots=True)
class LastAdministrator:
    """Nobody else could administer the account, or the staff, any more."""


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """A user of an account as they are now. `replayed`: they were so before."""

    member: AccountMember
    replayed: bool


@dataclass(frozen=True, slots=True)
class StaffChanged:
    """One of the staff as they are now. `replayed`: they were so before."""

    member: StaffMember
    replayed: bool


MAY_MORE = Forbidden("You cannot let in or shut out who may change roles.")


@dataclass(frozen=True, slots=True)
class Reached:
    """Whom a change is about, and all those they are `among`, themselves included. `principal`: who changes them,
    with no more scopes than they have now. `scopes`: what the person changed may do before."""

    principal: Principal
    scopes: frozenset[str]
    member: AccountMember | StaffMember
    among: Sequence[AccountMember] | Sequence[StaffMember]


@dataclass(frozen=True, slots=True)
class People:
    """Finds and locks whom a change is about. All changes of one account's people queue up on the account, all
    changes of the staff on the roles: so two of them cannot remove each other at once, and nobody changes people by
    a right that was taken from them."""

    users: Users
    accounts: Accounts
    register: AccountRegister
    directory: Directory
    roles: Roles
    sessions: Sessions
    invitations: Invitations

    async def can_be_managed(self, transaction: Transaction) -> bool:
        """Whether somebody is left who may change roles and people, whatever their role is called."""
        return all(
            [await self.roles.somebody_has(transaction, scope) for scope in (ROLE_MANAGE, USER_MANAGE)]
        )

    async def reached(
        self, transaction: Transaction, principal: Principal, user_id: UUID
    ) -> Reached | NotFound:
        """The user; not found when the principal does not manage them."""
        absent = NotFound("user", ("input", "id"))
        found = await self.users.member(user_id, within=transaction)
        if found is None:
            return absent
        if found.account is not None:
            account_id = found.account.id
            # Nobody keeps the people of an account waiting that is none of theirs.
            if not await self._sees(transaction, principal, account_id):
                return absent
            await self.register.lock(transaction, account_id)
            acting = await with_present_scopes(transaction, principal, self.users)
            if ACCOUNT_MANAGE not in acting.scopes or not await self._sees(transaction, acting, account_id):
                return absent
            members = (await self.directory.of_accounts([account_id], within=transaction))[account_id]
            member = next((each for each in members if each.user.id == user_id), None)
            present = await self.users.member(user_id, within=transaction)
            if member is None or present is None:
                return absent
            return Reached(acting, present.scopes, member, members)
        if USER_MANAGE not in principal.scopes or principal.account_id is not None:
            return absent
        await self.roles.lock_all(transaction)
        acting = await with_present_scopes(transaction, principal, self.users)
        if USER_MANAGE not in acting.scopes:
            return absent
        staff = await self.directory.staff(within=transaction)
        one = next((each for each in staff if each.user.id == user_id), None)
        present = await self.users.member(user_id, within=transaction)
        if one is None or present is None:
            return absent
        return Reached(acting, present.scopes, one, staff)

    async def set_roles(
        self, transaction: Transaction, reached: Reached, roles: Collection[str], at: datetime
    ) -> None:
        """Give the roles. Who may less by them is signed out everywhere, since a token keeps what it was issued
        with, and has nobody invited any more."""
        user_id = reached.member.user.id
        await self.directory.set_roles(transaction, user_id, roles)
        present = await self.users.member(user_id, within=transaction)
        if present is None or not reached.scopes <= present.scopes:
            await self.shut_out(transaction, user_id, at)

    async def shut_out(self, transaction: Transaction, user_id: UUID, at: datetime) -> None:
        """End the person's sessions and take back the invitations they sent, after what they may do has changed."""
        await self.sessions.end_all(transaction, [user_id], at)
        await self.invitations.revoke_of(transaction, user_id, at)

    async def _sees(self, transaction: Transaction, principal: Principal, account_id: UUID) -> bool:
        return bool(await self.accounts.visible(principal, [account_id], within=transaction))


@dataclass(frozen=True, slots=True)
class ChangeRole:
    """Gives a user of an account another role, a buyer another approval limit."""

    people: People
    directory: Directory
    transactions: Transactions
    clock: Clock

    async def __call__(
        self,
        principal: Principal,
        by: Actor,
        user_id: UUID,
        role: AccountRole,
        approval_limit: Decimal | None,
    ) -> MemberChanged | LastAdministrator | InvalidInput | NotFound:
        limit = parse_limit(role, approval_limit)
        if isinstance(limit, InvalidInput):
            return limit
        async with self.transactions.begin() as transaction:
            found = await self.people.reached(transaction, principal, user_id)
            if isinstance(found, NotFound):
                return found
            member = found.member
            if isinstance(member, StaffMember):
                return NotFound("user of a buyer account", ("input", "id"))
            if (member.role, member.approval_limit) == (role, limit):
                return MemberChanged(member, replayed=True)
            if role is not AccountRole.ADMINISTRATOR and is_last(member, found.among):
                return LastAdministrator()
            now = self.clock.now()
            await self.people.set_roles(transaction, found, [ROLE_NAMES[role]], now)
            await self.directory.set_approval_limit(transaction, user_id, limit)
            changed = replace(member, role=role, approval_limit=limit)
            await transaction.record(
                Act(
                    by,
                    "identity.user_role_changed",
                    Subject("User", user_id),
                    now,
                    account_id=member.account_id,
                    before=_facts(member),
                    after=_facts(changed),
                )
            )
            await transaction.commit()
        return MemberChanged(changed, replayed=False)


@dataclass(frozen=True, slots=True)
class ChangeStaffRoles:
    """Gives one of the staff other roles: none that may do more than the giver, none taken from who may more."""

    people: People
    accounts: Accounts
    directory: Directory
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, user_id: UUID, roles: Collection[str]
    ) -> StaffChanged | LastAdministrator | InvalidInput | NotFound | Forbidden:
        wanted = tuple(sorted(set(roles)))
        async with self.transactions.begin() as transaction:
            found = await self.people.reached(transaction, principal, user_id)
            if isinstance(found, NotFound):
                return found
            member = found.member
            if isinstance(member, AccountMember):
                return NotFound("member of the staff", ("input", "id"))
            known = await self.directory.staff_roles(within=transaction)
            acting = found.principal
            wrong = grantable(acting, wanted, known) or beyond(acting, member.roles, known)
            if wrong is not None:
                return wrong
            if member.roles == wanted:
                return StaffChanged(member, replayed=True)
            if ADMIN not in wanted and is_last(member, found.among):
                return LastAdministrator()
            if (
                SALES_REP in member.roles
                and SALES_REP not in wanted
                and await self.accounts.portfolio_of(user_id, within=transaction)
            ):
                return InvalidInput.at(
                    "roles", DetailCode.HAS_PORTFOLIO, "transfer this rep's portfolio to another rep first"
                )
            now = self.clock.now()
            await self.people.set_roles(transaction, found, wanted, now)
            if not await self.people.can_be_managed(transaction):
                return LastAdministrator()
            changed = replace(member, roles=wanted)
            await transaction.record(
                Act(
                    by,
                    "identity.staff_roles_changed",
                    Subject("User", user_id),
                    now,
                    before=_facts(member),
                    after=_facts(changed),
                )
            )
            await transaction.commit()
        return StaffChanged(changed, replayed=False)


@dataclass(frozen=True, slots=True)
class SetActive:
    """Deactivates or reactivates, as `active` fixes: a user of an account, or one of the staff. Who is
    deactivated is signed out everywhere at once."""

    active: bool
    people: People
    directory: Directory
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, user_id: UUID
    ) -> MemberChanged | StaffChanged | LastAdministrator | NotFound | Forbidden:
        async with self.transactions.begin() as transaction:
            found = await self.people.reached(transaction, principal, user_id)
            if isinstance(found, NotFound):
                return found
            member = found.member
            if isinstance(member, StaffMember):
                known = await self.directory.staff_roles(within=transaction)
                manages = any(ROLE_MANAGE in known.get(role, ()) for role in member.roles)
                if manages and ROLE_MANAGE not in found.principal.scopes:
                    return MAY_MORE
            if member.active is self.active:
                return _changed(member, self.active, replayed=True)
            if not self.active and is_last(member, found.among):
                return LastAdministrator()
            await self.directory.set_active(transaction, user_id, self.active)
            if isinstance(member, StaffMember) and not await self.people.can_be_managed(transaction):
                return LastAdministrator()
            now = self.clock.now()
            if not self.active:
                await self.people.shut_out(transaction, user_id, now)
            changed = _changed(member, self.active, replayed=False)
            await transaction.record(
                Act(
                    by,
                    "identity.user_reactivated" if self.active else "identity.user_deactivated",
                    Subject("User", user_id),
                    now,
                    account_id=member.account_id if isinstance(member, AccountMember) else None,
                    before=_facts(member),
                    after=_facts(changed.member),
                )
            )
            await transaction.commit()
        return changed


def is_last(
    member: AccountMember | StaffMember, among: Sequence[AccountMember] | Sequence[StaffMember]
) -> bool:
    """Whether this is the only active administrator there is."""
    return _administers(member) and not any(
        _administers(other) for other in among if other.user.id != member.user.id
    )


def _administers(member: AccountMember | StaffMember) -> bool:
    if isinstance(member, AccountMember):
        return member.active and member.role is AccountRole.ADMINISTRATOR
    return member.active and ADMIN in member.roles


def _changed(
    member: AccountMember | StaffMember, active: bool, *, replayed: bool
) -> MemberChanged | StaffChanged:
    match member:
        case AccountMember():
            return MemberChanged(replace(member, active=active), replayed)
        case StaffMember():
            return StaffChanged(replace(member, active=active), replayed)


def _facts(member: AccountMember | StaffMember) -> dict[str, Json]:
    match member:
        case AccountMember():
            limit = member.approval_limit
            return {
                "role": member.role.value,
                "active": member.active,
                "approvalLimit": None if limit is None else str(limit.amount),
            }
        case StaffMember():
            return {"roles": list(member.roles), "active": member.active}
