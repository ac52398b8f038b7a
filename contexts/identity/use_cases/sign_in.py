"""Signing in with e-mail and password."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from contexts.identity.domain.session import new_secret, refresh_token, start_session
from contexts.identity.domain.user import Member, Principal, Viewer, may_be_password, parse_email
from contexts.identity.ports import AccessTokens, Passwords, Sessions, Users
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
    """Starts a session. Unknown e-mail, wrong password and inactive user cannot be told apart, by time
    neither: each costs one read and one hash, and no connection is held while hashing."""

    users: Users
    passwords: Passwords
    sessions: Sessions
    tokens: AccessTokens
    transactions: Transactions
    clock: Clock

    async def __call__(self, email: str, password: str) -> SignedIn | InvalidCredentials:
        address = parse_email(email)
        if address is None or not may_be_password(password):
            return InvalidCredentials()
        found = await self.users.credentials(address)
        right = await self.passwords.verify(password, found.password_hash if found else None)
        if found is None or not right or not found.member.active:
            return InvalidCredentials()
        now = self.clock.now()
        session = start_session(found.member.user.id, now)
        secret = new_secret()
        async with self.transactions.begin() as transaction:
            await self.sessions.start(transaction, session, refresh_token(session, secret, now))
            await transaction.commit()
        return signed_in(found.member, session.id, secret, self.tokens, now)


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
    viewer = Viewer(member.user, member.account, tuple(sorted(member.scopes)))
    return SignedIn(access_token, secret, expires_at, principal, viewer)
