"""Buyer accounts: the firms that buy, each known to the tax authority by its CNPJ."""

import re
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from stdnum.br import cnpj
from stdnum.exceptions import ValidationError

from contexts.shared.codes import DetailCode
from contexts.shared.rejections import Wrong

NOT_A_CNPJ = Wrong(DetailCode.INVALID_CNPJ, "must be a CNPJ: 14 characters, the last 2 check digits")
_CNPJ = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_LONGEST_TYPED = 100
"""Characters of a CNPJ with whatever punctuation: looking at each of more takes time for nothing."""
_STATE_REGISTRATION = re.compile(r"P?[0-9]{7,14}|ISENTO")


class AccountStatus(Enum):
    """Where an account stands with the sales team."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SUSPENDED = "SUSPENDED"


@dataclass(frozen=True, slots=True)
class Account:
    """A buyer account as others see it.

    `cnpj` is its 14 characters without punctuation. `state` is the one of its primary address and, with
    `tier`, decides its prices; both are read when needed and never travel in a token.
    """

    id: UUID
    legal_name: str
    cnpj: str
    state: str
    tier: str | None
    status: AccountStatus

    @property
    def sees_prices(self) -> bool:
        """Only an approved account is shown prices, wherever they are, and so only it may order."""
        return self.status is AccountStatus.APPROVED


@dataclass(frozen=True, slots=True)
class Cnpj:
    """A CNPJ with right check digits: 12 characters, letters among them since July 2026, and 2 digits."""

    value: str

    @classmethod
    def parse(cls, text: str) -> "Cnpj | None":
        """The CNPJ a person typed, with or without punctuation, in either case; None when it is none."""
        if len(text) > _LONGEST_TYPED:
            return None
        try:
            value = str(cnpj.validate(text))
        except ValidationError:
            return None
        # stdnum takes any Unicode digit for a digit.
        return cls(value) if _CNPJ.fullmatch(value) else None


def parse_state_registration(text: str) -> str | None:
    """An inscrição estadual without punctuation, or ISENTO; None when it can be neither.

    Each state has a form of its own, with check digits of its own; the sales team looks it up anyway.
    """
    value = re.sub(r"[\s./-]", "", text).upper()
    return value if _STATE_REGISTRATION.fullmatch(value) else None
