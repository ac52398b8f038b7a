"""Bulk data is complete and regular, and a second run adds what is missing and touches nothing else."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from asyncpg import UniqueViolationError

from contexts.catalog.adapters.copy import CatalogCopy, NewProduct
from contexts.catalog.api import Images, ProductFilter, StoredImage
from contexts.identity.adapters.copy import AccountCopy
from contexts.identity.api import AccountStatus
from contexts.pricing.api import Line, Perspective, PriceSource
from contexts.shared.adapters.database import Database
from gateway.bootstrap import bootstrap
from gateway.seed.bulk import SKU_PREFIX, STATES, seed_bulk
from gateway.seed.demo import SP_CNPJ
from gateway.seed.materials import read_materials
from gateway.settings import Settings
from resolvers.vocabulary.context import Contexts

NOWHERE = "http://127.0.0.1:9"
MATERIALS = read_materials()


class NoStore(Images):
    """Forgets the pictures, which nobody looks at here."""

    async def prepare(self) -> None:
        pass

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        pass

    async def get(self, key: str) -> StoredImage | None:
        return None


def quiet(line: str) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
async def contexts(
    database: Database, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Contexts]:
    """The contexts, with 300 bulk products that have 2,000 negotiated prices between them."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, database_url=database_url, s3_endpoint=NOWHERE, s3_key="x", s3_secret="x")
    async with bootstrap(settings) as parts:
        contexts = replace(parts.contexts, catalog=replace(parts.contexts.catalog, images=NoStore()))
        summary = await seed_bulk(database, contexts, 300, 2_000, quiet)
        assert (summary.products, summary.accounts) == (300, 500)
        assert summary.prices == 300 * (1 + len(STATES)) + 2_000 + 100
        yield contexts


async def bulk_ids(database: Database) -> list[UUID]:
    return list((await CatalogCopy(database).ids(SKU_PREFIX)).values())


async def sources(contexts: Contexts, ids: list[UUID], perspective: Perspective) -> list[PriceSource]:
    """At which levels the perspective finds the prices of these products."""
    lines = [Line(id, Decimal(10)) for id in ids]
    return [price.source for price in await contexts.pricing.resolve(perspective, lines) if price is not None]


async def test_every_bulk_product_can_be_listed_found_and_bought(
    contexts: Contexts, database: Database
) -> None:
    assert await contexts.catalog.products.count(ProductFilter(search="modelo 1"), None) >= 300
    product = (await contexts.catalog.products.by_skus(["BULK-0000001"], None))["BULK-0000001"]
    assert product.name == f"{MATERIALS[0].name} modelo 1"
    assert (product.unit, product.category.slug) == (MATERIALS[0].unit, MATERIALS[0].category_slug)
    ids = await bulk_ids(database)
    assert len(ids) == 300
    assert await sources(contexts, ids, Perspective(None, None, None)) == [PriceSource.NATIONAL] * 300
    for state in STATES:
        assert await sources(contexts, ids, Perspective(None, state, None)) == [PriceSource.STATE] * 300


async def test_the_demo_account_in_sp_has_negotiated_prices_among_them(
    contexts: Contexts, database: Database
) -> None:
    sp = (await AccountCopy(database).by_cnpj([SP_CNPJ]))[SP_CNPJ]
    found = await sources(contexts, await bulk_ids(database), Perspective(sp, "SP", "OURO"))
    assert found.count(PriceSource.BUYER) == 100


async def test_each_synthetic_account_is_approved_and_has_its_share(
    contexts: Contexts, database: Database
) -> None:
    known = await AccountCopy(database).by_cnpj(["77000001000160", "77000500000158"])
    accounts = await contexts.identity.accounts.by_ids(known.values())
    assert len(accounts) == 2
    for account in accounts.values():
        assert account.status is AccountStatus.APPROVED
        perspective = Perspective(account.id, account.state, account.tier)
        assert (await sources(contexts, await bulk_ids(database), perspective)).count(PriceSource.BUYER) == 4


async def test_again_it_adds_nothing_and_more_adds_only_the_new_ones(
    contexts: Contexts, database: Database
) -> None:
    again = await seed_bulk(database, contexts, 300, 2_000, quiet)
    assert (again.products, again.accounts, again.prices) == (0, 0, 0)
    assert str(again).startswith("Nothing to add")
    more = await seed_bulk(database, contexts, 310, 2_000, quiet)
    assert more.products == 10
    assert 10 * (1 + len(STATES)) < more.prices < 200


async def test_a_run_that_died_before_the_prices_is_completed(contexts: Contexts, database: Database) -> None:
    category = (await contexts.catalog.categories.all())[0]
    orphan = NewProduct(
        "BULK-0000311", "Sem preço", "UN", Decimal(1), category.id, Decimal(5), Decimal(1), datetime.now(UTC)
    )
    ids = await CatalogCopy(database)([orphan], lambda copied: None)
    assert await sources(contexts, list(ids.values()), Perspective(None, None, None)) == []
    completed = await seed_bulk(database, contexts, 311, 2_000, quiet)
    assert completed.products == 0
    assert await sources(contexts, list(ids.values()), Perspective(None, None, None)) == [
        PriceSource.NATIONAL
    ]


async def test_a_taken_sku_copies_nothing(contexts: Contexts, database: Database) -> None:
    category = (await contexts.catalog.categories.all())[0]
    drafts = [
        NewProduct(sku, "Cópia", "UN", Decimal(1), category.id, Decimal(5), Decimal(1), datetime.now(UTC))
        for sku in ("COPY-1", "BULK-0000001")
    ]
    with pytest.raises(UniqueViolationError, match="products_sku"):
        await CatalogCopy(database)(drafts, lambda copied: None)
    assert await CatalogCopy(database).ids("COPY-") == {}
