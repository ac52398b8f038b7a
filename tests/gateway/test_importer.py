"""An import makes products that can be found and priced, once, and says what it did."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import openpyxl
import pytest

from contexts.catalog.api import Product, ProductDraft, StockStatus
from contexts.identity.api import AccountOpened, AccountStatus, Address
from contexts.orders.api import CartChanged, CheckOutCommand, Customer, Placed
from contexts.pricing.api import Line, Perspective, PriceSet, PriceSource, SetPriceCommand
from contexts.shared.adapters.database import Database
from contexts.shared.audit import SYSTEM
from gateway.bootstrap import bootstrap
from gateway.importer.run import ImportFailed, ImportOptions, ImportSummary, run_import
from gateway.settings import Settings
from resolvers.vocabulary.context import Contexts
from tests.actor import by

NOWHERE = "http://127.0.0.1:9"
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "sinapi-insumos-PA-2024-12.xlsx"
HEADER = ("CODIGO", "DESCRICAO DO INSUMO", "UNIDADE DE MEDIDA", "ORIGEM DO PRECO", "PRECO MEDIANO R$")
CEMENT = (901379.0, "CIMENTO PORTLAND CP II-32   ", "SC ", "C", 41.5)
SAND = (370.0, "AREIA MEDIA", "M3", "CR", 130.25)
MASON = (4750.0, "PEDREIRO (HORISTA)", "H", "C", 18.6)

Row = Sequence[object]


def quiet(line: str) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
async def contexts(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Contexts]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, database_url=database_url, s3_endpoint=NOWHERE, s3_key="x", s3_secret="x")
    async with bootstrap(settings) as parts:
        yield parts.contexts


def workbook(
    folder: Path,
    *rows: Row,
    name: str = "prices.xlsx",
    month: str | None = "12/2024",
    place: str | None = "0400 - BELEM",
    total: int | None = None,
) -> Path:
    """A small sheet as it is published."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    above = [["PRECOS DE INSUMOS"], [f"MES DE COLETA: {month}"] if month else [], []]
    above[2] = [f"LOCALIDADE: {place}"] if place else []
    total = len(rows) if total is None else total
    for row in (*above, HEADER, *rows, [], [f"TOTAL DE INSUMOS : {total}"]):
        sheet.append(list(row))
    book.save(folder / name)
    return folder / name


async def imported(contexts: Contexts, file: Path, options: ImportOptions | None = None) -> ImportSummary:
    outcome = await run_import(contexts, file, options or ImportOptions(), quiet)
    assert isinstance(outcome, ImportSummary), outcome
    return outcome


async def refused(contexts: Contexts, file: Path, options: ImportOptions | None = None) -> str:
    outcome = await run_import(contexts, file, options or ImportOptions(), quiet)
    assert isinstance(outcome, ImportFailed), outcome
    return outcome.reason


async def product(contexts: Contexts, sku: str) -> Product:
    return (await contexts.catalog.products.by_skus([sku], None))[sku]


async def price(
    contexts: Contexts, sku: str, state: str, quantity: str = "1", at: datetime | None = None
) -> str:
    line = Line((await product(contexts, sku)).id, Decimal(quantity))
    (found,) = await contexts.pricing.resolve(Perspective(None, state, None), [line], at)
    return "none" if found is None else f"{found.source.value} {found.unit_price.amount.normalize():f}"


async def test_goods_become_products_with_a_price_in_their_state_only(
    contexts: Contexts, tmp_path: Path
) -> None:
    summary = await imported(contexts, workbook(tmp_path, CEMENT, SAND, MASON))
    assert (summary.state, summary.rows, summary.goods, summary.labour) == ("PA", 3, 2, 1)
    assert (summary.created, summary.prices_written, summary.warnings) == (2, 2, ())
    cement = await product(contexts, "SINAPI-00901379")
    assert (cement.name, cement.unit, cement.category.slug) == ("CIMENTO PORTLAND CP II-32", "SC", "cimento")
    assert cement.availability.available == 1000
    assert await price(contexts, cement.sku, "PA") == "STATE 41.5"
    assert await price(contexts, cement.sku, "SP") == "none"
    assert await price(contexts, "SINAPI-00000370", "PA", quantity="0.1") == "STATE 130.25"


