"""Who shops, and whose orders somebody may see."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Customer:
    """A signed-in user who shops for a buyer account."""

    account_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class Buyer:
    """What identity knows of a buyer account that decides its prices. Not `approved`: it sees none, nor orders."""

    account_id: UUID
    state: str
    tier: str | None
    approved: bool


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where mail for a user goes."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """A buyer reaches the orders of the account they shop for."""

    account_id: UUID


@dataclass(frozen=True, slots=True)
class Portfolio:
    """A sales rep reaches the orders of the accounts in their portfolio."""

    rep_id: UUID


@dataclass(frozen=True, slots=True)
class EveryAccount:
    """Staff with the scope `account:all`, and the system itself, reach every order."""


RowScope = OwnAccount | Portfolio | EveryAccount
"""Row scope: the required first argument of everything that touches an order by id or lists orders."""
