"""Opening a buyer account."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from contexts.identity.domain.account import NOT_A_CNPJ, Account, AccountStatus, Cnpj
from contexts.identity.domain.address import AccountAddress, Address, parse_address
from contexts.identity.domain.user import MAX_NAME
from contexts.identity.ports import AccountRegister, Users
from contexts.shared.audit import SYSTEM, Act, Subject
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.ids import new_id
from contexts.shared.rejections import Detail, InvalidInput, Wrong
from contexts.shared.text import one_line, unless_blank
from contexts.shared.tier import MAX_TIER
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class AccountOpened:
    """The account exists now."""

    account: Account


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """Opens an account with its primary address, in the portfolios of the reps named. It holds its CNPJ at once:
    the staff knows whose it is."""

    accounts: AccountRegister
    users: Users
    transactions: Transactions
    clock: Clock

    async def __call__(
        self,
        *,
        legal_name: str,
        cnpj: str,
        address: Address,
        tier: str | None = None,
        status: AccountStatus = AccountStatus.PENDING,
        rep_ids: Collection[UUID] = (),
    ) -> AccountOpened | InvalidInput:
        details: list[Detail] = []
        name = one_line(legal_name, MAX_NAME)
        if isinstance(name, Wrong):
            details.append(name.at("input", "legalName"))
        number = Cnpj.parse(cnpj)
        if number is None:
            details.append(unless_blank(cnpj, NOT_A_CNPJ).at("input", "cnpj"))
        level = one_line(tier, MAX_TIER) if tier is not None else None
        if isinstance(level, Wrong):
            details.append(level.at("input", "tier"))
        place = parse_address(address, ("input", "address"))
        if not isinstance(place, Address):
            details += place
        if (
            isinstance(name, Wrong)
            or isinstance(level, Wrong)
            or number is None
            or not isinstance(place, Address)
        ):
            return InvalidInput(tuple(details))
        primary = AccountAddress(new_id(), place, primary=True, delivery=True, billing=True)
        account = Account(new_id(), name, number.value, place.state, level, status)
        now = self.clock.now()
        async with self.transactions.begin() as transaction:
            if await self.users.reps(rep_ids, within=transaction) != frozenset(rep_ids):
                return InvalidInput.at("repIds", DetailCode.NOT_A_REP, "each must be an active sales rep")
            await self.accounts.add(transaction, account, [primary], rep_ids, now)
            if not await self.accounts.hold(transaction, account, now):
                return InvalidInput.at("cnpj", DetailCode.TAKEN, "another account holds this CNPJ")
            await transaction.record(
                Act(
                    SYSTEM,
                    "identity.account_opened",
                    Subject("BuyerAccount", account.id),
                    now,
                    account_id=account.id,
                    after={
                        "legalName": account.legal_name,
                        "cnpj": account.cnpj,
                        "status": account.status.value,
                        "tier": account.tier,
                        "reps": [str(rep_id) for rep_id in sorted(rep_ids)],
                    },
                )
            )
            await transaction.commit()
        return AccountOpened(account)
