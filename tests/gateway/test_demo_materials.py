"""The demo files keep what the first run promises: enough materials, honest units, prices at every level."""

import csv
import re
import unicodedata
from collections import Counter
from decimal import Decimal
from importlib.resources import files

DEMO = files("gateway.demo")
STATES = ("SP", "PA", "MG", "BA", "RS")
LISTED = ("national", *STATES)
PRICES = (*LISTED, "bulk_price", "sp_account")
COLUMNS = (
    *("sku", "name", "unit", "quantity_step", "category", "stock", "low_stock_at", "image"),
    *LISTED,
    *("bulk_from", "bulk_price", "sp_account"),
)
UNITS = {"SC", "KG", "M", "M2", "M3", "UN", "MIL", "BR", "CX", "L"}
PNG = b"\x89PNG\r\n\x1a\n"


def read(name: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """The rows by column name; a row that is too short or too long fails."""
    header, *rows = csv.reader(DEMO.joinpath(name).read_text("utf-8").splitlines(), strict=True)
    assert tuple(header) == columns
    return [dict(zip(columns, row, strict=True)) for row in rows]


CATEGORIES = read("categories.csv", ("slug", "name"))
MATERIALS = read("materials.csv", COLUMNS)


def slug(name: str) -> str:
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")


def repeated(values: list[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if times > 1]


def having(*columns: str) -> list[dict[str, str]]:
    return [row for row in MATERIALS if any(row[column] for column in columns)]


def test_a_shop_of_330_materials_on_at_least_19_shelves_none_of_them_empty() -> None:
    assert len(MATERIALS) >= 330
    assert len(CATEGORIES) >= 19
    assert {row["category"] for row in MATERIALS} == {category["slug"] for category in CATEGORIES}


def test_skus_names_and_slugs_are_unique() -> None:
    assert repeated([row["sku"] for row in MATERIALS]) == []
    assert repeated([slug(row["name"]) for row in MATERIALS]) == []
    assert repeated([category["slug"] for category in CATEGORIES]) == []
    assert repeated([category["name"] for category in CATEGORIES]) == []
    assert [row["sku"] for row in MATERIALS if not re.fullmatch(r"[A-Z]{3,4}-\d{4}", row["sku"])] == []
    assert [row["slug"] for row in CATEGORIES if row["slug"] != slug(row["slug"])] == []


def test_no_text_is_padded_or_missing() -> None:
    for row in (*MATERIALS, *CATEGORIES):
        assert all(value == value.strip() for value in row.values()), row
        assert row["name"], row


def test_every_unit_of_the_trade_is_used_and_no_other() -> None:
    assert {row["unit"] for row in MATERIALS} == UNITS


def test_one_unit_can_be_ordered_and_stock_is_whole_steps() -> None:
    for row in MATERIALS:
        step = Decimal(row["quantity_step"])
        stock, low = Decimal(row["stock"]), Decimal(row["low_stock_at"])
        assert step > 0 and 1 % step == 0, row
        assert stock >= 0 and stock % step == 0, row
        assert low > 0 and low % step == 0, row


def test_some_are_out_of_stock_some_low_and_the_first_cements_plentiful() -> None:
    on_hand = [(Decimal(row["stock"]), Decimal(row["low_stock_at"])) for row in MATERIALS]
    assert 3 <= sum(stock == 0 for stock, _ in on_hand) <= 10
    assert sum(0 < stock <= low for stock, low in on_hand) >= 5
    assert [row["category"] for row in MATERIALS[:3]] == ["cimento"] * 3
    assert all(stock >= 500 for stock, _ in on_hand[:3])


def test_every_price_is_positive_reais_with_at_most_four_decimals() -> None:
    for row in MATERIALS:
        for text in filter(None, (row[column] for column in PRICES)):
            assert re.fullmatch(r"\d+\.\d{2,4}", text), row
            assert Decimal(text) > 0, row


def test_prices_at_every_level_and_none_at_all_for_what_is_made_to_order() -> None:
    assert 0.9 * len(MATERIALS) <= len(having("national")) < len(MATERIALS)
    assert 0.4 * len(MATERIALS) <= len(having(*STATES)) <= 0.6 * len(MATERIALS)
    assert 25 <= len(having("sp_account")) <= 35
    assert len(MATERIALS) - len(having(*PRICES)) >= 5
    for row in having(*STATES):
        assert sum(bool(row[state]) for state in STATES) >= 2, row
    for state in STATES:
        assert len(having(state)) >= 50, state


def test_the_negotiated_price_is_mostly_cheaper_and_sometimes_dearer_than_the_sp_price() -> None:
    """Both ways, because the negotiated level wins even when it is dearer."""
    differences = [
        Decimal(row["sp_account"]) - Decimal(row["SP"] or row["national"]) for row in having("sp_account")
    ]
    assert sum(difference > 0 for difference in differences) in (1, 2)
    assert sum(difference < 0 for difference in differences) >= 25


def test_a_quantity_break_is_below_the_national_price_and_starts_above_one() -> None:
    breaks = having("bulk_from", "bulk_price")
    assert len(breaks) >= 30
    for row in breaks:
        assert Decimal(row["bulk_price"]) < Decimal(row["national"]), row
        assert Decimal(row["bulk_from"]) > 1, row
        assert Decimal(row["bulk_from"]) % Decimal(row["quantity_step"]) == 0, row


def test_freight_is_not_one_constant_factor() -> None:
    ratios = {
        round(Decimal(row["PA"]) / Decimal(row["national"]), 2)
        for row in MATERIALS
        if row["PA"] and row["national"]
    }
    assert len(ratios) >= 15
    assert min(ratios) < 1 < max(ratios)


def test_the_pictures_are_small_pngs_and_none_is_missing_or_unused() -> None:
    pictures = {file.name: file.read_bytes() for file in DEMO.joinpath("images").iterdir()}
    named = [row["image"] for row in having("image")]
    assert len(named) >= 60
    assert set(named) == pictures.keys()
    for name, content in pictures.items():
        assert content.startswith(PNG), name
        assert len(content) <= 6 * 1024, name
