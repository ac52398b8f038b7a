"""The listing: every window over every order yields exactly the full ordering."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import text

from contexts.catalog.adapters.products import SqlProducts
from contexts.catalog.adapters.tables import products as product_rows
from contexts.catalog.domain.product import Product
from contexts.catalog.ports import PricePerspective, ProductFilter, ProductSort
from contexts.shared.adapters.database import Database, connection_of, counting_statements
from contexts.shared.ids import new_id
from contexts.shared.pagination import InvalidPosition, Position, Window
from tests.contexts.catalog.drafts import draft, publish

SP = PricePerspective(new_id(), "SP", None, datetime(2025, 1, 1, tzinfo=UTC))
PA = replace(SP, state="PA")
NAMES = [
    "Água sanitária",
    "agua raz",
    "AREIA fina",
    "areia média",
    "Tubo PVC",
    "Tubo PVC",
    "TUBO pvc",
    "Ácido",
]


@dataclass(frozen=True, slots=True)
class Shop:
    products: SqlProducts
    ids: list[UUID]
    price: dict[UUID, Decimal]


@pytest.fixture(scope="module")
async def shop(database: Database) -> AsyncIterator[Shop]:
    """60 products with many equal names, ages and prices; a third has no price. The price function is a
    stand-in for pricing's, and knows prices in SP only."""
    chance = random.Random(7)
    drafts = [
        draft(
            f"SKU-{n:02}",
            chance.choice(NAMES),
            category=chance.choice(["tubos", "areias", "quimicos"]),
            stock=chance.choice(["0", "5", None]),
        )
        for n in range(60)
    ]
    ids = list((await publish(database, *drafts)).product_ids.values())
    price = {
        product_id: chance.choice([Decimal("1.0000"), Decimal("9.9900"), Decimal("10.0001"), Decimal("120")])
        for product_id in ids
        if chance.random() < 0.66
    }
    start = datetime(2024, 1, 1, tzinfo=UTC)
    async with database.begin() as transaction:
        connection = connection_of(transaction)
        for product_id in ids:
            await connection.execute(
                product_rows.update()
                .where(product_rows.c.id == product_id)
                .values(created_at=start + timedelta(microseconds=chance.choice([1, 2, 999_999])))
            )
        await connection.execute(text("CREATE SCHEMA stand_in"))
        await connection.execute(
            text("CREATE TABLE stand_in.prices (product_id uuid, unit_price numeric(14, 4))")
        )
        await connection.execute(
            text("INSERT INTO stand_in.prices VALUES (:product_id, :unit_price)"),
            [{"product_id": product_id, "unit_price": amount} for product_id, amount in price.items()],
        )
        await connection.execute(
            text(
                "CREATE FUNCTION stand_in.resolved_prices("
                "account_id uuid, state text, tier text, quantity numeric, at timestamptz) "
                "RETURNS TABLE (product_id uuid, unit_price numeric) LANGUAGE sql STABLE AS "
                "$$ SELECT product_id, unit_price FROM stand_in.prices WHERE state = 'SP' AND quantity = 1 $$"
            )
        )
        await transaction.commit()
    yield Shop(SqlProducts(database, "https://media.example", "stand_in.resolved_prices"), ids, price)


async def everything(
    shop: Shop, filter: ProductFilter, sort: ProductSort, perspective: PricePerspective | None
) -> tuple[list[Product], list[Position]]:
    page = await shop.products.page(Window(limit=1000), filter, sort, None, perspective)
    assert not page.has_next
    assert not page.has_previous
    return page.items, page.positions


def folded(name: str) -> str:
    return name.lower().translate(str.maketrans("áéíóúãõâêôç", "aeiouaoaeoc"))


