"""What makes two inputs the same, and a key acceptable."""

from decimal import Decimal

import pytest

from contexts.orders.use_cases.idempotency import fingerprint, malformed_key


def test_equal_numbers_are_the_same_input() -> None:
    assert fingerprint("a", total=Decimal("10.5")) == fingerprint("a", total=Decimal("10.500"))
    assert fingerprint("a", total=Decimal("0")) == fingerprint("a", total=Decimal("-0.00"))
    assert fingerprint("a", total=Decimal("100")) == fingerprint("a", total=Decimal("1E+2"))


def test_anything_else_is_another_input() -> None:
    prints = {
        fingerprint("a", total=Decimal("10.5")),
        fingerprint("b", total=Decimal("10.5")),
        fingerprint("a", total=Decimal("10.51")),
        fingerprint("a", total=None),
        fingerprint("a", total=""),
        fingerprint("a", version=1),
        fingerprint("a", version=1, total=Decimal("10.5")),
    }
    assert len(prints) == 7


@pytest.mark.parametrize("key", ["", " ", "   ", "x" * 129, "a\0b", "a\nb", "\ud800"])
def test_malformed_keys(key: str) -> None:
    rejection = malformed_key(key)
    assert rejection is not None
    assert rejection.details[0].path == ("input", "idempotencyKey")


@pytest.mark.parametrize("key", ["x", " x ", "x" * 128, "pedido da Conceição 1"])
def test_good_keys(key: str) -> None:
    assert malformed_key(key) is None
