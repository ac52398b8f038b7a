"""The demo shop is there after the first start, whatever happened to an earlier one."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from contexts.catalog.api import Images, Product, ProductDraft, Published, StoredImage
from contexts.identity.api import Account, Device, SignedIn
from contexts.pricing.api import (
    Line,
    Loaded,
    LoadPrices,
    Perspective,
    PriceDraft,
    PriceSource,
    ResolvedPrice,
)
from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.audit import SYSTEM, Actor
from gateway.bootstrap import Parts, bootstrap
from gateway.embedded.postgres import Postgres
from gateway.embedded.s3 import S3
from gateway.seed.demo import DEMO_ACCOUNTS, DEMO_PASSWORD, PA_CNPJ, PRICES_SINCE, SP_CNPJ, seed_demo
from gateway.seed.materials import read_materials
from gateway.settings import Settings
from resolvers.vocabulary.context import Contexts
from tests.conftest import copied
from tests.signing import SECRET, first_key_at

MATERIALS = read_materials()


class Killed(Exception):
    """Stands for a kill -9."""


class FullStore(Images):
    """An object store that takes nothing."""

    async def prepare(self) -> None:
        pass

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        raise Killed

    async def get(self, key: str) -> StoredImage | None:
        return None


class NoStore(FullStore):
    """Forgets the pictures."""

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        pass


class Dying(LoadPrices):
    """Is killed before it loads a price."""

    def __init__(self) -> None:
        pass

    async def __call__(self, drafts: Sequence[PriceDraft], by: Actor) -> Loaded:
        raise Killed


def quiet(line: str) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
async def contexts(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Contexts]:
    """The contexts on real services, after a seed that died half way and one that went through."""
    home = tmp_path_factory.mktemp("home")
    s3 = S3(home / "s3")
    s3.start()
    try:
        settings = Settings(
            home=home,
            database_url=database_url,
            s3_endpoint=s3.endpoint,
            s3_key=s3.access_key,
            s3_secret=s3.secret_key,
            signing_key_secret=SECRET,
        )
        await first_key_at(database_url)
        async with bootstrap(settings) as parts:
            dying = replace(parts.contexts, catalog=replace(parts.contexts.catalog, images=FullStore()))
            with pytest.raises(Killed):
                await seed_demo(parts.database, dying, quiet)
            await seed_demo(parts.database, parts.contexts, quiet)
            yield parts.contexts
    finally:
        s3.stop()


async def demo_products(contexts: Contexts) -> dict[str, Product]:
    return await contexts.catalog.products.by_skus([material.sku for material in MATERIALS], None)


async def account_of(contexts: Contexts, email: str) -> Account:
    signed_in = await contexts.identity.sign_in(email, DEMO_PASSWORD, Device(), SYSTEM)
    assert isinstance(signed_in, SignedIn)
    assert signed_in.viewer.account is not None
    return signed_in.viewer.account


async def price(contexts: Contexts, account: Account, sku: str, quantity: str = "1") -> ResolvedPrice | None:
    line = Line((await demo_products(contexts))[sku].id, Decimal(quantity))
    perspective = Perspective(account.id, account.state, account.tier)
    (found,) = await contexts.pricing.resolve(perspective, [line])
    return found


async def test_every_material_is_on_its_shelf_and_the_shelves_keep_their_order(contexts: Contexts) -> None:
    products = await demo_products(contexts)
    assert len(products) == len(MATERIALS)
    for material in MATERIALS:
        product = products[material.sku]
        assert (product.name, product.unit) == (material.name, material.unit)
        assert product.category.slug == material.category_slug
        assert product.availability.available == material.stock
    shown = [category.slug for category in await contexts.catalog.categories.all()]
    assert shown == list(dict.fromkeys(material.category_slug for material in MATERIALS))


async def test_a_picture_of_a_product_is_in_the_store(contexts: Contexts) -> None:
    image = (await demo_products(contexts))["CIM-0001"].image
    assert image is not None
    key = image.url[image.url.index("products/") :]
    stored = await contexts.catalog.images.get(key)
    assert stored is not None
    assert stored.content_type == "image/png"
    assert stored.content.startswith(b"\x89PNG")


async def test_every_demo_account_signs_in_and_has_its_reach(contexts: Contexts) -> None:
    signed_in = {
        email: await contexts.identity.sign_in(email, DEMO_PASSWORD, Device(), SYSTEM)
        for email, _ in DEMO_ACCOUNTS
    }
    principals = {
        email: outcome.principal for email, outcome in signed_in.items() if isinstance(outcome, SignedIn)
    }
    assert principals.keys() == signed_in.keys()
    sp = await account_of(contexts, "comprador.sp@prumo.example")
    pa = await account_of(contexts, "comprador.pa@prumo.example")
    assert (sp.cnpj, sp.state, pa.cnpj, pa.state) == (SP_CNPJ, "SP", PA_CNPJ, "PA")
    both = [sp.id, pa.id]
    seen = {
        email: set(await contexts.identity.accounts.visible(principal, both))
        for email, principal in principals.items()
    }
    assert seen["gestor.sp@prumo.example"] == {sp.id}
    assert seen["rep@prumo.example"] == {sp.id}
    assert seen["vendas@prumo.example"] == {sp.id, pa.id}
    assert seen["comprador.pa@prumo.example"] == {pa.id}
    assert "account:manage" in principals["gestor.sp@prumo.example"].scopes
    assert "price:write" in principals["precos@prumo.example"].scopes
    assert "catalog:write" in principals["catalogo@prumo.example"].scopes


async def test_each_level_of_prices_is_there_for_whom_it_is_for(contexts: Contexts) -> None:
    sp = await account_of(contexts, "comprador.sp@prumo.example")
    pa = await account_of(contexts, "comprador.pa@prumo.example")
    negotiated, in_pa = await price(contexts, sp, "CIM-0001"), await price(contexts, pa, "CIM-0001")
    assert negotiated is not None and in_pa is not None
    assert (negotiated.source, negotiated.unit_price.amount) == (PriceSource.BUYER, Decimal("34.20"))
    assert (in_pa.source, in_pa.unit_price.amount) == (PriceSource.STATE, Decimal("43.50"))


async def test_the_smallest_quantity_that_is_sold_has_a_price(contexts: Contexts) -> None:
    pa = await account_of(contexts, "comprador.pa@prumo.example")
    products = await demo_products(contexts)
    lines = [
        Line(products[material.sku].id, material.quantity_step)
        for material in MATERIALS
        if material.national is not None
    ]
    prices = await contexts.pricing.resolve(Perspective(pa.id, pa.state, pa.tier), lines)
    assert all(prices)


async def test_what_is_made_to_order_has_no_price(contexts: Contexts) -> None:
    pa = await account_of(contexts, "comprador.pa@prumo.example")
    unpriced = [
        material.sku
        for material in MATERIALS
        if material.national is None and not material.states and material.sp_account is None
    ]
    assert len(unpriced) >= 5
    assert [await price(contexts, pa, sku) for sku in unpriced] == [None] * len(unpriced)


async def test_a_second_start_touches_nothing_in_a_few_statements(
    contexts: Contexts, database: Database
) -> None:
    changed = ProductDraft("CIM-0002", "Cimento renomeado", "SC", Decimal(1), "cimento", "Cimento")
    assert isinstance(await contexts.catalog.publish([changed], SYSTEM), Published)
    with counting_statements() as count:
        await seed_demo(database, contexts, quiet)
    assert count.statements == 3
    assert (await demo_products(contexts))["CIM-0002"].name == "Cimento renomeado"


@pytest.fixture
async def other_shop(postgres: Postgres, template: str, tmp_path: Path) -> AsyncIterator[Parts]:
    """On a database of its own; its pictures go nowhere."""
    url = await copied(postgres, template)
    settings = Settings(
        home=tmp_path,
        database_url=url,
        s3_endpoint="http://127.0.0.1:9",
        s3_key="x",
        s3_secret="x",
        signing_key_secret=SECRET,
    )
    await first_key_at(url)
    async with bootstrap(settings) as parts:
        catalog = replace(parts.contexts.catalog, images=NoStore())
        yield replace(parts, contexts=replace(parts.contexts, catalog=catalog))


async def counts(parts: Parts) -> tuple[int, int, int]:
    """Users, accounts and prices negotiated with one."""
    statement = """
        SELECT (SELECT count(*) FROM identity.users), (SELECT count(*) FROM identity.buyer_accounts),
               (SELECT count(*) FROM pricing.prices WHERE source = 'BUYER')
    """
    async with parts.database.reading() as connection:
        users, accounts, prices = (await connection.execute(text(statement))).one()
    return users, accounts, prices


async def test_the_goods_come_without_people_and_the_people_later(other_shop: Parts) -> None:
    database, contexts = other_shop.database, other_shop.contexts
    for _ in range(2):
        await seed_demo(database, contexts, quiet, people=False)
        assert await counts(other_shop) == (0, 0, 0)
    cement = (await demo_products(contexts))["CIM-0001"].id
    changed = PriceDraft(
        cement, PriceSource.NATIONAL, None, None, None, Decimal(1), Decimal("77.7"), PRICES_SINCE
    )
    await contexts.pricing.load([changed], SYSTEM)
    for _ in range(2):
        await seed_demo(database, contexts, quiet)
        negotiated = sum(material.sp_account is not None for material in MATERIALS)
        assert await counts(other_shop) == (len(DEMO_ACCOUNTS), 2, negotiated)
    (found,) = await contexts.pricing.resolve(Perspective(None, None, None), [Line(cement, Decimal(1))])
    assert found is not None
    assert found.unit_price.amount == Decimal("77.7")  # nobody set it back


async def test_products_without_prices_get_them_with_the_next_start(other_shop: Parts) -> None:
    """The seed was killed between the two."""
    database, contexts = other_shop.database, other_shop.contexts
    with pytest.raises(Killed):
        await seed_demo(database, replace(contexts, pricing=replace(contexts.pricing, load=Dying())), quiet)
    await seed_demo(database, contexts, quiet)
    assert (await counts(other_shop))[2] > 0
