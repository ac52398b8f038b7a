"""Who may speak for an account that is to be approved, without a database."""

from collections.abc import Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from contexts.identity.api import (
    Account,
    AccountMember,
    AccountRole,
    AccountStatus,
    AccountStep,
    CnpjTaken,
    MoveAccount,
    MoveAccountCommand,
    NobodyProved,
    Principal,
    User,
)
from contexts.shared.audit import SYSTEM

NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
ACCOUNT = Account(UUID(int=1), "Aurora Ltda", "11222333000181", "SP", None, AccountStatus.PENDING)
SALES = Principal(UUID(int=2), UUID(int=3), None, frozenset(), frozenset({"account:approve"}))


@dataclass(frozen=True, slots=True)
class Register:
    """One pending account whose CNPJ somebody else holds: an approval that comes so far is refused for that."""

    async def visible(
        self, principal: Principal, ids: Collection[UUID], **within: object
    ) -> dict[UUID, Account]:
        return {ACCOUNT.id: ACCOUNT}

    async def lock(self, transaction: object, account_id: UUID) -> Account:
        return ACCOUNT

    async def last_change(self, transaction: object, account_id: UUID) -> None:
        return None

    async def hold(self, transaction: object, account: Account, at: datetime) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class People:
    """The account's users."""

    members: list[AccountMember]

    async def of_accounts(self, ids: Collection[UUID], **within: object) -> dict[UUID, list[AccountMember]]:
        return {ACCOUNT.id: self.members}


class Transactions:
    """Nothing is committed: each of these approvals is refused."""

    @asynccontextmanager
    async def begin(self) -> Any:
        yield None


def member(role: AccountRole, *, active: bool, verified: bool) -> AccountMember:
    user = User(UUID(int=4), "Ana Souza", "ana@aurora.example")
    return AccountMember(user, ACCOUNT.id, role, active, None, NOW, email_verified=verified)


async def approval(members: list[AccountMember]) -> object:
    """What becomes of it."""
    register: Any = Register()
    clock: Any = SimpleNamespace(now=lambda: NOW)
    people, transactions = cast(Any, People(members)), cast(Any, Transactions())
    approve = MoveAccount(
        AccountStep.APPROVED, register, register, people, cast(Any, None), transactions, clock
    )
    return await approve(SALES, SYSTEM, MoveAccountCommand(ACCOUNT.id, "Tudo certo."))


@pytest.mark.parametrize(
    ("role", "active", "verified"), list(product(AccountRole, [True, False], [True, False]))
)
async def test_only_an_active_administrator_with_a_proved_address_speaks_for_an_account(
    role: AccountRole, active: bool, verified: bool
) -> None:
    may = role is AccountRole.ADMINISTRATOR and active and verified
    outcome = await approval([member(role, active=active, verified=verified)])
    assert outcome == (CnpjTaken() if may else NobodyProved())


async def test_one_has_to_be_all_of_that() -> None:
    """An inactive one who proved their address, an active one who did not, and a buyer are nobody together."""
    administrator = AccountRole.ADMINISTRATOR
    nobody = [
        member(administrator, active=False, verified=True),
        member(administrator, active=True, verified=False),
        member(AccountRole.BUYER, active=True, verified=True),
    ]
    assert await approval(nobody) == NobodyProved()
    assert await approval([*nobody, member(administrator, active=True, verified=True)]) == CnpjTaken()