@pytest.mark.parametrize("perspective", [SP, PA, None])
async def test_each_order_is_what_it_says(shop: Shop, perspective: PricePerspective | None) -> None:
    price = shop.price if perspective is SP else {}
    last = Decimal("Infinity")

    def by_name(product: Product) -> tuple[str, UUID]:
        return folded(product.name), product.id

    def cheapest(product: Product) -> tuple[Decimal, str, UUID]:
        return price.get(product.id, last), *by_name(product)

    def dearest(product: Product) -> tuple[Decimal, str, UUID]:
        return -price.get(product.id, -last), *by_name(product)

    async def listed(sort: ProductSort) -> list[Product]:
        return (await everything(shop, ProductFilter(), sort, perspective))[0]

    by_age = await listed(ProductSort.NEWEST)
    assert len(by_age) == 60
    assert by_age == sorted(by_age, key=lambda product: (product.created_at, product.id), reverse=True)
    assert await listed(ProductSort.NAME) == sorted(by_age, key=by_name)
    assert await listed(ProductSort.RELEVANCE) == sorted(by_age, key=by_name)
    assert await listed(ProductSort.PRICE_ASC) == sorted(by_age, key=cheapest)
    assert await listed(ProductSort.PRICE_DESC) == sorted(by_age, key=dearest)


@pytest.mark.parametrize("sort", ProductSort)
@pytest.mark.parametrize("search", [None, "tubo", "a"])
@pytest.mark.parametrize("perspective", [SP, None])
async def test_any_walk_yields_the_full_ordering(
    shop: Shop, sort: ProductSort, search: str | None, perspective: PricePerspective | None
) -> None:
    filter = ProductFilter(search=search)
    items, positions = await everything(shop, filter, sort, perspective)
    assert items
    assert len(set(positions)) == len(positions)
    chance = random.Random(f"{sort} {search}")
    for backward in (False, True):
        walked: list[Product] = []
        edge: Position | None = None
        while True:
            window = Window(
                limit=chance.randint(1, 13),
                backward=backward,
                after=None if backward else edge,
                before=edge if backward else None,
            )
            page = await shop.products.page(window, filter, sort, None, perspective)
            walked = [*page.items, *walked] if backward else [*walked, *page.items]
            assert len(walked) <= len(items), "a walk that does not advance"
            assert (page.has_next if backward else page.has_previous) is (edge is not None)
            if not (page.has_previous if backward else page.has_next):
                break
            assert len(page.items) == window.limit
            edge = page.positions[0 if backward else -1]
        assert walked == items
    for _ in range(3):
        start, end = sorted(chance.sample(range(len(items)), 2))
        backward = chance.random() < 0.5
        window = Window(limit=5, backward=backward, after=positions[start], before=positions[end])
        page = await shop.products.page(window, filter, sort, None, perspective)
        between = items[start + 1 : end]
        assert page.items == (between[-5:] if backward else between[:5])


@pytest.mark.parametrize("sort", ProductSort)
async def test_the_page_is_one_statement(shop: Shop, sort: ProductSort) -> None:
    filter = ProductFilter(
        search="tubo",
        category_slug="tubos",
        in_stock=True,
        skus=tuple(f"SKU-{n:02}" for n in range(60)),
        min_price=Decimal(1),
        max_price=Decimal(100),
    )
    with counting_statements() as count:
        await shop.products.page(Window(limit=24), filter, sort, None, SP)
    assert count.statements == 1


