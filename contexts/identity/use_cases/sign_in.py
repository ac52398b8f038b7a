"""Signing in with e-mail and password."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from contexts.identity.domain.password import may_be_password
from contexts.identity.domain.session import MOST_SESSIONS, Device, new_secret, refresh_token, start_session
from contexts.identity.domain.user import Member, Principal, Viewer, parse_email
from contexts.identity.ports import (
    SIGN_IN,
    AccessTokens,
    Attempt,
    Credentials,
    Passwords,
    Repetitions,
    Sessions,
    Throttle,
    TooManyAttempts,
    Users,
)
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session goes on: with an access token until `expires_at`, then with another for the refresh token."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    principal: Principal
    viewer: Viewer


@dataclass(frozen=True, slots=True)
class InvalidCredentials:
    """Nobody active has that e-mail and password; which of the two is wrong is not told."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """Starts a session; of more than `most_sessions` of a user the one used last longest ago ends.

    Unknown e-mail, wrong password and inactive user cannot be told apart, by time neither: each costs the same
    statements and one hash, and no connection is held while hashing. (Only on a network where the person was seen
    before is there a statement less: the network's failures are not theirs.)"""

    users: Users
    passwords: Passwords
    throttle: Throttle
    sessions: Sessions
    repetitions: Repetitions
    tokens: AccessTokens
    transactions: Transactions
    clock: Clock
    most_sessions: int = MOST_SESSIONS

    async def __call__(
        self, email: str, password: str, device: Device, by: Actor
    ) -> SignedIn | InvalidCredentials | TooManyAttempts:
        """`by`: the request, which is nobody's yet."""
        address = parse_email(email)
        if address is None or not may_be_password(password):
            return InvalidCredentials()
        found = await self.users.credentials(address, device.address)
        seen_here = found is not None and found.seen_here
        async with self.throttle.attempt(SIGN_IN, address, device.address, seen_here=seen_here) as attempt:
            if isinstance(attempt, TooManyAttempts):
                return attempt
            right = await self.passwords.verify(password, found.password_hash if found else None)
            if found is not None and right and found.member.active:
                signed_in = await self._start(found, device, by, attempt)
                if signed_in is not None:
                    return signed_in
            if attempt.is_last:
                await self._report(address, found, device, by)
            return InvalidCredentials()

    async def _start(
        self, found: Credentials, device: Device, by: Actor, attempt: Attempt
    ) -> SignedIn | None:
        """None: since a moment ago the user is inactive, or has another password than the one verified."""
        now = self.clock.now()
        user_id = found.member.user.id
        session = start_session(user_id, device, now)
        secret = new_secret()
        async with self.transactions.begin() as transaction:
            present = await self.users.locked(transaction, user_id, alone=True)
            if present is None or not present.member.active or present.password_hash != found.password_hash:
                return None
            member = present.member
            await self.sessions.start(transaction, session, refresh_token(session, secret, now))
            ended = await self.sessions.end_oldest(transaction, user_id, now, keep=self.most_sessions)
            await self.users.see(transaction, user_id, device.address, now)
            await attempt.forgive(transaction)
            act = Act(
                replace(by, user_id=user_id, session_id=session.id),
                "identity.signed_in",
                Subject("User", user_id),
                now,
                account_id=member.account.id if member.account else None,
                after={
                    "address": device.address,
                    "userAgent": session.device.user_agent,
                    "sessionsEnded": len(ended),
                },
            )
            await self.repetitions.record(transaction, act, user_id, remarkable=not found.seen_here)
            await transaction.commit()
        return signed_in(member, session.id, secret, self.tokens, now)

    async def _report(self, email: str, found: Credentials | None, device: Device, by: Actor) -> None:
        """The failures have reached their limit; one act tells of all that are refused from now on."""
        user_id = found.member.user.id if found else None
        act = Act(
            by,
            "identity.sign_in_throttled",
            Subject("User", user_id),
            self.clock.now(),
            after={"email": email, "address": device.address},
        )
        async with self.transactions.begin() as transaction:
            await self.repetitions.record(transaction, act, user_id or email.lower())
            await transaction.commit()


def signed_in(member: Member, session_id: UUID, secret: str, tokens: AccessTokens, at: datetime) -> SignedIn:
    """The outcome for a member as just read: an access token with their present roles and scopes."""
    principal = Principal(
        user_id=member.user.id,
        session_id=session_id,
        account_id=member.account.id if member.account else None,
        roles=member.roles,
        scopes=member.scopes,
    )
    access_token, expires_at = tokens.issue(principal, at)
    viewer = Viewer(member.user, member.account, tuple(sorted(member.scopes)), member.email_verified)
    return SignedIn(access_token, secret, expires_at, principal, viewer)
