"""Setting a new password without the old one, by a link that is mailed."""

from dataclasses import dataclass
from datetime import datetime

from contexts.identity.domain.mailed_token import Purpose
from contexts.identity.domain.session import Device, digest
from contexts.identity.domain.user import no_email, parse_email
from contexts.identity.ports import MailedTokens, Passwords, Sessions, Throttle, TooManyAttempts, Users
from contexts.identity.use_cases.change_password import PASSWORD_CHANGED, PasswordChanged
from contexts.identity.use_cases.prove_email import ProveEmail
from contexts.identity.use_cases.refresh_session import TokenInvalid
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.rejections import InvalidInput
from contexts.shared.transaction import Event, Transactions

RESET_ASKED = "identity.password_reset_asked"


@dataclass(frozen=True, slots=True)
class MailPromised:
    """If there is somebody to write to, a mail is under way since then."""

    at: datetime


@dataclass(frozen=True, slots=True)
class AskPasswordReset:
    """Does the same for every e-mail address: whether it is anybody's is found out by the worker, later."""

    throttle: Throttle
    transactions: Transactions
    clock: Clock

    async def __call__(self, email: str, device: Device) -> MailPromised | InvalidInput | TooManyAttempts:
        address = parse_email(email)
        if address is None:
            return no_email(email)
        now = self.clock.now()
        async with self.throttle.attempt("mail", address, device.address, seen_here=False) as attempt:
            if isinstance(attempt, TooManyAttempts):
                return attempt
            async with self.transactions.begin() as transaction:
                await transaction.publish(Event(RESET_ASKED, {"email": address}))
                await transaction.commit()
        return MailPromised(now)


@dataclass(frozen=True, slots=True)
class ResetPassword:
    """Sets the password for whoever brings the mailed token; every session ends, and the owner is told by mail."""

    users: Users
    tokens: MailedTokens
    prove: ProveEmail
    passwords: Passwords
    throttle: Throttle
    sessions: Sessions
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, token: str, new: str, device: Device, by: Actor
    ) -> PasswordChanged | TokenInvalid | InvalidInput:
        presented = digest(token)
        if presented is None:
            return TokenInvalid()
        # Looked up before anything is hashed: a token that is none must cost little.
        held = await self.tokens.find(presented, Purpose.PASSWORD_RESET, self.clock.now())
        found = None if held is None else await self.users.credentials_of(held.user_id)
        if held is None or found is None or not found.member.active:
            return TokenInvalid()
        user = found.member.user
        if problem := await self.passwords.problem(new, "newPassword", user.name, user.email):
            return InvalidInput((problem,))
        new_hash = await self.passwords.hash(new)
        now = self.clock.now()
        async with self.transactions.begin() as transaction:
            if await self.tokens.take(transaction, presented, Purpose.PASSWORD_RESET, now) is None:
                return TokenInvalid()
            await self.prove(transaction, found.member, held.email, now)
            if not await self.users.set_password(transaction, user.id, new_hash):
                return TokenInvalid()
            ended = await self.sessions.end_all(transaction, [user.id], now)
            # Or who wants to keep them out would take every attempt that is released.
            await self.users.see(transaction, user.id, device.address, now)
            await self.throttle.release(transaction, user.email, device.address)
            await transaction.record(
                Act(
                    by,
                    "identity.password_reset",
                    Subject("User", user.id),
                    now,
                    account_id=found.member.account.id if found.member.account else None,
                    after={"address": device.address, "sessionsEnded": len(ended)},
                )
            )
            await transaction.publish(Event(PASSWORD_CHANGED, {"user_id": str(user.id)}))
            await transaction.commit()
        return PasswordChanged(now)