async def test_filters(shop: Shop) -> None:
    everyone = (await everything(shop, ProductFilter(), ProductSort.NAME, SP))[0]

    async def check(
        filter: ProductFilter, expected: list[Product], seen: PricePerspective | None = SP
    ) -> None:
        found = (await everything(shop, filter, ProductSort.NAME, seen))[0]
        assert found == expected
        assert await shop.products.count(filter, seen) == len(expected)

    def priced(low: str, high: str) -> list[Product]:
        fitting = {id for id, price in shop.price.items() if Decimal(low) <= price <= Decimal(high)}
        return [product for product in everyone if product.id in fitting]

    await check(ProductFilter(), everyone)
    await check(ProductFilter(category_slug="tubos"), [p for p in everyone if p.category.slug == "tubos"])
    await check(ProductFilter(category_slug="nenhuma"), [])
    await check(ProductFilter(category_slug="tu\0bos"), [])
    await check(ProductFilter(in_stock=True), [p for p in everyone if p.availability.available > 0])
    await check(ProductFilter(in_stock=False), [p for p in everyone if p.availability.available <= 0])
    await check(
        ProductFilter(skus=("SKU-01", "SKU-02", "no", "a\0", "\ud800", "'; --")),
        [p for p in everyone if p.sku in ("SKU-01", "SKU-02")],
    )
    await check(ProductFilter(skus=()), [])
    await check(ProductFilter(min_price=Decimal("9.99")), priced("9.99", "1000"))
    await check(ProductFilter(max_price=Decimal("10")), priced("0", "10"))
    await check(
        ProductFilter(min_price=Decimal("9.99001"), max_price=Decimal("10.0001")), priced("10", "10.0001")
    )
    await check(ProductFilter(min_price=Decimal(11), max_price=Decimal(10)), [])
    await check(ProductFilter(min_price=Decimal("1e-99999")), priced("0.0001", "1000"))
    await check(ProductFilter(max_price=Decimal("1e99999")), priced("0", "1000"))
    await check(ProductFilter(min_price=Decimal("-1e99999")), priced("0", "1000"))
    await check(ProductFilter(min_price=Decimal(0)), [], None)
    await check(ProductFilter(max_price=Decimal(1000)), [], PA)


ID = "0190c5f0-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("sort", "position"),
    [
        (ProductSort.NAME, ()),
        (ProductSort.NAME, ("areia",)),
        (ProductSort.NAME, ("areia", "no id")),
        (ProductSort.NAME, ("areia", None)),
        (ProductSort.NAME, (None, ID)),
        (ProductSort.NAME, ("a\0", ID)),
        (ProductSort.NAME, ("\ud800", ID)),
        (ProductSort.NAME, ("x" * 5000, ID)),
        (ProductSort.NAME, ("1.00", "areia", ID)),
        (ProductSort.RELEVANCE, ("3", "areia", ID)),
        (ProductSort.NEWEST, ("yesterday", ID)),
        (ProductSort.NEWEST, ("2024-01-01T00:00:00", ID)),
        (ProductSort.NEWEST, ("0001-01-01T00:00:00+14:00", ID)),
        (ProductSort.NEWEST, (None, ID)),
        (ProductSort.PRICE_ASC, ("areia", ID)),
        (ProductSort.PRICE_ASC, ("NaN", "areia", ID)),
        (ProductSort.PRICE_ASC, ("Infinity", "areia", ID)),
        (ProductSort.PRICE_ASC, ("1e5", "areia", ID)),
        (ProductSort.PRICE_ASC, ("9" * 300, "areia", ID)),
        (ProductSort.PRICE_DESC, ("", "areia", ID)),
        (ProductSort.PRICE_DESC, ("1.00", None, ID)),
    ],
)
@pytest.mark.parametrize("perspective", [SP, None])
async def test_a_position_that_does_not_fit_is_refused(
    shop: Shop, sort: ProductSort, position: Position, perspective: PricePerspective | None
) -> None:
    for window in (Window(limit=5, after=position), Window(limit=5, backward=True, before=position)):
        with pytest.raises(InvalidPosition):
            await shop.products.page(window, ProductFilter(), sort, None, perspective)


async def test_a_search_position_has_a_score(shop: Shop) -> None:
    for score in ("best", "1.5", "99999", "٣"):
        with pytest.raises(InvalidPosition):
            await shop.products.page(
                Window(limit=5, after=(score, "areia", ID)),
                ProductFilter(search="areia"),
                ProductSort.RELEVANCE,
                None,
                None,
            )


async def test_reads_by_key_take_any_key(database: Database, shop: Shop) -> None:
    keys = ["SKU-03", "sku-03", "a\0", "\ud800", "'; DROP TABLE catalog.products; --", "x" * 100_000]
    assert list(await shop.products.by_skus(keys, None)) == ["SKU-03"]
    assert await shop.products.by_slugs(keys, None) == {}
    assert await shop.products.by_ids([], None) == {}
    async with database.begin() as transaction:
        within = await shop.products.by_ids(shop.ids, None, within=transaction)
    assert set(within) == set(shop.ids)
