"""Buyer accounts, asked of identity."""

from dataclasses import dataclass
from uuid import UUID

from contexts.identity.api import Accounts
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class IdentityAccounts:
    """Identity's accounts, as pricing knows them: there is one or not."""

    accounts: Accounts

    async def exist(self, account_id: UUID, *, within: Transaction | None = None) -> bool:
        return account_id in await self.accounts.by_ids([account_id], within=within)
