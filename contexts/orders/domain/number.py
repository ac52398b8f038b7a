"""What people call an order on the telephone, e.g. `P-4829-1673-7`: drawn by lot, so that it tells nothing.

Eight digits of chance and a check digit of Damm's, which finds every wrong digit and every two neighbours that were
exchanged: a number heard wrong is no number, not another order. Orders of before have `P-2026-000123`, which has more
digits, so none can be taken for the other without its dashes either. docs/adr/0019-order-numbers.md
"""

import re
from secrets import randbelow
from unicodedata import category, normalize

from stdnum import damm

_WRITTEN = re.compile(
    r"(?:PEDIDO)?(?:NO?)?P?(?:([0-9]{4})([0-9]{4})([0-9])|([0-9]{4})([0-9]{6,18}))", re.IGNORECASE
)
_PART = re.compile(r"P?([0-9]{3,22})", re.IGNORECASE)
_BETWEEN = ("P", "Z", "Cf")
"""Unicode's categories of what stands between digits and around a number that was pasted: punctuation with all its
dashes, spaces of any width, and what is not seen at all."""
_MINUS, _DEGREE = "\u2212", "\u00b0"
_LONGEST = 100


def order_number() -> str:
    """A number by lot. Another order may have it already, once in a hundred when there are a million."""
    chance = f"{randbelow(10**8):08}"
    return f"P-{chance[:4]}-{chance[4:]}-{damm.calc_check_digit(chance)}"


def read_order_number(text: str) -> str | None:
    """The number as it is kept, of what somebody wrote or pasted: `p 4829 1673-7`, `Pedido nº P–4829–1673–7,`.

    None: no order can have it.
    """
    if (written := _WRITTEN.fullmatch(_bare(text))) is None:
        return None
    first, second, check, year, serial = written.groups()
    if check is None:
        return f"P-{year}-{serial}"
    return f"P-{first}-{second}-{check}" if damm.is_valid(first + second + check) else None


def read_number_part(text: str) -> str | None:
    """The digits of what may be a part of a number, three at least: `4829-16` and `p 482` are. None: it is none."""
    part = _PART.fullmatch(_bare(text))
    return None if part is None else part[1]


def _bare(text: str) -> str:
    """Its letters and digits, the wide ones of other keyboards made ordinary; nothing of a text too long to be one."""
    if len(text) > _LONGEST:
        return ""
    return "".join(character for character in normalize("NFKC", text) if not _stands_between(character))


def _stands_between(character: str) -> bool:
    return character.isspace() or character in (_MINUS, _DEGREE) or category(character).startswith(_BETWEEN)
