"""Changing one's own password."""

from dataclasses import dataclass
from datetime import datetime

from contexts.identity.domain.mailed_token import Purpose
from contexts.identity.domain.password import may_be_password
from contexts.identity.domain.session import Device
from contexts.identity.domain.user import Principal
from contexts.identity.ports import (
    SIGN_IN,
    Attempt,
    MailedTokens,
    Passwords,
    Repetitions,
    Sessions,
    Throttle,
    TooManyAttempts,
    Users,
)
from contexts.identity.use_cases.sign_in import InvalidCredentials
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.rejections import InvalidInput
from contexts.shared.transaction import Event, Transactions

PASSWORD_CHANGED = "identity.password_changed"  # noqa: S105 - the topic of an event


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """The password is another since then, and other sessions are over."""

    at: datetime


@dataclass(frozen=True, slots=True)
class ChangePassword:
    """Asks for the present password: an access token alone must not be enough to keep its owner out.

    All other sessions end, links to reset the password are good for nothing any more, and the owner is told by mail.
    """

    users: Users
    tokens: MailedTokens
    passwords: Passwords
    throttle: Throttle
    sessions: Sessions
    repetitions: Repetitions
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, current: str, new: str, device: Device, by: Actor
    ) -> PasswordChanged | InvalidCredentials | TooManyAttempts | InvalidInput:
        found = await self.users.credentials_of(principal.user_id)
        if found is None or not may_be_password(current):
            return InvalidCredentials()
        user = found.member.user
        async with self.throttle.attempt(SIGN_IN, user.email, device.address, seen_here=True) as attempt:
            if isinstance(attempt, TooManyAttempts):
                return attempt
            if not await self.passwords.verify(current, found.password_hash):
                if attempt.is_last:
                    await self._report(principal, device, by)
                return InvalidCredentials()
            if problem := await self.passwords.problem(new, "newPassword", user.name, user.email):
                await self._forgive(attempt)
                return InvalidInput((problem,))
            new_hash = await self.passwords.hash(new)
            # The owner is told by each, and the mailbox may be a stranger's: who registers need not own the address.
            async with self.throttle.attempt("password-change", user.email, None, seen_here=False) as allowed:
                if isinstance(allowed, TooManyAttempts):
                    await self._forgive(attempt)
                    return allowed
            now = self.clock.now()
            async with self.transactions.begin() as transaction:
                # Before the user's row, as a reset does: the two never wait for each other.
                await self.tokens.withdraw(transaction, user.id, Purpose.PASSWORD_RESET)
                # Whoever changed it meanwhile has made `current` the wrong one.
                if not await self.users.set_password(
                    transaction, user.id, new_hash, replacing=found.password_hash
                ):
                    return InvalidCredentials()
                await attempt.forgive(transaction)
                ended = await self.sessions.end_all(transaction, [user.id], now, but=principal.session_id)
                await transaction.record(
                    Act(
                        by,
                        PASSWORD_CHANGED,
                        Subject("User", user.id),
                        now,
                        account_id=principal.account_id,
                        after={"sessionsEnded": len(ended)},
                    )
                )
                await transaction.publish(Event(PASSWORD_CHANGED, {"user_id": str(user.id)}))
                await transaction.commit()
        return PasswordChanged(now)

    async def _forgive(self, attempt: Attempt) -> None:
        """The password was right, whatever else keeps it from being changed."""
        async with self.transactions.begin() as transaction:
            await attempt.forgive(transaction)
            await transaction.commit()

    async def _report(self, principal: Principal, device: Device, by: Actor) -> None:
        """As at sign-in: one act tells of all that are refused from now on."""
        act = Act(
            by,
            "identity.sign_in_throttled",
            Subject("User", principal.user_id),
            self.clock.now(),
            account_id=principal.account_id,
            after={"address": device.address},
        )
        async with self.transactions.begin() as transaction:
            await self.repetitions.record(transaction, act, principal.user_id)
            await transaction.commit()
