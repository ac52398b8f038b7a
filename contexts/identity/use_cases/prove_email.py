"""What follows from it that an e-mail address is proved: a registration counts from then on."""

from dataclasses import dataclass
from datetime import datetime

from contexts.identity.domain.account import AccountStatus
from contexts.identity.domain.user import ROLE_NAMES, AccountRole, Member
from contexts.identity.ports import AccountRegister, Users
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ProveEmail:
    """Part of every use case that takes a mailed token: whoever has one reads that mailbox."""

    users: Users
    accounts: AccountRegister

    async def __call__(self, transaction: Transaction, member: Member, email: str, at: datetime) -> bool:
        """Note that `email` is proved. With the first proof a pending account whose administrator this is holds its
        CNPJ, unless another does: then it is a claim, which the sales team sees beside the holder. The one who
        proved sees no difference. False: the user is gone or has another address by now.

        Call it before anything else locks the user: accounts are locked before their people.
        """
        account = member.account
        first = not member.email_verified and ROLE_NAMES[AccountRole.ADMINISTRATOR] in member.roles
        if first and account is not None and account.status is AccountStatus.PENDING:
            account = await self.accounts.lock(transaction, account.id)
        if not await self.users.set_email_verified(transaction, member.user.id, email, at):
            return False
        if first and account is not None and account.status is AccountStatus.PENDING:
            await self.accounts.hold(transaction, account, at)
        return True
