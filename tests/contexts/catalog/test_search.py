"""Text search as construction buyers type it."""

from collections.abc import AsyncIterator

import pytest

from contexts.catalog.adapters.products import SqlProducts
from contexts.catalog.ports import ProductFilter, ProductSort
from contexts.shared.adapters.database import Database
from contexts.shared.pagination import Window
from tests.contexts.catalog.drafts import draft, publish

SHELF = {
    "CIM-001": "Cimento CP II-E-32 Votoran saco 50 kg",
    "CIM-002": "Cimento CP V-ARI saco 40 kg",
    "ADE-001": "Adesivo para cimento queimado 1 L",
    "TEL-001": "Telha de fibrocimento ondulada 2,44 x 1,10 m 6 mm",
    "VER-100": 'Vergalhão CA-50 10,0 mm (3/8") barra 12 m',
    "VER-080": "Vergalhão CA-50 8,0 mm barra 12 m",
    "TUB-050": "Tubo PVC esgoto DN 50 mm barra 6 m",
    "TUB-500": "Tubo de concreto DN 500 mm",
    "REG-112": 'Registro de gaveta 1 1/2" bruto',
    "CXA-100": "Caixa d'água 1.000 L com tampa",
    "TIJ-001": "Tijolo cerâmico 8 furos",
    "POR-001": "Porta de madeira 80 x 210 cm",
    "POT-001": "Portão de aço basculante",
    "CNX-001": "Conexão em T 25 mm",
    "CAN-001": "Canaleta ventilada 50 mm",
    "11270": "Abraçadeira de latão para cabo para-raio",
    "PAR-001": 'Parafuso zincado 5/16" x 85 mm',
}


@pytest.fixture(scope="module")
async def products(database: Database) -> AsyncIterator[SqlProducts]:
    await publish(database, *(draft(sku, name) for sku, name in SHELF.items()))
    yield SqlProducts(database, "https://media.example", None)


async def found(products: SqlProducts, search: str) -> list[str]:
    window, filter = Window(limit=100), ProductFilter(search=search)
    page = await products.page(window, filter, ProductSort.RELEVANCE, None, None)
    assert await products.count(filter, None) == len(page.items)
    return [product.sku for product in page.items]


@pytest.mark.parametrize(
    ("search", "skus"),
    [
        # every word, at least its beginning; accents, case and punctuation do not matter
        ("cim cp ii 50", {"CIM-001"}),
        ("CIMENTO cp", {"CIM-001", "CIM-002"}),
        ("vergalhao", {"VER-100", "VER-080"}),
        ("VERGALHÃO ca50", {"VER-100", "VER-080"}),
        ("ca-50 vergalhão", {"VER-100", "VER-080"}),
        ("tubo de pvc", {"TUB-050"}),
        ("tubo para esgoto", {"TUB-050"}),
        # inflections, and only those: "cano" is not "canaleta", "porta" is not "portão" by its stem
        ("tijolos ceramicos", {"TIJ-001"}),
        ("vergalhoes", {"VER-100", "VER-080"}),
        ("conexões", {"CNX-001"}),
        ("cano", set()),
        ("portao", {"POT-001"}),
        # numbers mean what they are worth
        ("vergalhao 10,0", {"VER-100"}),
        ("vergalhao 10 mm", {"VER-100"}),
        ("vergalhao 10mm", {"VER-100"}),
        ("vergalhao 10.00", {"VER-100"}),
        ('3/8"', {"VER-100"}),
        ("tubo 50", {"TUB-050"}),
        ("tubo 50mm", {"TUB-050"}),
        ('registro 1.1/2"', {"REG-112"}),
        ("registro 1 ½", {"REG-112"}),
        ("telha 2.44x1.10", {"TEL-001"}),
        ("caixa dagua 1000 litros", set()),
        ("caixa dagua 1000l", {"CXA-100"}),
        ("caixa d agua 1.000", {"CXA-100"}),
        ("CAIXA D'ÁGUA", {"CXA-100"}),
        ("caixa d’agua", {"CXA-100"}),
        ("agua", {"CXA-100"}),
        ("porta 80x210", {"POR-001"}),
        # skus, however they are written, and their beginnings
        ("cim-001", {"CIM-001"}),
        ("CIM001", {"CIM-001"}),
        ("ver-0", {"VER-080"}),
        ("11270", {"11270"}),
        ("1127", {"11270"}),
        ("abracadeira 11270", {"11270"}),
        # fillers count when there is nothing else: somebody is about to type "parafuso"
        ("para", {"PAR-001"}),
        # typing errors
        ("cimneto", {"CIM-001", "CIM-002", "ADE-001"}),
        ("tijollo", {"TIJ-001"}),
        ("fibrocimeto ondulada", {"TEL-001"}),
        ("parafuzo", {"PAR-001"}),
        ("simento votoran", {"CIM-001"}),
        ("geladeira", set()),
    ],
)
async def test_a_search_finds(products: SqlProducts, search: str, skus: set[str]) -> None:
    assert set(await found(products, search)) == skus


async def test_what_the_thing_is_comes_before_what_it_is_for(products: SqlProducts) -> None:
    assert await found(products, "cimento") == ["CIM-001", "CIM-002", "ADE-001"]
    assert await found(products, "cim") == ["CIM-001", "CIM-002", "ADE-001"]


async def test_a_whole_word_comes_before_a_beginning(products: SqlProducts) -> None:
    assert await found(products, "porta") == ["POR-001", "POT-001"]


@pytest.mark.parametrize("blank", ["", "   ", "\t\n", "\0"])
async def test_a_blank_search_is_no_filter(products: SqlProducts, blank: str) -> None:
    assert set(await found(products, blank)) == set(SHELF)


@pytest.mark.parametrize(
    "hostile",
    [
        "'",
        "''",
        '"',
        "\\",
        "\\'",
        "&",
        "|",
        "!",
        ":*",
        "a:*b",
        "<->",
        "(((",
        "!!! & | ( ) <-> :A ' \\",
        "'); DROP TABLE catalog.products; --",
        "$1",
        "%s %(x)s :x",
        "_%",
        "\ud800",
        "a\0b",
        "\u0301\u0301",
        "ﷺ" * 300,
        "½" * 300,
        "水泥 цемент 🧱",
        "/",
        "1/",
        "/1",
        "1//2",
        "1.2.3.4.5",
        "1,2,3",
        "0.0.0",
        "-1e999",
        "9" * 10_000,
        "x" * 10_000,
        "ab cd ef " * 1_200,
        "a b c d e f g h i j k l m n o p q r s t u v w x y z",
        "~",
        "~cim",
        "{",
    ],
)
async def test_any_text_is_safe(products: SqlProducts, hostile: str) -> None:
    await found(products, hostile)
    assert await products.count(ProductFilter(), None) == len(SHELF)


@pytest.mark.parametrize("punctuation", ["!!!", "'", "-", "..,,", "& | !"])
async def test_punctuation_alone_finds_nothing(products: SqlProducts, punctuation: str) -> None:
    assert await found(products, punctuation) == []


async def test_a_renamed_product_is_found_by_its_new_name(database: Database, products: SqlProducts) -> None:
    await publish(database, draft("TIJ-001", "Bloco cerâmico estrutural"))
    assert await found(products, "tijolo") == []
    assert await found(products, "blocos estruturais") == ["TIJ-001"]
    await publish(database, draft("TIJ-001", SHELF["TIJ-001"]))
