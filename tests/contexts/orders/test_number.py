"""Order numbers: what they tell (nothing), and what of them may be heard or written wrong."""

from collections.abc import Iterator
from unicodedata import category

import pytest

from contexts.orders.domain.number import order_number, read_number_part, read_order_number

MANY = 20_000
WIDE = "".join(chr(ord(character) + 0xFEE0) for character in "P-4829-1673-7")
"""As an East Asian keyboard writes it."""
DASHES = [chr(code) for code in range(0x11000) if category(chr(code)) == "Pd"] + ["\u2212", "\u00ad"]
SPACES = [chr(code) for code in range(0x11000) if chr(code).isspace() and code not in range(0x1C, 0x20)]
SPACES += ["\u200b", "\u2060", "\ufeff", "\u200e"]
"""As mails and word processors put them between: of any width, and of none."""


def digits(number: str) -> str:
    return number.removeprefix("P-").replace("-", "")


def test_a_number_has_the_form_it_is_kept_in() -> None:
    number = order_number()
    assert [len(group) for group in number.split("-")] == [1, 4, 4, 1]
    assert read_order_number(number) == number


def test_a_number_tells_nothing_of_the_one_before() -> None:
    """No correlation of number and place in the row, none of number and next number, no digit that is preferred."""
    drawn = [int(digits(order_number())[:8]) / 10**8 - 0.5 for _ in range(MANY)]
    places = [index / MANY - 0.5 for index in range(MANY)]
    for others in (places, [*drawn[1:], drawn[0]]):
        correlation = sum(a * b for a, b in zip(drawn, others, strict=True)) * 12 / MANY
        assert abs(correlation) < 0.04  # 5.6 standard deviations: by chance once in 10^7 runs
    for place in range(8):
        seen = [0] * 10
        for each in drawn:
            seen[int((each + 0.5) * 10 ** (place + 1)) % 10] += 1
        assert all(1_700 < count < 2_300 for count in seen)  # seven standard deviations


def heard_wrong(spoken: str) -> Iterator[str]:
    """Every text with one other digit, or with two neighbours exchanged."""
    for index, digit in enumerate(spoken):
        for other in "0123456789":
            if other != digit:
                yield spoken[:index] + other + spoken[index + 1 :]
        if index and digit != spoken[index - 1]:
            yield spoken[: index - 1] + digit + spoken[index - 1] + spoken[index + 1 :]


def test_one_wrong_digit_or_two_exchanged_are_found() -> None:
    for _ in range(500):
        wrong = list(heard_wrong(digits(order_number())))
        assert len(wrong) >= 81
        assert [text for text in wrong if read_order_number(f"P{text}") is not None] == []


@pytest.mark.parametrize(
    "written",
    [
        "P-4829-1673-7",
        "p482916737",
        " p 4829 1673 7 ",
        "P.4829.1673-7",
        "P/4829/1673/7",
        "P_4829_1673_7",
        *(f"P{dash}4829{dash}1673{dash}7" for dash in DASHES),
        *(f"{space}P-4829{space}1673{space}7{space}" for space in SPACES),
        WIDE,
        "P-4829-1673-7\r\n",
        "(P-4829-1673-7)",
        "\u201cP-4829-1673-7\u201d,",
        "Pedido P-4829-1673-7.",
        "pedido n\u00ba P-4829-1673-7",
        "PEDIDO N\u00b0: P-4829-1673-7",
        "#P-4829-1673-7",
        "4829-1673-7",
        "pedido 482916737",
    ],
)
def test_as_people_write_it(written: str) -> None:
    assert read_order_number(written) == "P-4829-1673-7"


@pytest.mark.parametrize("written", ["P-2026-000123", "p2026000123", "p 2026 000 123"])
def test_numbers_of_before_stay(written: str) -> None:
    assert read_order_number(written) == "P-2026-000123"


def test_a_number_of_before_is_never_one_of_now() -> None:
    """Without dashes too: the old ones have ten digits and more."""
    assert {read_order_number(f"P2026{serial:06}") for serial in range(0, 10**6, 997)} == {
        f"P-2026-{serial:06}" for serial in range(0, 10**6, 997)
    }


@pytest.mark.parametrize(
    "written",
    [
        "",
        "P",
        "4829-1673",
        "P-4829-1673-8",
        "P-4829-1673",
        "P-\u0664829-1673-7",
        "P-" + "1" * 99,
        "P-4829-\x001673-7",
        "P-4829-1673-7 " * 10_000,
        "pedido",
    ],
)
def test_what_is_no_number(written: str) -> None:
    assert read_order_number(written) is None


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("4829", "4829"),
        ("p-4829-16", "482916"),
        ("16\u20117\u00a03", "1673"),
        ("\uff14\uff18\uff12", "482"),
        ("P-2026-000123", "2026000123"),
        ("48", None),
        ("cimento", None),
        ("Obra 482", None),
        ("", None),
        ("4" * 23, None),
        ("4 " * 50_000, None),
    ],
)
def test_part_of_a_number(written: str, digits: str | None) -> None:
    assert read_number_part(written) == digits