async def test_a_buyer_in_the_state_orders_them(contexts: Contexts, tmp_path: Path) -> None:
    await imported(contexts, workbook(tmp_path, CEMENT, SAND))
    opened = await contexts.identity.open_account(
        legal_name="Construtora do Pará Ltda.",
        cnpj="11222333000181",
        address=Address("Rua Um", "1", "Centro", "Belém", "PA", "66000000"),
        status=AccountStatus.APPROVED,
    )
    assert isinstance(opened, AccountOpened)
    customer = Customer(account_id=opened.account.id, user_id=opened.account.id)
    now = datetime.now(UTC)
    await contexts.orders.set_cart_line(customer, "SINAPI-00901379", Decimal(3), now)
    changed = await contexts.orders.set_cart_line(customer, "SINAPI-00000370", Decimal("0.1"), now)
    assert isinstance(changed, CartChanged) and changed.cart is not None
    placed = await contexts.orders.check_out(
        customer, CheckOutCommand("key-1", changed.cart.cart.version, Decimal("137.52"))
    )
    assert isinstance(placed, Placed), placed
    assert [line.line_total.amount for line in placed.order.lines] == [Decimal("124.50"), Decimal("13.02")]


async def test_the_prices_hold_from_the_first_day_of_the_month_by_the_clocks_of_brasilia(
    contexts: Contexts, tmp_path: Path
) -> None:
    await imported(contexts, workbook(tmp_path, CEMENT))
    sku = "SINAPI-00901379"
    assert await price(contexts, sku, "PA", at=datetime(2024, 12, 1, 3, 0, tzinfo=UTC)) == "STATE 41.5"
    assert await price(contexts, sku, "PA", at=datetime(2024, 12, 1, 2, 59, tzinfo=UTC)) == "none"


async def test_importing_again_changes_nothing(contexts: Contexts, tmp_path: Path) -> None:
    file = workbook(tmp_path, (7001.0, "TIJOLO", "MIL", "C", 900.0), (7002.0, "CAL", "KG", "C", 1.1))
    await imported(contexts, file, ImportOptions(stock=Decimal(5)))
    again = await imported(contexts, file, ImportOptions(stock=Decimal(77)))
    assert (again.created, again.updated, again.unchanged) == (0, 0, 2)
    assert (again.prices_written, again.prices_unchanged) == (0, 2)
    assert (await product(contexts, "SINAPI-00007001")).availability.available == 5


async def test_the_next_month_supersedes_and_an_older_one_does_not(
    contexts: Contexts, tmp_path: Path
) -> None:
    sku, row = "SINAPI-00007100", (7100.0, "PREGO", "KG", "C")
    await imported(contexts, workbook(tmp_path, (*row, 10.0), month="11/2024"))
    newer = await imported(contexts, workbook(tmp_path, (*row, 12.0), month="01/2025"))
    assert (newer.unchanged, newer.prices_written) == (1, 1)
    await imported(contexts, workbook(tmp_path, (*row, 11.0), month="12/2024"))
    assert await price(contexts, sku, "PA") == "STATE 12"
    assert await price(contexts, sku, "PA", at=datetime(2024, 12, 15, tzinfo=UTC)) == "STATE 11"
    assert await price(contexts, sku, "PA", at=datetime(2024, 11, 15, tzinfo=UTC)) == "STATE 10"


