"""Going on with a session: a refresh token is exchanged for a new pair of tokens."""

from dataclasses import dataclass
from typing import assert_never

from contexts.identity.domain.session import TokenState, digest, judge, new_secret, refresh_token
from contexts.identity.ports import AccessTokens, Sessions, Users
from contexts.identity.use_cases.sign_in import SignedIn, signed_in
from contexts.shared.clock import Clock
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class TokenInvalid:
    """The refresh token opens nothing: unknown, expired, spent, or its session or user is gone."""


@dataclass(frozen=True, slots=True)
class RefreshSession:
    """Rotates the token; roles, scopes and account are read anew. A spent token that comes again revokes
    the session. Uses of one token queue up on a row lock, so of any number at once one succeeds."""

    users: Users
    sessions: Sessions
    tokens: AccessTokens
    transactions: Transactions
    clock: Clock

    async def __call__(self, refresh_token_text: str) -> SignedIn | TokenInvalid:
        presented = digest(refresh_token_text)
        if presented is None:
            return TokenInvalid()
        async with self.transactions.begin() as transaction:
            held = await self.sessions.locked(transaction, presented)
            if held is None:
                return TokenInvalid()
            session, token = held
            # After the lock: time passed while another use of the token had it.
            now = self.clock.now()
            match judge(session, token, now):
                case TokenState.DEAD:
                    return TokenInvalid()
                case TokenState.REUSED:
                    await self.sessions.revoke(transaction, session.id, now)
                    await transaction.commit()
                    return TokenInvalid()
                case TokenState.LIVE:
                    pass
                case state:
                    assert_never(state)
            member = await self.users.member(session.user_id, within=transaction)
            if member is None or not member.active:
                return TokenInvalid()
            secret = new_secret()
            await self.sessions.rotate(transaction, token, refresh_token(session, secret, now))
            await transaction.commit()
        return signed_in(member, session.id, secret, self.tokens, now)
