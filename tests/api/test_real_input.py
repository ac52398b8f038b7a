"""A published price spreadsheet, imported as it is: its goods are found, priced and ordered by the PA buyer."""

from pathlib import Path
from uuid import uuid4

import pytest

from gateway.importer.run import ImportOptions, ImportSummary, run_import
from gateway.settings import Settings
from gateway.wiring import wired
from tests.api.shop import PA, SP, Shop

SHEET = Path(__file__).parents[3] / "shared" / "data" / "sinapi-insumos-PA-2024-12.xlsx"
pytestmark = pytest.mark.skipif(not SHEET.exists(), reason=f"the real price sheet is not at {SHEET}")


@pytest.fixture(scope="module")
async def imported(settings: Settings) -> ImportSummary:
    async with wired(settings) as parts:
        summary = await run_import(parts.contexts, SHEET, ImportOptions(), lambda line: None)
    assert isinstance(summary, ImportSummary), summary
    return summary


async def test_every_row_is_accounted_for(imported: ImportSummary) -> None:
    assert imported.rows == 4839
    assert imported.rows == imported.goods + imported.labour + len(imported.rejects)
    assert imported.labour == 257  # 130 rows by the hour, 127 by the month
    assert imported.goods > 4500
    assert imported.created == imported.goods == imported.prices_written
    assert imported.state == "PA"


async def test_the_pa_buyer_finds_sees_and_orders_them(shop: Shop, imported: ImportSummary) -> None:
    search = {"first": 50, "filter": {"search": "abracadeira nylon 230"}}
    found = (await shop.operation("portal/Products", search, PA)).data["products"]["nodes"]
    tie = next(node for node in found if node["sku"].endswith("00412"))
    assert tie["name"] == "ABRACADEIRA DE NYLON PARA AMARRACAO DE CABOS, COMPRIMENTO DE *230* X *7,6* MM"
    assert tie["price"] == {"unitPrice": {"amount": "1.38", "currency": "BRL"}, "source": "STATE"}
    elsewhere = (await shop.operation("portal/Products", search, SP)).data["products"]["nodes"]
    assert {node["price"] for node in elsewhere} == {None}

    line = {"sku": tie["sku"], "quantity": "100"}
    cart = (await shop.operation("portal/SetCartLine", {"input": line}, PA)).done("cartLineSet")
    placing = {"idempotencyKey": uuid4().hex, "cartVersion": cart["version"], "expectedTotal": "138.00"}
    order = (await shop.operation("portal/CheckOut", {"input": placing}, PA)).done("cartCheckout")
    assert (order["total"]["amount"], order["lines"][0]["priceSource"]) == ("138.00", "STATE")


async def test_the_listing_stays_three_statements(shop: Shop, imported: ImportSummary) -> None:
    for arguments in ({"sort": "PRICE_DESC"}, {"sort": "NAME"}, {"filter": {"search": "tubo pvc"}}):
        answer = await shop.operation("portal/Products", {"first": 100, **arguments}, PA)
        assert len(answer.data["products"]["nodes"]) == 100
        assert answer.statements == 3


async def test_again_changes_nothing(settings: Settings, imported: ImportSummary) -> None:
    async with wired(settings) as parts:
        again = await run_import(parts.contexts, SHEET, ImportOptions(), lambda line: None)
    assert isinstance(again, ImportSummary)
    assert (again.created, again.updated, again.prices_written) == (0, 0, 0)
    assert again.prices_unchanged == imported.goods
