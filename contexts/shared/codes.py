"""The closed lists of codes that clients branch on: the public words for what went wrong.

A new code is one line here: `NAME = "NAME", "When it is said."`. What it still needs then (a text in each language of
`graphql/messages`, its line in `docs/error-codes.md`), `make schema` and `tests/schema/test_messages.py` tell.
"""

from enum import StrEnum


class Code(StrEnum):
    """A code and when it is said. It is a `str`: it travels as it is."""

    _value_: str
    meaning: str

    def __new__(cls, value: str, meaning: str) -> "Code":
        code = str.__new__(cls, value)
        code._value_, code.meaning = value, meaning
        return code


class DetailCode(Code):
    """What is wrong with one piece of an input. The same mistake has the same code in every input."""

    # Text.
    REQUIRED = "REQUIRED", "It is missing or blank."
    TOO_SHORT = "TOO_SHORT", "A text has fewer characters than it needs."
    TOO_LONG = "TOO_LONG", "A text has more characters than it may have."
    INVALID_CHARACTER = (
        "INVALID_CHARACTER",
        "A text has a character that cannot be shown or kept: a control character, or half of one.",
    )
    SPACES_AROUND = "SPACES_AROUND", "A text that is taken as it is begins or ends with spaces."
    TOO_COMMON = (
        "TOO_COMMON",
        "A password is among those that are tried first, or holds what is known of its owner.",
    )
    # Texts of a form.
    INVALID_EMAIL = "INVALID_EMAIL", "It is no e-mail address that mail can be sent to."
    INVALID_CNPJ = "INVALID_CNPJ", "It is no CNPJ: 14 characters, of which the last two are check digits."
    INVALID_POSTAL_CODE = "INVALID_POSTAL_CODE", "It is no CEP: 8 digits."
    INVALID_STATE_REGISTRATION = (
        "INVALID_STATE_REGISTRATION",
        "It is no inscrição estadual: 7 to 14 digits, or ISENTO.",
    )
    INVALID_SKU = "INVALID_SKU", "A SKU has neither a letter nor a digit."
    INVALID_SLUG = "INVALID_SLUG", "A slug is not lower-case words joined by hyphens."
    INVALID_IMAGE_KEY = "INVALID_IMAGE_KEY", "It is no key of an image of a product."
    UNKNOWN_STATE = "UNKNOWN_STATE", "It is none of the 27 states' two-letter codes."
    STATE_MISMATCH = "STATE_MISMATCH", "The CEP lies in another state than the address."
    NOT_AN_ID = "NOT_AN_ID", "It is no id, or the id of something else."
    # Numbers.
    NOT_A_NUMBER = "NOT_A_NUMBER", "It is no finite number."
    NEGATIVE = "NEGATIVE", "It is below zero."
    NOT_POSITIVE = "NOT_POSITIVE", "It is zero where only more than zero makes sense."
    TOO_LARGE = "TOO_LARGE", "A number is larger than it may be."
    TOO_MANY_DECIMALS = "TOO_MANY_DECIMALS", "A number has more decimals than are kept."
    OFF_STEP = "OFF_STEP", "The quantity is no multiple of the step in which the product is sold."
    # Instants.
    OUT_OF_RANGE = "OUT_OF_RANGE", "An instant is in none of the years that are kept."
    MUST_BE_AFTER = "MUST_BE_AFTER", "A period ends before it begins."
    # Several values.
    TOO_MANY = "TOO_MANY", "There are more of them than there may be."
    DUPLICATE = "DUPLICATE", "The same comes twice in one input."
    NOT_APPLICABLE = "NOT_APPLICABLE", "It does not go together with another value of the input."
    SAME = "SAME", "It is to go where it is already."
    # What there is already.
    NOT_FOUND = "NOT_FOUND", "There is no such thing, or it is not yours to know of."
    TAKEN = "TAKEN", "Somebody else has it."
    STALE = "STALE", "It is no longer so: read it again."
    REUSED = "REUSED", "The idempotency key came before with another input."
    NOT_HELD = "NOT_HELD", "It is not, or no longer, with whom it is to be taken from."
    PRIMARY = "PRIMARY", "The main address cannot be removed."
    PRODUCT_GONE = "PRODUCT_GONE", "The product is not in the catalog any more."
    UNIT_CHANGED = "UNIT_CHANGED", "The line was put into the cart in a unit that is no longer the product's."
    UNIT_IN_USE = "UNIT_IN_USE", "The unit cannot change, because prices, stock, carts or orders are in it."
    STEP_IN_USE = (
        "STEP_IN_USE",
        "The step cannot change to this one, because prices, stock, carts or orders may be off it.",
    )
    OTHER_CNPJ = "OTHER_CNPJ", "The account was registered with another CNPJ."
    # Roles.
    UNKNOWN_ROLE = "UNKNOWN_ROLE", "There is no such role, or not for such a user."
    NEEDS_ACCOUNT = "NEEDS_ACCOUNT", "The role is for users of a buyer account."
    STAFF_ROLE = "STAFF_ROLE", "The role is for the staff."
    NOT_ASSIGNABLE = "NOT_ASSIGNABLE", "The role may not have this scope."
    NOT_A_BUYER = "NOT_A_BUYER", "Only a user with the role BUYER has an approval limit."
    NOT_A_REP = "NOT_A_REP", "It is no active sales rep."
    HAS_PORTFOLIO = "HAS_PORTFOLIO", "The rep still has accounts in the portfolio."
    LAST = "LAST", "Nobody else could do it any more."
    LOCKED_OUT = "LOCKED_OUT", "Nobody could edit roles any more."


class WarningCode(Code):
    """What is done, but somebody should know of: the codes of `Meta.warnings`. There is none yet."""
