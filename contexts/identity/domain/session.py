"""Sessions and the refresh tokens that keep one going: one at a time, each good for a single use."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from contexts.shared.ids import new_id

SESSION_LIFE: Final = timedelta(days=30)
REFRESH_LIFE: Final = timedelta(days=7)

_SECRET_BYTES = 32
_SECRET_LENGTH = len(secrets.token_urlsafe(_SECRET_BYTES))


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in on one device. Ends when revoked, and at `expires_at` however often it was refreshed."""

    id: UUID
    user_id: UUID
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What is kept of a refresh token: the SHA-256 of its text, so that a stolen table opens no session."""

    digest: bytes
    session_id: UUID
    issued_at: datetime
    expires_at: datetime
    spent_at: datetime | None = None


class TokenState(Enum):
    """What a presented refresh token is worth."""

    LIVE = "LIVE"
    DEAD = "DEAD"
    REUSED = "REUSED"
    """Spent before, yet the session lives: somebody holds a copy, nobody can tell who, so both must go."""


def start_session(user_id: UUID, at: datetime) -> Session:
    """A new session of that user."""
    return Session(id=new_id(), user_id=user_id, created_at=at, expires_at=at + SESSION_LIFE)


def new_secret() -> str:
    """The text of a new refresh token: 256 random bits, base64url."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def digest(secret: str) -> bytes | None:
    """The SHA-256 a secret is kept as; None for a text that `new_secret` cannot have made.

    A plain hash is enough: nobody guesses 256 random bits, so there is nothing to slow down.
    """
    if len(secret) != _SECRET_LENGTH or not secret.isascii():
        return None
    return hashlib.sha256(secret.encode()).digest()


def refresh_token(session: Session, secret: str, at: datetime) -> RefreshToken:
    """The record of a token given out now; it never outlives its session."""
    return RefreshToken(
        digest=hashlib.sha256(secret.encode()).digest(),
        session_id=session.id,
        issued_at=at,
        expires_at=min(at + REFRESH_LIFE, session.expires_at),
    )


def judge(session: Session, token: RefreshToken, at: datetime) -> TokenState:
    """What the token is worth at that instant.

    Two refreshes at once with one token: the second finds it spent, and that is reuse too. No grace is given
    yet to a client whose first answer was lost on the way.
    """
    if session.revoked_at is not None or at >= session.expires_at:
        return TokenState.DEAD
    if token.spent_at is not None:
        return TokenState.REUSED
    return TokenState.LIVE if at < token.expires_at else TokenState.DEAD
