"""Signing out."""

from dataclasses import dataclass
from datetime import datetime

from contexts.identity.domain.user import Principal
from contexts.identity.ports import Sessions
from contexts.shared.clock import Clock
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class Revoked:
    """Since `ended_at` the session cannot be refreshed; its last access token runs out within minutes."""

    ended_at: datetime


@dataclass(frozen=True, slots=True)
class RevokeSession:
    """Ends the session of the token in use; doing it twice does no harm."""

    sessions: Sessions
    transactions: Transactions
    clock: Clock

    async def __call__(self, principal: Principal) -> Revoked:
        async with self.transactions.begin() as transaction:
            ended_at = await self.sessions.revoke(transaction, principal.session_id, self.clock.now())
            await transaction.commit()
        return Revoked(ended_at)
