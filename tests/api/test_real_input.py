"""A published price spreadsheet, imported as it is: its goods are found, priced and ordered by the PA buyer."""

from pathlib import Path
from uuid import uuid4

import pytest

from gateway.bootstrap import bootstrap
from gateway.importer.run import ImportOptions, ImportSummary, run_import
from gateway.settings import Settings
from tests.api.shop import PA, SP, Shop, nodes_of
from tests.price_sheet import ROWS, write

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "sinapi-insumos-PA-2024-12.xlsx"


async def run(settings: Settings, file: Path) -> ImportSummary:
    async with bootstrap(settings, store=False, listening=False) as parts:
        summary = await run_import(parts.contexts, file, ImportOptions(), lambda line: None)
    assert isinstance(summary, ImportSummary), summary
    return summary


@pytest.fixture(scope="module")
def sheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty rows of the published sheet: enough to meet all that is odd about it, on every machine."""
    return write(tmp_path_factory.mktemp("sheet") / "sinapi-insumos-PA-2024-12.xlsx")


@pytest.fixture(scope="module")
async def imported(settings: Settings, sheet: Path) -> ImportSummary:
    return await run(settings, sheet)


async def test_every_row_is_accounted_for(imported: ImportSummary) -> None:
    labour = sum(unit in {"H", "MES"} for _, _, unit, _, _ in ROWS)
    assert (imported.rows, imported.goods, imported.labour) == (len(ROWS), len(ROWS) - labour, labour)
    assert (imported.rejects, imported.warnings) == ((), ())
    assert imported.created == imported.goods == imported.prices_written
    assert imported.state == "PA"


async def test_the_pa_buyer_finds_sees_and_orders_them(shop: Shop, imported: ImportSummary) -> None:
    search = {"first": 50, "filter": {"search": "abracadeira nylon 230"}}
    found = nodes_of((await shop.operation("portal/Products", search, PA)).data["products"])
    tie = next(node for node in found if node["sku"].endswith("00412"))
    assert tie["name"] == "ABRACADEIRA DE NYLON PARA AMARRACAO DE CABOS, COMPRIMENTO DE *230* X *7,6* MM"
    assert tie["price"] == {"unitPrice": {"amount": "1.38", "currency": "BRL"}, "source": "STATE"}
    elsewhere = nodes_of((await shop.operation("portal/Products", search, SP)).data["products"])
    assert {node["price"] for node in elsewhere} == {None}

    line = {"sku": tie["sku"], "quantity": "100"}
    cart = (await shop.operation("portal/SetCartLine", {"input": line}, PA)).done("cartLineSet")
    placing = {"idempotencyKey": uuid4().hex, "cartVersion": cart["version"], "expectedTotal": "138.00"}
    order = (await shop.operation("portal/CheckOut", {"input": placing}, PA)).done("cartCheckout")
    assert (order["total"]["amount"], order["lines"][0]["priceSource"]) == ("138.00", "STATE")


async def test_again_changes_nothing(settings: Settings, sheet: Path, imported: ImportSummary) -> None:
    again = await run(settings, sheet)
    assert (again.created, again.updated, again.prices_written) == (0, 0, 0)
    assert again.prices_unchanged == imported.goods


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"the whole price sheet is not at {PUBLISHED}")
async def test_the_whole_sheet(settings: Settings, shop: Shop, imported: ImportSummary) -> None:
    whole = await run(settings, PUBLISHED)
    assert (whole.rows, whole.goods, whole.labour, whole.rejects) == (4839, 4582, 257, ())
    # The rows of the cut sheet are rows of this one, to the letter.
    assert (whole.created, whole.updated, whole.unchanged) == (4582 - imported.goods, 0, imported.goods)
    assert (whole.prices_written, whole.prices_unchanged) == (whole.created, whole.unchanged)
    for arguments in ({"sort": "PRICE_DESC"}, {"sort": "NAME"}, {"filter": {"search": "tubo pvc"}}):
        answer = await shop.operation("portal/Products", {"first": 100, **arguments}, PA)
        assert len(nodes_of(answer.data["products"])) == 100
        assert answer.statements == 3
