"""The way of a buyer account: it registers, sales decides, and every step is kept with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from contexts.identity.domain.account import AccountStatus

MAX_REASON = 1000


class AccountStep(Enum):
    """What can happen to an account."""

    REGISTERED = "REGISTERED"
    INFORMATION_REQUESTED = "INFORMATION_REQUESTED"
    INFORMATION_PROVIDED = "INFORMATION_PROVIDED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"
    REACTIVATED = "REACTIVATED"
    TIER_SET = "TIER_SET"
    CNPJ_RELEASED = "CNPJ_RELEASED"
    CNPJ_HANDED_OVER = "CNPJ_HANDED_OVER"
    CNPJ_RECEIVED = "CNPJ_RECEIVED"


class CnpjStanding(Enum):
    """Whether an account is the one that has its CNPJ. Many may register with one CNPJ, at most one holds it."""

    HELD = "HELD"
    HELD_BY_ANOTHER = "HELD_BY_ANOTHER"
    FREE = "FREE"


# Asking for more leaves an account pending: to the sales team and to the buyer it still waits for a decision.
_WAYS: Final[Mapping[AccountStep, Mapping[AccountStatus, AccountStatus]]] = {
    AccountStep.REGISTERED: {},
    AccountStep.INFORMATION_REQUESTED: {AccountStatus.PENDING: AccountStatus.PENDING},
    AccountStep.INFORMATION_PROVIDED: {AccountStatus.PENDING: AccountStatus.PENDING},
    AccountStep.APPROVED: {AccountStatus.PENDING: AccountStatus.APPROVED},
    AccountStep.REJECTED: {AccountStatus.PENDING: AccountStatus.REJECTED},
    AccountStep.SUSPENDED: {AccountStatus.APPROVED: AccountStatus.SUSPENDED},
    # A rejected account is considered again; it was never approved, so this does not approve it.
    AccountStep.REACTIVATED: {
        AccountStatus.SUSPENDED: AccountStatus.APPROVED,
        AccountStatus.REJECTED: AccountStatus.PENDING,
    },
    AccountStep.TIER_SET: {AccountStatus.APPROVED: AccountStatus.APPROVED},
    # Whoever is approved holds the CNPJ: what buys in a firm's name has to be suspended before the name goes.
    **{
        step: {
            AccountStatus.PENDING: AccountStatus.PENDING,
            AccountStatus.SUSPENDED: AccountStatus.SUSPENDED,
        }
        for step in (AccountStep.CNPJ_RELEASED, AccountStep.CNPJ_HANDED_OVER, AccountStep.CNPJ_RECEIVED)
    },
}


@dataclass(frozen=True, slots=True)
class AccountChange:
    """One step of an account, as it is kept. `reason` is told to the account, `note` stays with the staff."""

    id: UUID
    account_id: UUID
    step: AccountStep
    status: AccountStatus
    reason: str | None
    note: str | None
    by: UUID
    at: datetime

    def repeats(self, step: AccountStep, by: UUID, reason: str | None, note: str | None) -> bool:
        """Whether that step is this one sent again: a client that lost the answer, not a second decision."""
        return (self.step, self.by, self.reason, self.note) == (step, by, reason, note)


@dataclass(frozen=True, slots=True)
class AccountStepRefused:
    """An account of this status cannot take that step."""

    status: AccountStatus
    step: AccountStep


def after(
    status: AccountStatus, step: AccountStep, last: AccountStep | None
) -> AccountStatus | AccountStepRefused:
    """The status an account has after the step, when `last` was the one before."""
    if step is AccountStep.INFORMATION_PROVIDED and last is not AccountStep.INFORMATION_REQUESTED:
        return AccountStepRefused(
            status, step
        )  # each question has one answer, or the history fills with them
    return _WAYS[step].get(status) or AccountStepRefused(status, step)