async def test_a_changed_description_updates_the_product_and_keeps_its_stock(
    contexts: Contexts, tmp_path: Path
) -> None:
    await imported(contexts, workbook(tmp_path, (7200.0, "PREGO 17 X 21", "KG", "C", 10.0)))
    file = workbook(tmp_path, (7200.0, "PREGO 18 X 27", "KG", "C", 10.0))
    changed = await imported(contexts, file, ImportOptions(stock=Decimal(77)))
    assert (changed.created, changed.updated, changed.unchanged) == (0, 1, 0)
    nail = await product(contexts, "SINAPI-00007200")
    assert (nail.name, nail.availability.available) == ("PREGO 18 X 27", Decimal(1000))


async def test_a_changed_description_keeps_from_when_on_the_stock_is_low(
    contexts: Contexts, tmp_path: Path
) -> None:
    known = ProductDraft(
        "SINAPI-00007250", "PREGO", "KG", Decimal(1), "ferragens", "Ferragens", Decimal(50), Decimal(80)
    )
    await contexts.catalog.publish([known], SYSTEM)
    await imported(contexts, workbook(tmp_path, (7250.0, "PREGO 18 X 27", "KG", "C", 10.0)))
    nail = await product(contexts, known.sku)
    assert (nail.name, nail.availability.status) == ("PREGO 18 X 27", StockStatus.LOW_STOCK)


async def test_what_is_rejected_and_doubtful_is_said(contexts: Contexts, tmp_path: Path) -> None:
    file = workbook(
        tmp_path, (7300.0, "BROCA", "UN", "C", 3.0), (7301.0, "BROCA", "DUZIA", "C", 3.0), total=9
    )
    summary = await imported(contexts, file, ImportOptions(state="sp"))
    text = str(summary)
    assert "Prices for SP, valid from 2024-12-01" in text
    assert "rejected row 6: unit 'DUZIA' is unknown" in text
    assert "the sheet says that it has 9 rows, but 2 were found" in text
    assert "the sheet's place is in PA, its prices were loaded for SP" in text


async def test_without_a_month_prices_hold_from_now_on(contexts: Contexts, tmp_path: Path) -> None:
    before = datetime.now(UTC)
    summary = await imported(contexts, workbook(tmp_path, (7400.0, "LIXA", "UN", "C", 3.0), month=None))
    assert summary.valid_from >= before
    assert "does not tell its month" in str(summary)


async def test_the_state_may_come_from_the_file_name(contexts: Contexts, tmp_path: Path) -> None:
    row = (7500.0, "LIXA", "UN", "C", 3.0)
    named = workbook(tmp_path, row, name="sinapi-insumos-BA-2024-12.xlsx", place=None)
    assert (await imported(contexts, named)).state == "BA"
    for name in ("prices.xlsx", "PA-ou-AP.xlsx"):
        assert "Say it, e.g. --state PA" in await refused(
            contexts, workbook(tmp_path, row, name=name, place=None)
        )
    assert "not a state" in await refused(contexts, named, ImportOptions(state="XX"))


async def test_one_category_for_all_must_be_there(contexts: Contexts, tmp_path: Path) -> None:
    await imported(contexts, workbook(tmp_path, CEMENT))
    file = workbook(tmp_path, (7600.0, "LIXA", "UN", "C", 3.0))
    await imported(contexts, file, ImportOptions(category="cimento"))
    assert (await product(contexts, "SINAPI-00007600")).category.slug == "cimento"
    assert "There is no category 'cement'" in await refused(contexts, file, ImportOptions(category="cement"))


async def test_what_the_catalog_refuses_imports_nothing(contexts: Contexts, tmp_path: Path) -> None:
    file = workbook(tmp_path, (7700.0, "LIXA", "UN", "C", 3.0), (7701.0, "LIXA " * 200, "UN", "C", 3.0))
    assert "row 6: name" in await refused(contexts, file)
    assert await contexts.catalog.products.by_skus(["SINAPI-00007700"], None) == {}


