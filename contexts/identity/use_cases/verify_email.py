"""Proving that an e-mail address is read by the one who signs in with it."""

from dataclasses import dataclass
from datetime import datetime

from contexts.identity.domain.mailed_token import Purpose
from contexts.identity.domain.session import Device, digest
from contexts.identity.domain.user import Principal
from contexts.identity.ports import MailedTokens, Throttle, TooManyAttempts, Users
from contexts.identity.use_cases.prove_email import ProveEmail
from contexts.identity.use_cases.refresh_session import TokenInvalid
from contexts.identity.use_cases.reset_password import MailPromised
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.transaction import Event, Transactions

VERIFICATION_ASKED = "identity.email_verification_asked"


@dataclass(frozen=True, slots=True)
class EmailVerified:
    """The address is proved since then."""

    at: datetime


@dataclass(frozen=True, slots=True)
class AskEmailVerification:
    """Has the link mailed (again) to the person who asks."""

    users: Users
    throttle: Throttle
    transactions: Transactions
    clock: Clock

    async def __call__(self, principal: Principal, device: Device) -> MailPromised | TooManyAttempts:
        now = self.clock.now()
        member = await self.users.member(principal.user_id)
        if member is None:
            return MailPromised(now)
        async with self.throttle.attempt(
            "mail", member.user.email, device.address, seen_here=False
        ) as attempt:
            if isinstance(attempt, TooManyAttempts):
                return attempt
            async with self.transactions.begin() as transaction:
                await transaction.publish(Event(VERIFICATION_ASKED, {"user_id": str(principal.user_id)}))
                await transaction.commit()
        return MailPromised(now)


@dataclass(frozen=True, slots=True)
class VerifyEmail:
    """Takes the token that was mailed; it is good once, and for the address it was sent to."""

    users: Users
    tokens: MailedTokens
    prove: ProveEmail
    transactions: Transactions
    clock: Clock

    async def __call__(self, token: str, by: Actor) -> EmailVerified | TokenInvalid:
        presented = digest(token)
        if presented is None:
            return TokenInvalid()
        now = self.clock.now()
        async with self.transactions.begin() as transaction:
            held = await self.tokens.take(transaction, presented, Purpose.EMAIL_VERIFICATION, now)
            if held is None:
                return TokenInvalid()
            member = await self.users.member(held.user_id, within=transaction)
            if member is None or not await self.prove(transaction, member, held.email, now):
                return TokenInvalid()
            await transaction.record(
                Act(
                    by,
                    "identity.email_verified",
                    Subject("User", held.user_id),
                    now,
                    account_id=None if member.account is None else member.account.id,
                    after={"email": held.email},
                )
            )
            await transaction.commit()
        return EmailVerified(now)
