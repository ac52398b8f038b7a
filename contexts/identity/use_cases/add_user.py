"""Adding a user."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from contexts.identity.domain.scopes import BUYER_ROLES, ROLES
from contexts.identity.domain.user import MAX_NAME, NOT_AN_EMAIL, User, parse_email
from contexts.identity.ports import Accounts, Passwords, Users
from contexts.shared.audit import SYSTEM, Act, Subject
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.ids import new_id
from contexts.shared.rejections import NONE_GIVEN, Detail, InvalidInput, NotFound, Wrong
from contexts.shared.text import one_line, unless_blank
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class UserAdded:
    """The user can sign in now."""

    user: User


@dataclass(frozen=True, slots=True)
class AddUser:
    """Adds an active user: a buyer's, with the account they belong to, or one of the staff, without."""

    users: Users
    accounts: Accounts
    passwords: Passwords
    transactions: Transactions
    clock: Clock

    async def __call__(
        self,
        *,
        email: str,
        name: str,
        password: str,
        roles: Collection[str],
        account_id: UUID | None = None,
    ) -> UserAdded | InvalidInput | NotFound:
        details: list[Detail] = []
        address = parse_email(email)
        if address is None:
            details.append(unless_blank(email, NOT_AN_EMAIL).at("input", "email"))
        full_name = one_line(name, MAX_NAME)
        if isinstance(full_name, Wrong):
            details.append(full_name.at("input", "name"))
        if problem := await self.passwords.problem(password, "password", name, email):
            details.append(problem)
        if problem := _role_problem(roles, account_id):
            details.append(problem)
        if details or address is None or isinstance(full_name, Wrong):
            return InvalidInput(tuple(details))
        user = User(new_id(), full_name, address)
        password_hash = await self.passwords.hash(password)
        async with self.transactions.begin() as transaction:
            if account_id is not None and not await self.accounts.by_ids([account_id], within=transaction):
                return NotFound("buyer account", ("input", "accountId"))
            now = self.clock.now()
            if not await self.users.add(transaction, user, password_hash, roles, account_id, now):
                return InvalidInput.at(
                    "email", DetailCode.TAKEN, "there is a user with this e-mail address already"
                )
            await transaction.record(
                Act(
                    SYSTEM,
                    "identity.user_added",
                    Subject("User", user.id),
                    now,
                    account_id=account_id,
                    after={"email": user.email, "name": user.name, "roles": [*sorted(set(roles))]},
                )
            )
            await transaction.commit()
        return UserAdded(user)


def _role_problem(roles: Collection[str], account_id: UUID | None) -> Detail | None:
    path = ("input", "roles")
    if not roles:
        return NONE_GIVEN.at(*path)
    if not ROLES.keys() >= set(roles):
        return Detail(path, DetailCode.UNKNOWN_ROLE, f"must be one or more of {', '.join(sorted(ROLES))}")
    if account_id is None and not BUYER_ROLES.isdisjoint(roles):
        return Detail(path, DetailCode.NEEDS_ACCOUNT, "a buyer's role needs the account they buy for")
    if account_id is not None and not BUYER_ROLES.issuperset(roles):
        return Detail(path, DetailCode.STAFF_ROLE, "a staff role is not for users of a buyer account")
    return None
