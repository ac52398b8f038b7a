"""Going on with a session: a refresh token is exchanged for a new pair of tokens."""

from dataclasses import dataclass
from typing import assert_never

from contexts.identity.domain.session import (
    Device,
    Session,
    TokenState,
    digest,
    judge,
    new_secret,
    refresh_token,
)
from contexts.identity.ports import AccessTokens, Repetitions, Sessions, Users
from contexts.identity.use_cases.sign_in import SignedIn, signed_in
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.transaction import Transaction, Transactions


@dataclass(frozen=True, slots=True)
class TokenInvalid:
    """The token opens nothing: unknown, expired, spent, or its session or user is gone."""


@dataclass(frozen=True, slots=True)
class RefreshSession:
    """Rotates the token; roles, scopes and account are read anew.

    Uses of one token queue up on a row lock. A token that comes again while nobody has used its successor is a
    lost answer: its client gets another successor, and the lost one is spent. Any other spent token that comes
    again ends the session, and is audited.
    """

    users: Users
    sessions: Sessions
    repetitions: Repetitions
    tokens: AccessTokens
    transactions: Transactions
    clock: Clock

    async def __call__(self, refresh_token_text: str, device: Device, by: Actor) -> SignedIn | TokenInvalid:
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
                    await self._end_family(transaction, session, device, by)
                    await transaction.commit()
                    return TokenInvalid()
                case TokenState.LIVE | TokenState.RETRIED:
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

    async def _end_family(
        self, transaction: Transaction, session: Session, device: Device, by: Actor
    ) -> None:
        now = self.clock.now()
        member = await self.users.member(session.user_id, within=transaction)
        account = None if member is None else member.account
        await self.sessions.end(transaction, [session.id], None, now)
        act = Act(
            by,
            "identity.refresh_token_reused",
            Subject("User", session.user_id),
            now,
            account_id=None if account is None else account.id,
            before={"address": session.device.address, "userAgent": session.device.user_agent},
            after={"address": device.address, "userAgent": device.user_agent},
        )
        await self.repetitions.record(transaction, act, session.user_id, remarkable=True)
