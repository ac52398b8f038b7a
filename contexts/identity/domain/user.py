"""The people who sign in, and what a request knows about the one who sent it."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from contexts.identity.domain.account import Account
from contexts.shared.money import Money

MAX_EMAIL = 254
MAX_NAME = 200

# Whether mail arrives is found out by sending some; this only refuses what cannot be an address.
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True, slots=True)
class User:
    """A person. E-mail addresses are unique whatever their case."""

    id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Member:
    """A user with all that a session needs to know: the account they belong to (staff: none), what they may."""

    user: User
    account: Account | None
    active: bool
    roles: frozenset[str]
    scopes: frozenset[str]
    email_verified: bool = False


class AccountRole(Enum):
    """What a user of a buyer account is there for."""

    ADMINISTRATOR = "ADMINISTRATOR"
    BUYER = "BUYER"
    VIEWER = "VIEWER"


ROLE_NAMES: Final = {
    AccountRole.ADMINISTRATOR: "account_admin",
    AccountRole.BUYER: "buyer",
    AccountRole.VIEWER: "account_viewer",
}
"""The roles in the database behind the words the account uses."""


@dataclass(frozen=True, slots=True)
class AccountMember:
    """A user of a buyer account as its administrators see them. `approval_limit`: what they may order without
    asking; None: no limit."""

    user: User
    account_id: UUID
    role: AccountRole
    active: bool
    approval_limit: Money | None
    since: datetime


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One of the staff as those see them who manage the staff; `roles` by name, sorted."""

    user: User
    roles: tuple[str, ...]
    active: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sends a request, as a verified access token says. Staff have no account."""

    user_id: UUID
    session_id: UUID
    account_id: UUID | None
    roles: frozenset[str]
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Viewer:
    """The signed-in person as they see themselves. `scopes`, sorted, are those of the token in use."""

    user: User
    account: Account | None
    scopes: tuple[str, ...]
    email_verified: bool = False


def parse_email(text: str) -> str | None:
    """The address trimmed, its case kept; None when it cannot be one."""
    email = text.strip()
    fits = len(email) <= MAX_EMAIL and email.isprintable() and _EMAIL.fullmatch(email)
    return email if fits else None
