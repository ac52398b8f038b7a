"""The demo shop's materials, from the data files in gateway/demo."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files

STATES = ("SP", "PA", "MG", "BA", "RS")
FILES = files("gateway.demo")


@dataclass(frozen=True, slots=True)
class Material:
    """A product of the demo shop. Prices are in BRL for one `unit`; what has none at all is made to order.

    `image` is a file in gateway/demo/images. `bulk` is (from which quantity on, price).
    """

    sku: str
    name: str
    unit: str
    quantity_step: Decimal
    category_slug: str
    category_name: str
    stock: Decimal
    low_stock_at: Decimal
    image: str | None
    national: Decimal | None
    states: Mapping[str, Decimal]
    bulk: tuple[Decimal, Decimal] | None
    sp_account: Decimal | None


def read_materials() -> list[Material]:
    """All of them, in the order of the shelves, which is the order that new categories are shown in."""
    shelves = {row["slug"]: row["name"] for row in _rows("categories.csv")}
    order = {slug: place for place, slug in enumerate(shelves)}
    materials = [_material(row, shelves[row["category"]]) for row in _rows("materials.csv")]
    return sorted(materials, key=lambda material: order[material.category_slug])


def _material(row: Mapping[str, str], category_name: str) -> Material:
    prices = {column: Decimal(row[column]) for column in ("national", *STATES, "sp_account") if row[column]}
    return Material(
        sku=row["sku"],
        name=row["name"],
        unit=row["unit"],
        quantity_step=Decimal(row["quantity_step"]),
        category_slug=row["category"],
        category_name=category_name,
        stock=Decimal(row["stock"]),
        low_stock_at=Decimal(row["low_stock_at"]),
        image=row["image"] or None,
        national=prices.get("national"),
        states={state: prices[state] for state in STATES if state in prices},
        bulk=(Decimal(row["bulk_from"]), Decimal(row["bulk_price"])) if row["bulk_from"] else None,
        sp_account=prices.get("sp_account"),
    )


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(FILES.joinpath(name).read_text("utf-8").splitlines(), strict=True))
