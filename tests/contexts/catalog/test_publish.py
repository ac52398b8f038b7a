"""Publishing: products recognised by sku, all of a call or none."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

import pytest

from contexts.catalog.adapters.products import SqlCategories, SqlProducts
from contexts.catalog.adapters.stock import SqlStock
from contexts.catalog.domain.product import StockStatus
from contexts.catalog.ports import ProductDraft, Published, StockLine
from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.audit import SYSTEM
from contexts.shared.ids import new_id
from contexts.shared.rejections import InvalidInput
from contexts.shared.transaction import Transaction
from tests.contexts.catalog.drafts import draft, publish, publishing


@pytest.fixture
def products(database: Database) -> SqlProducts:
    return SqlProducts(database, "https://media.example", None)


async def test_a_new_product_is_all_there(database: Database, products: SqlProducts) -> None:
    account = new_id()
    published = await publish(
        database,
        draft(
            "NEW-1",
            "Areia média lavada",
            unit="M3",
            step="0.5",
            category="areias",
            stock="7.5",
            low_stock_at="8",
            image_key="products/NEW-1.png",
        ),
    )
    assert (published.created, published.updated) == (1, 0)
    (product,) = (await products.by_skus(["NEW-1"], account)).values()
    assert product.id == published.product_ids["NEW-1"]
    assert (product.slug, product.name, product.unit) == (
        "areia-media-lavada-new-1",
        "Areia média lavada",
        "M3",
    )
    assert product.quantity_step == Decimal("0.5")
    assert (product.category.slug, product.category.name) == ("areias", "Areias")
    assert product.image is not None
    assert product.image.url == "https://media.example/products/NEW-1.png"
    assert product.image.alt == "Areia média lavada"
    assert (product.availability.status, product.availability.available) == (
        StockStatus.LOW_STOCK,
        Decimal("7.5"),
    )
    assert product.seen_by == account
    assert await products.by_ids([product.id], account) == {product.id: product}
    assert await products.by_slugs([product.slug], account) == {product.slug: product}


async def test_publishing_again_updates_and_keeps_what_is_not_said(
    database: Database, products: SqlProducts
) -> None:
    first = await publish(
        database, draft("UPD-1", "Cal", stock="7", image_key="products/cal.png"), draft("UPD-2")
    )
    again = await publish(
        database, draft("UPD-1", "Cal hidratada", stock=None, category="cales"), draft("UPD-3", stock=None)
    )
    assert (again.created, again.updated) == (1, 1)
    assert again.product_ids["UPD-1"] == first.product_ids["UPD-1"]
    found = await products.by_skus(["UPD-1", "UPD-3"], None)
    cal = found["UPD-1"]
    assert (cal.name, cal.category.slug, cal.availability.available) == ("Cal hidratada", "cales", Decimal(7))
    assert cal.slug == "cal-upd-1", "an address once published stays"
    assert cal.image is not None
    assert found["UPD-3"].availability.available == 0


async def test_what_orders_hold_stays_theirs(database: Database, products: SqlProducts) -> None:
    product = (await publish(database, draft("HELD", stock="10"))).product_ids["HELD"]
    async with database.begin() as transaction:
        await SqlStock().reserve(transaction, new_id(), [StockLine(product, Decimal(8))])
        await transaction.commit()
    await publish(database, draft("HELD", stock="5"))
    assert (await products.by_skus(["HELD"], None))["HELD"].availability.available == 0
    await publish(database, draft("HELD", stock="20"))
    assert (await products.by_skus(["HELD"], None))["HELD"].availability.available == 12


async def test_skus_that_look_alike_get_distinct_addresses(database: Database, products: SqlProducts) -> None:
    await publish(database, draft("TW-1", "Telha"))
    await publish(database, draft("TW.1", "Telha"), draft("TW/1", "Telha"))
    found = await products.by_skus(["TW-1", "TW.1", "TW/1"], None)
    assert len({product.slug for product in found.values()}) == 3
    assert found["TW-1"].slug == "telha-tw-1"


async def test_categories_keep_their_order_and_take_the_new_name(database: Database) -> None:
    await publish(database, draft("CAT-1", category="zinco"), draft("CAT-2", category="alvenaria"))
    await publish(database, replace(draft("CAT-1", category="zinco"), category_name="Zinco e calhas"))
    read = SqlCategories(database)
    ours = [category for category in await read.all() if category.slug in ("zinco", "alvenaria")]
    assert [category.name for category in ours] == ["Zinco e calhas", "Alvenaria"]
    assert await read.by_ids([ours[0].id, new_id()]) == {ours[0].id: ours[0]}


BAD = [
    (draft(""), "sku", "REQUIRED"),
    (draft("---"), "sku", "INVALID_SKU"),
    (draft("a\0b"), "sku", "INVALID_CHARACTER"),
    (draft(" a"), "sku", "SPACES_AROUND"),
    (draft("a" * 65), "sku", "TOO_LONG"),
    (draft("a", ""), "name", "REQUIRED"),
    (draft("a", "x\ud800"), "name", "INVALID_CHARACTER"),
    (draft("a", "x" * 501), "name", "TOO_LONG"),
    (draft("a", unit=""), "unit", "REQUIRED"),
    (draft("a", category="Ção"), "categorySlug", "INVALID_SLUG"),
    (draft("a", category=""), "categorySlug", "REQUIRED"),
    (draft("a", step="0"), "quantityStep", "NOT_POSITIVE"),
    (draft("a", step="-1"), "quantityStep", "NEGATIVE"),
    (draft("a", step="0.0001"), "quantityStep", "TOO_MANY_DECIMALS"),
    (draft("a", step="NaN"), "quantityStep", "NOT_A_NUMBER"),
    (draft("a", stock="-1"), "stock", "NEGATIVE"),
    (draft("a", stock="1e11"), "stock", "TOO_LARGE"),
    (draft("a", stock="1e999999"), "stock", "TOO_LARGE"),
    (draft("a", low_stock_at="Infinity"), "lowStockAt", "NOT_A_NUMBER"),
    (draft("a", image_key="../x"), "imageKey", "INVALID_IMAGE_KEY"),
]


@pytest.mark.parametrize(("wrong", "field", "code"), BAD)
async def test_one_wrong_draft_refuses_all(
    database: Database, products: SqlProducts, wrong: ProductDraft, field: str, code: str
) -> None:
    outcome = await publishing(database)([draft("GOOD"), wrong], SYSTEM)
    assert isinstance(outcome, InvalidInput)
    assert (("input", "products", "1", field), code) in [
        (detail.path, detail.code) for detail in outcome.details
    ]
    assert await products.by_skus(["GOOD"], None) == {}


async def test_a_sku_comes_once(database: Database) -> None:
    outcome = await publishing(database)([draft("A1"), draft("A1")], SYSTEM)
    assert isinstance(outcome, InvalidInput)
    assert [detail.code for detail in outcome.details] == ["DUPLICATE"]


async def test_publishing_nothing(database: Database) -> None:
    assert await publish(database) == Published(0, 0, {})


async def test_thousands_at_once(database: Database) -> None:
    drafts = [
        draft(
            f"BULK-{n}",
            f"Tubo PVC soldável DN {n} mm barra 6 m",
            category=f"tubos-{n % 9}",
            image_key="products/t.png",
        )
        for n in range(3000)
    ]
    with counting_statements() as few:
        await publish(database, *drafts[:30])
    with counting_statements() as many:
        published = await publish(database, *drafts)
    assert (published.created, published.updated) == (2970, 30)
    assert many.statements == few.statements, "a constant number of statements, not one for each product"


@dataclass(frozen=True, slots=True)
class Referring:
    """Refers to these products."""

    product_ids: set[UUID]

    async def among(self, transaction: Transaction, product_ids: Collection[UUID]) -> Collection[UUID]:
        return self.product_ids.intersection(product_ids)


@pytest.mark.parametrize(
    ("was", "becomes", "code"),
    [
        ({"unit": "KG"}, {"unit": "SC"}, "UNIT_IN_USE"),
        ({"unit": "KG", "step": "0.1"}, {"unit": "SC", "step": "1"}, "UNIT_IN_USE"),
        ({"step": "0.5"}, {"step": "1"}, "STEP_IN_USE"),
        ({"step": "0.5"}, {"step": "0.2"}, "STEP_IN_USE"),
        ({"step": "1"}, {"step": "0.25"}, None),
        ({"step": "2.5"}, {"step": "2.500"}, None),
        ({"unit": "KG", "step": "0.1"}, {"unit": "KG", "step": "0.1"}, None),
    ],
)
@pytest.mark.parametrize("by", ["prices", "stock", None])
async def test_what_is_in_use_keeps_its_unit_and_a_step_that_all_its_amounts_fit(
    database: Database,
    products: SqlProducts,
    was: dict[str, str],
    becomes: dict[str, str],
    code: str | None,
    by: str | None,
) -> None:
    sku = f"USED-{new_id().hex[-12:]}"
    stock = "3" if by == "stock" else "0"
    ids = (await publish(database, draft(sku, stock=stock, **was))).product_ids
    references = {
        "prices": Referring(set(ids.values()) if by == "prices" else set()),
        "carts": Referring(set()),
    }

    drafts = [draft("FREE"), draft(sku, "Renamed", stock=None, **becomes)]
    outcome = await publishing(database, references)(drafts, SYSTEM)

    product = (await products.by_skus([sku], None))[sku]
    if by is None or code is None:
        assert isinstance(outcome, Published)
        assert (product.name, product.unit) == ("Renamed", becomes.get("unit", "SC"))
        assert product.quantity_step == Decimal(becomes.get("step", "1"))
        return
    assert isinstance(outcome, InvalidInput)
    (detail,) = outcome.details
    field = "unit" if code == "UNIT_IN_USE" else "quantityStep"
    assert (detail.path, detail.code) == (("input", "products", "1", field), code)
    assert f"while it has {by}; sell it so under a new sku" in detail.message
    assert (product.name, product.unit) == ("Cimento CP II-E-32 50 kg", was.get("unit", "SC"))


async def test_all_that_refers_to_a_product_is_told(database: Database) -> None:
    ids = (await publish(database, draft("MANY", unit="KG", stock="1"))).product_ids
    both = Referring(set(ids.values()))
    outcome = await publishing(database, {"prices": both, "carts": both})([draft("MANY", unit="SC")], SYSTEM)
    assert isinstance(outcome, InvalidInput)
    assert [detail.message for detail in outcome.details] == [
        "MANY cannot go from KG to SC while it has stock and prices and carts;"
        " sell it so under a new sku, or keep it as it is"
    ]
