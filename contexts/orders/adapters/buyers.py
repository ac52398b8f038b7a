"""Buyers as identity knows them."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from contexts.identity.api import Accounts, Directory, Viewers
from contexts.orders.domain.customer import Addressee, Buyer
from contexts.orders.ports import MOST_NAMED, TooManyNamed
from contexts.shared.money import Money
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class IdentityBuyers:
    """State, tier, approval and limit are asked anew each time, so a change of theirs applies at once."""

    accounts: Accounts
    viewers: Viewers
    directory: Directory

    async def of(self, account_id: UUID, *, within: Transaction | None = None) -> Buyer | None:
        account = (await self.accounts.by_ids([account_id], within=within)).get(account_id)
        if account is None:
            return None
        return Buyer(account.id, account.state, account.tier, approved=account.sees_prices)

    async def approval_limit(self, transaction: Transaction, user_id: UUID) -> Money | None:
        return await self.directory.approval_limit(transaction, user_id)

    async def portfolio_of(self, rep_id: UUID, *, within: Transaction | None = None) -> frozenset[UUID]:
        return await self.accounts.portfolio_of(rep_id, within=within)

    async def named(self, text: str, *, among: Collection[UUID] | None) -> frozenset[UUID]:
        found = await self.accounts.named(text, among=among, most=MOST_NAMED + 1)
        if len(found) > MOST_NAMED:
            raise TooManyNamed
        return found

    async def reps_of(self, account_id: UUID) -> frozenset[UUID]:
        return await self.accounts.reps_of(account_id)

    async def addressee(self, user_id: UUID) -> Addressee | None:
        user = (await self.viewers.users([user_id])).get(user_id)
        return None if user is None else Addressee(user.name, user.email)
