"""Sessions and the refresh tokens that keep one going: one at a time, each good for a single use (RFC 9700)."""

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
MOST_SESSIONS: Final = 20
"""Of one user at once, unless the settings say otherwise: the devices of a person, and some that were forgotten."""

MAX_USER_AGENT = 300
_SECRET_BYTES = 32
_SECRET_LENGTH = len(secrets.token_urlsafe(_SECRET_BYTES))


@dataclass(frozen=True, slots=True)
class Device:
    """Where somebody signs in from, as the request says: `address` of the network, and what the client calls
    itself. People recognise their sessions by it."""

    address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in on one device. Ends when revoked, and at `expires_at` however often it was refreshed.

    `rotated_last` is the digest of the refresh token that was spent last; its successor is unused so far.
    """

    id: UUID
    user_id: UUID
    device: Device
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    rotated_last: bytes | None = None


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
    RETRIED = "RETRIED"
    """Spent, but nobody has used its successor: the answer was lost, and its client asks again."""
    REUSED = "REUSED"
    """Spent, and its successor used or replaced: two hold copies, nobody can tell which is the thief."""
    DEAD = "DEAD"


def start_session(user_id: UUID, device: Device, at: datetime) -> Session:
    """A new session of that user."""
    shown = Device(device.address, device.user_agent and device.user_agent[:MAX_USER_AGENT])
    return Session(new_id(), user_id, shown, created_at=at, last_used_at=at, expires_at=at + SESSION_LIFE)


def new_secret() -> str:
    """The text of a new token: 256 random bits, base64url."""
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

    A successor that was replaced by a retry counts as spent: who presents it, after somebody else has had
    another in its stead, is the second holder of one line.
    """
    if session.revoked_at is not None or at >= session.expires_at:
        return TokenState.DEAD
    if token.spent_at is None:
        return TokenState.LIVE if at < token.expires_at else TokenState.DEAD
    retried = token.digest == session.rotated_last and at < token.expires_at
    return TokenState.RETRIED if retried else TokenState.REUSED
