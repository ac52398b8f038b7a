"""Brazilian postal addresses, of which a buyer account has several."""

import re
from dataclasses import dataclass
from uuid import UUID

from contexts.identity.domain.postal_codes import state_of
from contexts.shared.codes import DetailCode
from contexts.shared.rejections import Detail, Wrong
from contexts.shared.states import STATES, UNKNOWN_STATE
from contexts.shared.text import one_line, unless_blank

MAX_LINE = 200
MAX_ADDRESSES = 50
"""Of one account: an open construction site each, and room to spare."""
NOT_A_CEP = Wrong(DetailCode.INVALID_POSTAL_CODE, "must be a CEP: 8 digits")
TOO_MANY_ADDRESSES = Wrong(DetailCode.TOO_MANY, f"may be at most {MAX_ADDRESSES} addresses")

_POSTAL_CODE = re.compile(r"([0-9]{5})-?([0-9]{3})")


@dataclass(frozen=True, slots=True)
class Address:
    """A place; `state` is one of the 27 codes, `postal_code` the 8 digits of the CEP, which lies in that state.

    `label` is what the account calls it ("Obra Vila Mariana").
    """

    street: str
    number: str
    district: str
    city: str
    state: str
    postal_code: str
    complement: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class AccountAddress:
    """An address with what the account uses it for. The primary one's state decides the account's prices."""

    id: UUID
    place: Address
    primary: bool
    delivery: bool
    billing: bool


def parse_postal_code(text: str) -> str | None:
    """The 8 digits of a CEP typed as 01310-100 or 01310100; None when it is none."""
    match = _POSTAL_CODE.fullmatch(text.strip())
    return match[1] + match[2] if match else None


def parse_address(typed: Address, path: tuple[str, ...]) -> Address | list[Detail]:
    """The address as it is kept, or everything that is wrong with it; `path` leads to it in the input."""
    details: list[Detail] = []

    def line(field: str, text: str) -> str:
        kept = one_line(text, MAX_LINE)
        if isinstance(kept, Wrong):
            details.append(kept.at(*path, field))
            return ""
        return kept

    def optional(field: str, text: str | None) -> str | None:
        return None if text is None or not text.strip() else line(field, text)

    street, number = line("street", typed.street), line("number", typed.number)
    complement = optional("complement", typed.complement)
    district, city = line("district", typed.district), line("city", typed.city)
    if typed.state not in STATES:
        details.append(unless_blank(typed.state, UNKNOWN_STATE).at(*path, "state"))
    postal_code = parse_postal_code(typed.postal_code)
    if postal_code is None:
        details.append(unless_blank(typed.postal_code, NOT_A_CEP).at(*path, "postalCode"))
    elif typed.state in STATES and state_of(postal_code) != typed.state:
        details.append(
            Detail(
                (*path, "postalCode"),
                DetailCode.STATE_MISMATCH,
                f"is not in {typed.state}; correct the one or the other",
            )
        )
    label = optional("label", typed.label)
    if details or postal_code is None:
        return details
    return Address(street, number, district, city, typed.state, postal_code, complement, label)
