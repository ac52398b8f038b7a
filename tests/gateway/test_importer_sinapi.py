"""Reading a price sheet as it is published: what its cells mean, and what is reported instead of guessed."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.importer.shelves import LABOUR, OTHERS, Shelf, shelf_of
from gateway.importer.sinapi import Good, NoTable, Sheet, parse
from gateway.importer.spreadsheet import Unreadable, read_worksheets
from gateway.seed.materials import read_materials

REPOSITORY = Path(__file__).parents[2]
PUBLISHED = REPOSITORY.parent / "shared" / "data" / "sinapi-insumos-PA-2024-12.xlsx"

TITLES: list[list[object]] = [
    ["        PRECOS DE INSUMOS - BANCO NACIONAL", "", "", "", ""],
    ["MES DE COLETA: 12/2024", "", "", "", ""],
    ["LOCALIDADE: 0400 - BELEM", "", "", "", ""],
    ["", "", "", "", ""],
]
HEADER = ["CODIGO  ", "DESCRICAO DO INSUMO", "UNIDADE DE MEDIDA", "ORIGEM DO PRECO", "PRECO MEDIANO R$"]
CEMENT: list[object] = [1379.0, "CIMENTO  PORTLAND COMPOSTO CP II-32     ", "KG    ", "C ", 0.83]


def read(
    *rows: Sequence[object],
    header: Sequence[object] = HEADER,
    labour: bool = False,
    shelf: Shelf | None = None,
) -> Sheet:
    sheet = parse([*TITLES, list(header), *rows], labour=labour, shelf=shelf)
    assert isinstance(sheet, Sheet)
    return sheet


def good(row: Sequence[object]) -> Good:
    sheet = read(row)
    assert sheet.rejects == ()
    return sheet.goods[0]


def reason(row: Sequence[object]) -> str:
    sheet = read(row)
    assert sheet.goods == ()
    return sheet.rejects[0].reason


def row(
    code: object = 1379.0, name: object = "CIMENTO", unit: object = "KG", price: object = 0.83
) -> list[object]:
    return [code, name, unit, "C", price]


def test_a_row_of_the_sheet_becomes_a_good() -> None:
    assert good(CEMENT) == Good(
        row=6,
        sku="SINAPI-00001379",
        name="CIMENTO PORTLAND COMPOSTO CP II-32",
        unit="KG",
        quantity_step=Decimal("0.1"),
        shelf=Shelf("cimento", "Cimento"),
        price=Decimal("0.83"),
    )


def test_the_title_lines_tell_the_month_and_by_the_capital_the_state() -> None:
    sheet = read(CEMENT)
    assert (sheet.month, sheet.state) == (date(2024, 12, 1), "PA")


@pytest.mark.parametrize(
    "header",
    [
        ["Código", "Descrição do insumo", " Unidade ", "Origem", "Preço  mediano (R$)"],
        ["CODIGO", "DESCRICAO", "UNIDADE", "ORIGEM", "PRECO"],
    ],
)
def test_the_header_is_known_by_its_words(header: list[object]) -> None:
    assert len(read(CEMENT, header=header).goods) == 1


def test_columns_may_stand_in_another_order_and_others_between_them() -> None:
    sheet = read(
        ["x", 0.83, 1379.0, "KG", "CIMENTO"], header=["OBS", "PRECO", "CODIGO", "UNIDADE", "DESCRICAO"]
    )
    assert [(good.sku, good.unit, good.price) for good in sheet.goods] == [
        ("SINAPI-00001379", "KG", Decimal("0.83"))
    ]


def test_a_sheet_without_the_columns_is_no_table() -> None:
    assert parse([], labour=False) == NoTable()
    assert parse([["CODIGO", "DESCRICAO", "UNIDADE"], CEMENT], labour=False) == NoTable()


@pytest.mark.parametrize("code", [11270.0, 11270, "11270", " 00011270 ", "011270"])
def test_a_code_is_the_same_however_it_is_stored(code: object) -> None:
    assert good(row(code=code)).sku == "SINAPI-00011270"


@pytest.mark.parametrize("code", ["", None, 0.0, -5.0, 1.5, "A-1", 123456789.0, float("nan"), True, "١٢"])
def test_a_code_that_is_none_is_reported(code: object) -> None:
    assert "code" in reason(row(code=code))


@pytest.mark.parametrize(
    ("cell", "price"),
    [
        (0.1 + 0.2, "0.30"),
        (2.88, "2.88"),
        (1115.0, "1115.00"),
        (9899102.66, "9899102.66"),
        (7, "7.00"),
        (0.0125, "0.0125"),
        (0.00125, "0.0012"),
        ("1.234,56", "1234.56"),
        ("R$ 12,5", "12.50"),
        ("1234", "1234.00"),
    ],
)
def test_a_price_is_an_exact_decimal_of_at_most_four_places(cell: object, price: str) -> None:
    assert str(good(row(price=cell)).price) == price


@pytest.mark.parametrize(
    "cell",
    [
        "",
        None,
        "-",
        "12.5",
        "sob consulta",
        0.0,
        0.00001,
        -3.2,
        float("nan"),
        float("inf"),
        1e300,
        True,
        "1,2,3",
    ],
)
def test_a_price_that_is_none_is_reported(cell: object) -> None:
    assert "price" in reason(row(price=cell))


@pytest.mark.parametrize(
    ("word", "unit", "name"),
    [
        ("UN    ", "UN", "AREIA"),
        ("m2", "M2", "AREIA"),
        ("SC25KG", "SC", "AREIA - SACO DE 25 KG"),
        ("100M  ", "UN", "AREIA - ROLO DE 100 M"),
        ("310ML", "UN", "AREIA - TUBO DE 310 ML"),
        ("UNXMES", "UNXMES", "AREIA"),
    ],
)
def test_a_unit_of_the_trade_is_sold_as_what_it_is(word: str, unit: str, name: str) -> None:
    sold = good(row(name="AREIA", unit=word))
    assert (sold.unit, sold.name) == (unit, name)


def test_an_unknown_unit_is_reported_with_its_row() -> None:
    sheet = read(CEMENT, row(code=2.0, unit="FARDO"), row(code=3.0, unit=""))
    assert [(reject.row, reject.reason) for reject in sheet.rejects] == [
        (7, "unit 'FARDO' is unknown"),
        (8, "there is no unit"),
    ]


def test_labour_is_left_out_and_counted_or_kept() -> None:
    hour, month = (
        row(code=1.0, name="PEDREIRO (HORISTA)", unit="H"),
        row(code=2.0, name="PEDREIRO", unit="MES "),
    )
    left_out = read(hour, CEMENT, month)
    assert (left_out.rows, len(left_out.goods), left_out.labour) == (3, 1, 2)
    kept = read(hour, CEMENT, month, labour=True)
    assert (kept.rows, len(kept.goods), kept.labour) == (3, 3, 0)
    assert kept.goods[0].shelf == LABOUR


def test_a_code_that_comes_twice_is_reported_and_the_first_one_stays() -> None:
    sheet = read(CEMENT, row(code="1379", price=99.0))
    assert [good.price for good in sheet.goods] == [Decimal("0.83")]
    assert sheet.rejects[0].reason == "code 00001379 is already in row 6"


def test_a_row_that_was_rejected_does_not_take_its_code() -> None:
    sheet = read(row(price=""), row(price=0.83))
    assert (len(sheet.goods), len(sheet.rejects)) == (1, 1)


def test_the_last_line_counts_the_rows_and_is_none_itself() -> None:
    sheet = read(CEMENT, ["", "", "", "", ""], ["TOTAL DE INSUMOS : 4.839", "", "", "", ""])
    assert (sheet.announced, sheet.rows, sheet.rejects) == (4839, 1, ())
    assert read(CEMENT).announced is None


def test_a_line_that_is_no_row_is_reported_not_dropped() -> None:
    assert reason(["observacoes do instituto", "", "", "", ""]).startswith("code 'observacoes")


def test_short_rows_and_odd_cells_break_nothing() -> None:
    sheet = read([1.0], [date(2024, 1, 1), None, 3.5], ["\0", "\0", "\0", "\0", "\0"], row(name="\ud800"))
    assert (len(sheet.goods), len(sheet.rejects)) == (0, 4)


def test_one_shelf_can_take_everything() -> None:
    shelf = Shelf("promocao", "Promoção")
    assert read(CEMENT, shelf=shelf).goods[0].shelf == shelf


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("CIMENTO PORTLAND COMPOSTO CP II-32", "cimento"),
        ("Tubo PVC, série normal, DN 100 mm, para esgoto predial", "esgoto-e-drenagem"),
        ("TUBO PVC, SOLDAVEL, DE 25 MM, AGUA FRIA", "tubos-e-conexoes"),
        ("ESPELHO CRISTAL E = 4 MM", "vidros"),
        ("LUVA RASPA DE COURO, CANO CURTO", "epi"),
        ("LUVA SIMPLES, PVC, SOLDAVEL", "tubos-e-conexoes"),
        ("CABO DE COBRE, FLEXIVEL", "fios-e-cabos"),
        ("TIJOLO CERAMICO MACICO", "blocos-e-tijolos"),
        ("ESCAVADEIRA HIDRAULICA", "maquinas-e-equipamentos"),
        ("ALGO QUE NINGUEM CONHECE", OTHERS.slug),
    ],
)
def test_a_good_lies_on_the_shelf_its_name_says(name: str, slug: str) -> None:
    assert shelf_of(name).slug == slug


def test_a_file_that_is_no_spreadsheet_is_one_clear_sentence(tmp_path: Path) -> None:
    text = tmp_path / "prices.xlsx"
    text.write_text("CODIGO;DESCRICAO")
    for file, why in (
        (text, "is not a spreadsheet"),
        (tmp_path, "directory"),
        (tmp_path / "no.xlsx", "No such file"),
    ):
        found = read_worksheets(file)
        assert isinstance(found, Unreadable)
        assert why in found.reason


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    """The sheet of Pará of December 2024, as it was published."""
    if not PUBLISHED.exists():
        pytest.skip(
            "the published sheet ../shared/data/sinapi-insumos-PA-2024-12.xlsx is not on this machine"
        )
    worksheets = read_worksheets(PUBLISHED)
    assert not isinstance(worksheets, Unreadable)
    sheet = parse(worksheets[0], labour=False)
    assert isinstance(sheet, Sheet)
    return sheet


def test_every_row_of_the_published_sheet_is_understood(sheet: Sheet) -> None:
    assert (sheet.rows, sheet.announced) == (4839, 4839)
    assert (len(sheet.goods), sheet.labour, sheet.rejects) == (4582, 257, ())
    assert (sheet.state, sheet.month) == ("PA", date(2024, 12, 1))


def test_what_it_says_is_what_is_read(sheet: Sheet) -> None:
    first = sheet.goods[0]
    assert (first.row, first.sku, first.unit, first.price) == (
        8,
        "SINAPI-00011270",
        "UN",
        Decimal("2.88"),
    )
    assert first.name == ("ABRACADEIRA DE LATAO PARA FIXACAO DE CABO PARA-RAIO, DIMENSOES 32 X 24 X 24 MM")
    assert max(good.price for good in sheet.goods) == Decimal("9899102.66")


def test_nearly_every_good_finds_a_shelf(sheet: Sheet) -> None:
    assert sum(good.shelf == OTHERS for good in sheet.goods) <= 0.01 * len(sheet.goods)


def test_a_shelf_that_the_demo_shop_has_is_called_the_same(sheet: Sheet) -> None:
    demo = {material.category_slug: material.category_name for material in read_materials()}
    imported = {good.shelf.slug: good.shelf.name for good in sheet.goods}
    shared = demo.keys() & imported.keys()
    assert len(shared) >= 20
    assert {slug: imported[slug] for slug in shared} == {slug: demo[slug] for slug in shared}
