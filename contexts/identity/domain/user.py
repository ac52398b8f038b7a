"""The people who sign in, and what a request knows about the one who sent it."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from contexts.identity.domain.account import Account
from contexts.shared.codes import DetailCode
from contexts.shared.money import Money
from contexts.shared.rejections import InvalidInput, Wrong
from contexts.shared.text import unless_blank

MAX_EMAIL = 254
MAX_NAME = 200
NOT_AN_EMAIL = Wrong(DetailCode.INVALID_EMAIL, "must be an e-mail address")

# What the mailer can write to, and in one spelling only: an RFC 5322 dot-atom of ASCII at a host name. Comments,
# quotes and letters that fold into others would let two texts be one mailbox, and the throttle counts texts.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOTLESS = frozenset({"gmail.com", "googlemail.com"})
"""One provider by two names, where dots in the local part mean nothing: a name of n letters has 2ⁿ⁻¹ spellings."""
_EMAIL = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}")


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
    email_verified: bool


@dataclass(frozen=True, slots=True)
class StaffMember:
    """One of the staff as those see them who manage the staff; `roles` by name, sorted."""

    user: User
    roles: tuple[str, ...]
    active: bool
    since: datetime
    email_verified: bool


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
    """The address trimmed, its case kept; None when mail cannot be sent to it. A domain with letters beyond ASCII
    is given as punycode ("xn--…"); a local part with such letters is refused, as most servers would."""
    email = text.strip()
    return email if len(email) <= MAX_EMAIL and _EMAIL.fullmatch(email) else None


def no_email(text: str) -> InvalidInput:
    """The rejection of an input's `email` that is none."""
    return InvalidInput((unless_blank(text, NOT_AN_EMAIL).at("input", "email"),))


def mailbox(email: str) -> str:
    """Where mail to this address arrives, as far as can be known: for counting mails, never for writing to it.

    Case folded, without a `+tag`, and at Gmail without dots. So all spellings of one mailbox share what may be
    mailed to it. They stay different addresses in everything else: people sign in with tags.
    """
    local, _, domain = email.casefold().rpartition("@")
    base = local.partition("+")[0] or local  # one that begins with "+" has no tag
    if domain in _DOTLESS:
        base, domain = base.replace(".", ""), "gmail.com"
    return f"{base}@{domain}"
