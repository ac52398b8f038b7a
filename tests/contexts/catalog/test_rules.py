"""The catalog's rules, without a database."""

from decimal import Decimal

import pytest

from contexts.catalog.domain.images import is_image_key
from contexts.catalog.domain.product import StockStatus, availability
from contexts.catalog.domain.search import search_text
from contexts.catalog.domain.slugs import distinct_slugs, kebab, slug_of


@pytest.mark.parametrize(
    ("on_hand", "reserved", "low_stock_at", "status"),
    [
        ("10", "0", "5", StockStatus.IN_STOCK),
        ("10", "5", "5", StockStatus.LOW_STOCK),
        ("10", "9.999", "0", StockStatus.IN_STOCK),
        ("10", "10", "5", StockStatus.OUT_OF_STOCK),
        ("0", "0", "0", StockStatus.OUT_OF_STOCK),
    ],
)
def test_availability_is_what_nobody_holds(
    on_hand: str, reserved: str, low_stock_at: str, status: StockStatus
) -> None:
    found = availability(Decimal(on_hand), Decimal(reserved), Decimal(low_stock_at))
    assert found.status is status
    assert found.available == Decimal(on_hand) - Decimal(reserved)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Cimento CP II-E-32, 50 kg", "cimento-cp-ii-e-32-50-kg"),
        ('Vergalhão CA-50 3/8"', "vergalhao-ca-50-3-8"),
        ("  Água & Ção ½ m² ", "agua-cao-12-m2"),
        ("水泥", ""),
    ],
)
def test_kebab_is_ascii(text: str, slug: str) -> None:
    assert kebab(text) == slug


def test_a_slug_is_the_name_cut_at_a_word_and_the_sku() -> None:
    assert slug_of("Areia média", "ARE 001") == "areia-media-are-001"
    long = slug_of("tubo " * 100, "T-1")
    assert long == "-".join(["tubo"] * 16) + "-t-1"
    assert slug_of("x" * 300, "T-1") == "x" * 80 + "-t-1"


def test_no_two_skus_come_to_one_slug() -> None:
    names = [("A b", "c"), ("A", "B-C"), ("A", "b.c"), ("水", "水"), ("泥", "泥")]
    slugs = distinct_slugs(names, taken={})
    assert len(set(slugs.values())) == len(names)
    assert slugs["c"] == "a-b-c"
    # The slug of another sku is not taken away from it, one's own is kept.
    assert distinct_slugs([("A b", "c")], taken={"a-b-c": "B-C"})["c"] != "a-b-c"
    assert distinct_slugs([("A b", "c")], taken={"a-b-c": "c"})["c"] == "a-b-c"


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (None, None),
        ("", None),
        (" \t\n ", None),
        ("\0", None),
        ("\ud800", None),
        (" cim\0ento\ud800 ", "cim ento"),
        ("!!!", "!!!"),
        ("x" * 10_000, "x" * 200),
    ],
)
def test_what_was_typed_is_made_fit_to_search(typed: str | None, text: str | None) -> None:
    assert search_text(typed) == text


@pytest.mark.parametrize("key", ["products/cim-001.png", "products/a", "products/A_b/c.d.webp"])
def test_plain_image_keys(key: str) -> None:
    assert is_image_key(key)


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.hidden", "a b", "a\0", "á", "a\n", "x" * 504, "a?b"]
)
def test_keys_that_climb_or_surprise_are_no_image_keys(key: str) -> None:
    assert not is_image_key(f"products/{key}")


@pytest.mark.parametrize(
    "key", ["a.png", "invoices/a.pdf", "products", "products.png", "/products/a", "a/products/b"]
)
def test_only_what_lies_below_products_is_an_image(key: str) -> None:
    assert not is_image_key(key)
