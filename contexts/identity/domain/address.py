"""Brazilian postal addresses, of which a buyer account has several."""

import re
from dataclasses import dataclass
from unicodedata import category
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

_POSTAL_CODE = re.compile(r"([0-9]{2})\.?([0-9]{3})-?([0-9]{3})")
_LONGEST_TYPED = 100
"""Characters of a CEP with whatever is around it: looking at each of more takes time for nothing."""
_FULL_WIDTH = {0xFF10 + digit: str(digit) for digit in range(10)} | {0xFF0E: "."}
"""What keyboards of East Asia write. Digits of other scripts, raised or circled ones, are nobody's CEP."""
_MORE_DASHES = frozenset("\N{MINUS SIGN}\N{SOFT HYPHEN}\N{HYPHEN BULLET}\N{MODIFIER LETTER MINUS SIGN}")
_NO_WIDTH = frozenset("\N{ZERO WIDTH SPACE}\N{WORD JOINER}\N{ZERO WIDTH NO-BREAK SPACE}")


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
    """The 8 digits of a CEP; None when it is none.

    As people type it: 01310-100, 01.310-100, 01310 100, 01310100, with any dash of Unicode's and any spaces.
    """
    if len(text) > _LONGEST_TYPED:
        return None
    match = _POSTAL_CODE.fullmatch("".join(map(_plain, text.translate(_FULL_WIDTH))))
    return "".join(match.groups()) if match else None


def _plain(character: str) -> str:
    """A dash as a hyphen, a space as nothing."""
    if character.isspace() or character in _NO_WIDTH:
        return ""
    return "-" if category(character) == "Pd" or character in _MORE_DASHES else character


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
