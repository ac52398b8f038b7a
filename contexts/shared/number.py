"""Numbers as they are given: one judgement of them for every input."""

from decimal import Decimal

from contexts.shared.codes import DetailCode
from contexts.shared.quantity import decimals
from contexts.shared.rejections import Wrong

NOT_A_NUMBER = Wrong(DetailCode.NOT_A_NUMBER, "must be a number")
NOT_POSITIVE = Wrong(DetailCode.NOT_POSITIVE, "must be more than zero")


def number_problem(value: Decimal, most: Decimal, most_decimals: int) -> Wrong | None:
    """What is wrong with a number that is to be from zero to `most`. Zeros at the end are no decimals."""
    if not value.is_finite():
        return NOT_A_NUMBER
    if value < 0:
        return Wrong(DetailCode.NEGATIVE, "must not be negative")
    if value > most:
        return Wrong(DetailCode.TOO_LARGE, f"must be at most {most:f}")
    if decimals(value) > most_decimals:
        return Wrong(DetailCode.TOO_MANY_DECIMALS, f"may have up to {most_decimals} decimals")
    return None