async def test_a_file_that_is_no_price_sheet_imports_nothing(contexts: Contexts, tmp_path: Path) -> None:
    assert "No such file" in await refused(contexts, tmp_path / "absent.xlsx")
    book = openpyxl.Workbook()
    book.save(tmp_path / "empty.xlsx")
    assert "no row with the titles" in await refused(contexts, tmp_path / "empty.xlsx")
    assert "all are labour" in await refused(contexts, workbook(tmp_path, MASON))
    assert "the table is empty" in await refused(contexts, workbook(tmp_path))


async def test_a_row_that_changes_the_unit_of_what_has_prices_is_rejected_and_the_others_are_imported(
    contexts: Contexts, tmp_path: Path
) -> None:
    """0.80 a kilogram is not 0.80 a bag of 25 kg."""
    await imported(
        contexts, workbook(tmp_path, (907800.0, "CAL", "KG", "C", 0.8), (907801.0, "GESSO", "KG", "C", 1.0))
    )
    later = workbook(
        tmp_path,
        (907800.0, "CAL HIDRATADA", "SC25KG", "C", 20.0),
        (907801.0, "GESSO LISO", "KG", "C", 1.1),
        (907802.0, "AREIA", "M3", "C", 90.0),
        month="01/2025",
    )
    summary = await imported(contexts, later)
    assert (summary.rows, summary.goods, len(summary.rejects)) == (3, 2, 1)
    assert (summary.created, summary.updated, summary.unchanged, summary.prices_written) == (1, 1, 0, 2)
    assert (
        "rejected row 5: SINAPI-00907800 cannot go from KG to SC while it has stock and prices;"
        " sell it so under a new sku, or keep it as it is"
    ) in str(summary)
    lime = await product(contexts, "SINAPI-00907800")
    assert (lime.name, lime.unit, lime.quantity_step) == ("CAL", "KG", Decimal("0.1"))
    assert await price(contexts, lime.sku, "PA") == "STATE 0.8"
    assert await price(contexts, "SINAPI-00907801", "PA") == "STATE 1.1"
    assert await price(contexts, "SINAPI-00907802", "PA") == "STATE 90"
    again = await imported(contexts, later)
    assert (again.unchanged, again.prices_unchanged, len(again.rejects)) == (2, 2, 1)


async def test_a_sheet_and_a_single_price_are_for_one_key(contexts: Contexts, tmp_path: Path) -> None:
    """Sold by the tenth: a price set without a minimum quantity is found below one, and the next sheet replaces it."""
    sku, row = "SINAPI-00907900", (907900.0, "CAL", "KG", "C")
    await imported(contexts, workbook(tmp_path, (*row, 0.8), month="11/2024"))
    february = datetime(2025, 2, 1, 12, tzinfo=UTC)
    outcome = await contexts.pricing.set_price(
        SetPriceCommand(
            sku, PriceSource.STATE, None, "PA", None, None, Decimal("0.9"), february, None, by(UUID(int=9))
        )
    )
    assert isinstance(outcome, PriceSet)
    assert [await price(contexts, sku, "PA", quantity) for quantity in ("0.1", "1", "10")] == [
        "STATE 0.9"
    ] * 3
    await imported(contexts, workbook(tmp_path, (*row, 0.7), month="03/2025"))
    assert [await price(contexts, sku, "PA", quantity) for quantity in ("0.1", "1", "10")] == [
        "STATE 0.7"
    ] * 3


@pytest.mark.skipif(
    not PUBLISHED.exists(), reason="the published sheet ../shared/data is not on this machine"
)
async def test_the_published_sheet_of_para(contexts: Contexts, database: Database) -> None:
    summary = await imported(contexts, PUBLISHED)
    assert (summary.state, summary.rows, summary.goods, summary.labour) == ("PA", 4839, 4582, 257)
    assert (summary.rejects, summary.warnings) == ((), ())
    assert summary.created + summary.updated + summary.unchanged == 4582
    assert await price(contexts, "SINAPI-00011270", "PA") == f"{PriceSource.STATE.value} 2.88"
    again = await imported(contexts, PUBLISHED)
    assert (again.unchanged, again.prices_unchanged) == (4582, 4582)
