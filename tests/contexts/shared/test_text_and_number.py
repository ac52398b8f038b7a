"""What can be wrong with a text or a number, judged in one place."""

from decimal import Decimal

import pytest

from contexts.shared.codes import DetailCode
from contexts.shared.number import number_problem
from contexts.shared.rejections import Wrong
from contexts.shared.text import MAX_KEY, key_problem, one_line, several_lines


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", DetailCode.REQUIRED),
        (" \t\n", DetailCode.REQUIRED),
        ("sixsix", DetailCode.TOO_LONG),
        ("a\0b", DetailCode.INVALID_CHARACTER),
        ("a\x07b", DetailCode.INVALID_CHARACTER),
        ("a\ud800", DetailCode.INVALID_CHARACTER),
    ],
)
def test_a_text_that_cannot_be_kept(text: str, code: DetailCode) -> None:
    for kept in (one_line(text, 5), several_lines(text, 5)):
        assert isinstance(kept, Wrong)
        assert kept.code is code


def test_a_text_is_kept_trimmed() -> None:
    assert one_line("  Construtora São João Ltda. ", 40) == "Construtora São João Ltda."
    assert several_lines(" Falta o contrato.  \r\n\tE a placa. \n", 40) == "Falta o contrato.\n\tE a placa."
    broken = one_line("a\nb", 5)
    assert isinstance(broken, Wrong)
    assert broken.code is DetailCode.INVALID_CHARACTER


def test_a_key_is_taken_as_it_is() -> None:
    assert key_problem(" a ") is key_problem("k" * MAX_KEY) is None
    wrong = [key_problem(key) for key in (" ", "k" * (MAX_KEY + 1), "a\nb")]
    assert [each and each.code for each in wrong] == ["REQUIRED", "TOO_LONG", "INVALID_CHARACTER"]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("NaN", DetailCode.NOT_A_NUMBER),
        ("sNaN", DetailCode.NOT_A_NUMBER),
        ("-Infinity", DetailCode.NOT_A_NUMBER),
        ("-0.1", DetailCode.NEGATIVE),
        ("10.01", DetailCode.TOO_LARGE),
        ("1.001", DetailCode.TOO_MANY_DECIMALS),
        ("0." + "0" * 40 + "1", DetailCode.TOO_MANY_DECIMALS),
    ],
)
def test_a_number_that_cannot_be_kept(number: str, code: DetailCode) -> None:
    wrong = number_problem(Decimal(number), Decimal(10), 2)
    assert wrong is not None
    assert wrong.code is code


def test_a_number_that_can_be_kept() -> None:
    for number in ("0", "-0", "10", "10.00", "1.2300", "1E+1"):
        assert number_problem(Decimal(number), Decimal(10), 2) is None
