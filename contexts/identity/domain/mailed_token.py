"""Tokens that travel by mail: who presents one reads the mail of its address. Each is good for a single use."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID


class Purpose(Enum):
    """What a token is good for, and for nothing else."""

    PASSWORD_RESET = "PASSWORD_RESET"  # noqa: S105 - a name, no password
    EMAIL_VERIFICATION = "EMAIL_VERIFICATION"


LIFE: Final = {Purpose.PASSWORD_RESET: timedelta(hours=1), Purpose.EMAIL_VERIFICATION: timedelta(days=2)}


@dataclass(frozen=True, slots=True)
class MailedToken:
    """What is kept of a token: the SHA-256 of its text, and the address it was sent to."""

    digest: bytes
    purpose: Purpose
    user_id: UUID
    email: str
    issued_at: datetime
    expires_at: datetime


def mailed_token(purpose: Purpose, secret: str, user_id: UUID, email: str, at: datetime) -> MailedToken:
    """The record of a token sent now."""
    return MailedToken(
        hashlib.sha256(secret.encode()).digest(), purpose, user_id, email, at, at + LIFE[purpose]
    )
