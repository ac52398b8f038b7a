"""What people call an order on the telephone, e.g. `P-4829-1673-7`: drawn by lot, so that it tells nothing.

Eight digits of chance and a check digit of Damm's, which finds every wrong digit and every two neighbours that were
exchanged: a number heard wrong is no number, not another order. Orders of before have `P-2026-000123`, which has more
digits, so none can be taken for the other without its dashes either. docs/adr/0019-order-numbers.md
"""

import re
from secrets import randbelow

from stdnum import damm

_WRITTEN = re.compile(r"P(?:([0-9]{4})([0-9]{4})([0-9])|([0-9]{4})([0-9]{6,18}))", re.IGNORECASE)
_BETWEEN = str.maketrans("", "", " -./\u00a0\u2010\u2011\u2012\u2013\u2014\u2212")
"""What people, and their keyboards, write between the digits."""
_LONGEST = 50


def order_number() -> str:
    """A number by lot. Another order may have it already, once in a hundred when there are a million."""
    chance = f"{randbelow(10**8):08}"
    return f"P-{chance[:4]}-{chance[4:]}-{damm.calc_check_digit(chance)}"


def read_order_number(text: str) -> str | None:
    """The number as it is kept, of what somebody wrote: `p 4829 1673-7`. None: no order can have it."""
    if len(text) > _LONGEST or (written := _WRITTEN.fullmatch(text.translate(_BETWEEN))) is None:
        return None
    first, second, check, year, serial = written.groups()
    if check is None:
        return f"P-{year}-{serial}"
    return f"P-{first}-{second}-{check}" if damm.is_valid(first + second + check) else None
