"""Signing out: here, on another device, everywhere."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contexts.identity.domain.user import Principal
from contexts.identity.ports import Repetitions, Sessions
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.rejections import NotFound
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """Since `at` they are refused, access tokens included; `count` were live until then."""

    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class EndSessions:
    """Ends sessions of the person who asks; doing it twice does no harm."""

    sessions: Sessions
    repetitions: Repetitions
    transactions: Transactions
    clock: Clock

    async def one(self, principal: Principal, session_id: UUID, by: Actor) -> SessionsEnded | NotFound:
        """NotFound: it is not theirs, or over."""
        now = self.clock.now()
        async with self.transactions.begin() as transaction:
            ended = await self.sessions.end(transaction, [session_id], principal.user_id, now)
            if not ended:
                return NotFound("session", ("input", "id"))
            act = _act(principal, by, "identity.signed_out", now, len(ended))
            await self.repetitions.record(transaction, act, principal.user_id)
            await transaction.commit()
        return SessionsEnded(now, len(ended))

    async def all(self, principal: Principal, by: Actor, *, but_this: bool) -> SessionsEnded:
        """Every one, or every other one."""
        now = self.clock.now()
        kept = principal.session_id if but_this else None
        async with self.transactions.begin() as transaction:
            ended = await self.sessions.end_all(transaction, [principal.user_id], now, but=kept)
            if ended:
                act = _act(principal, by, "identity.signed_out_everywhere", now, len(ended))
                await self.repetitions.record(transaction, act, principal.user_id)
            await transaction.commit()
        return SessionsEnded(now, len(ended))


def _act(principal: Principal, by: Actor, action: str, at: datetime, count: int) -> Act:
    return Act(
        by,
        action,
        Subject("User", principal.user_id),
        at,
        account_id=principal.account_id,
        after={"sessions": count},
    )
