"""The demo shop: its materials, prices, buyer accounts and people, loaded on the first start."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from contexts.catalog.api import Images, ProductDraft, Published
from contexts.identity.adapters.copy import AccountCopy
from contexts.identity.api import (
    AccountOpened,
    AccountStatus,
    Address,
    Device,
    Identity,
    SignedIn,
    UserAdded,
)
from contexts.pricing.api import EVERY_QUANTITY, Line, Perspective, PriceDraft, PriceSource
from contexts.shared.adapters.database import Database
from contexts.shared.audit import SYSTEM
from contexts.shared.codes import DetailCode
from contexts.shared.rejections import InvalidInput
from gateway.seed.materials import FILES, Material, read_materials
from resolvers.vocabulary.context import Contexts

Report = Callable[[str], None]

DEMO_PASSWORD = "prumo-demo"  # noqa: S105 - the demo's, told to everybody
DEMO_ACCOUNTS = (
    ("comprador.sp@prumo.example", "buys for the account in SP, which has negotiated prices"),
    ("comprador.pa@prumo.example", "buys for the account in PA"),
    ("gestor.sp@prumo.example", "administers the account in SP"),
    ("rep@prumo.example", "sales rep of the account in SP"),
    ("vendas@prumo.example", "sales manager, all accounts"),
    ("precos@prumo.example", "pricing"),
    ("catalogo@prumo.example", "catalog"),
    ("admin@prumo.example", "administrator"),
)
SP_CNPJ = "11222333000181"
# The form with letters that the tax authority issues since July 2026; this one is its own example.
PA_CNPJ = "12ABC34501DE35"

PRICES_SINCE = datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-3)))


@dataclass(frozen=True, slots=True)
class _Person:
    email: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class _Firm:
    cnpj: str
    legal_name: str
    tier: str | None
    address: Address
    users: tuple[_Person, ...]


_STAFF = (
    _Person("rep@prumo.example", "Rafael Nogueira", "sales_rep"),
    _Person("vendas@prumo.example", "Helena Duarte", "sales_manager"),
    _Person("precos@prumo.example", "Otávio Lins", "pricing"),
    _Person("catalogo@prumo.example", "Beatriz Amaral", "catalog"),
    _Person("admin@prumo.example", "Sílvia Prado", "admin"),
)
_SP = _Firm(
    SP_CNPJ,
    "Construtora Horizonte Paulista Ltda.",
    "OURO",
    Address("Rua Vergueiro", "1855", "Vila Mariana", "São Paulo", "SP", "04101000"),
    (
        _Person("comprador.sp@prumo.example", "Marcos Teixeira", "buyer"),
        _Person("gestor.sp@prumo.example", "Carla Menezes", "account_admin"),
    ),
)
_PA = _Firm(
    PA_CNPJ,
    "Casa do Construtor Marajoara Ltda.",
    None,
    Address("Travessa Padre Eutíquio", "912", "Batista Campos", "Belém", "PA", "66023710"),
    (_Person("comprador.pa@prumo.example", "Iracema Souza", "buyer"),),
)


async def seed_demo(database: Database, contexts: Contexts, report: Report, *, people: bool = True) -> None:
    """Load the demo data once; with the demo's `people`, whose password everybody knows, and their accounts, or
    without.

    The prices come last and in one transaction: where one of them is, all is there, and nothing is touched
    that somebody may have changed since. The same is true of the people and the prices negotiated with them. Before
    that every step can be taken again, so that a seed that was killed half way is completed by the next start.
    """
    materials, known = read_materials(), AccountCopy(database)
    products = await contexts.catalog.products.by_skus([material.sku for material in materials], None)
    lines = [Line(product.id, Decimal(1_000)) for product in products.values()]
    firms = await known.by_cnpj([SP_CNPJ])
    found = await contexts.pricing.resolve(Perspective(firms.get(SP_CNPJ), None, None), lines)
    prices = [price for price in found if price is not None]
    negotiated = any(price.source is PriceSource.BUYER for price in prices)
    if prices and (negotiated or not people):
        report("the demo data is there already")
        return
    sp_account = None
    if people:
        sp_account = await _open_accounts(known, contexts.identity)
        report(f"{len(DEMO_ACCOUNTS)} demo users: the people of 2 buyer accounts, and the staff")
    if prices:
        product_ids = {sku: product.id for sku, product in products.items()}
    else:
        product_ids = await _publish(contexts, materials, report)
    drafts = [
        price
        for material in materials
        if material.sku in product_ids
        for price in _prices(material, product_ids[material.sku], sp_account)
        if not prices or price.source is PriceSource.BUYER
    ]
    loaded = await contexts.pricing.load(drafts, SYSTEM)
    report(f"{loaded.written} demo prices")


async def _publish(contexts: Contexts, materials: Sequence[Material], report: Report) -> dict[str, UUID]:
    """Put the materials on their shelves, with pictures; the products' ids by SKU."""
    await contexts.catalog.images.prepare()
    image_keys = await _put_images(contexts.catalog.images)
    published = await contexts.catalog.publish(
        [_product(material, image_keys) for material in materials], SYSTEM
    )
    if not isinstance(published, Published):
        raise ValueError(f"gateway/demo/materials.csv: {published.details}")
    report(f"{len(published.product_ids)} demo products, {len(image_keys)} images")
    return dict(published.product_ids)


async def _open_accounts(known: AccountCopy, identity: Identity) -> UUID:
    """Make the accounts and their people, as far as they are missing; the id of the SP account."""
    rep_id, *_ = await asyncio.gather(*(_add_user(identity, person, None) for person in _STAFF))
    ids = await known.by_cnpj([SP_CNPJ, PA_CNPJ])
    sp_account = ids.get(SP_CNPJ) or await _open(identity, _SP, [rep_id])
    pa_account = ids.get(PA_CNPJ) or await _open(identity, _PA, [])
    await asyncio.gather(
        *(_add_user(identity, person, sp_account) for person in _SP.users),
        *(_add_user(identity, person, pa_account) for person in _PA.users),
    )
    return sp_account


async def _open(identity: Identity, firm: _Firm, rep_ids: list[UUID]) -> UUID:
    opened = await identity.open_account(
        legal_name=firm.legal_name,
        cnpj=firm.cnpj,
        address=firm.address,
        tier=firm.tier,
        status=AccountStatus.APPROVED,
        rep_ids=rep_ids,
    )
    if not isinstance(opened, AccountOpened):
        raise ValueError(f"{firm.cnpj}: {opened.details}")
    return opened.account.id


async def _add_user(identity: Identity, person: _Person, account_id: UUID | None) -> UUID:
    """Add the user, or, when a killed seed did already, sign them in to learn their id."""
    added = await identity.add_user(
        email=person.email,
        name=person.name,
        password=DEMO_PASSWORD,
        roles=[person.role],
        account_id=account_id,
    )
    match added:
        case UserAdded(user):
            return user.id
        case InvalidInput(details) if [detail.code for detail in details] == [DetailCode.TAKEN]:
            signed_in = await identity.sign_in(person.email, DEMO_PASSWORD, Device(), SYSTEM)
            if isinstance(signed_in, SignedIn):
                return signed_in.principal.user_id
    raise ValueError(f"{person.email}: {added}")


async def _put_images(images: Images) -> dict[str, str]:
    """Put the pictures into the object store; their keys by file name. A changed picture gets a new key."""

    async def put(name: str, content: bytes) -> tuple[str, str]:
        key = f"products/{name.removesuffix('.png')}-{sha256(content).hexdigest()[:12]}.png"
        await images.put(key, content, "image/png")
        return name, key

    pictures = FILES.joinpath("images").iterdir()
    return dict(await asyncio.gather(*(put(picture.name, picture.read_bytes()) for picture in pictures)))


def _product(material: Material, image_keys: Mapping[str, str]) -> ProductDraft:
    return ProductDraft(
        sku=material.sku,
        name=material.name,
        unit=material.unit,
        quantity_step=material.quantity_step,
        category_slug=material.category_slug,
        category_name=material.category_name,
        stock=material.stock,
        low_stock_at=material.low_stock_at,
        image_key=image_keys[material.image] if material.image else None,
        # The pictures show the kind of material, not the very product.
        image_alt=f"{material.category_name} (imagem ilustrativa)" if material.image else None,
    )


def _prices(material: Material, product_id: UUID, sp_account: UUID | None) -> Iterator[PriceDraft]:
    every, national = EVERY_QUANTITY, PriceSource.NATIONAL
    if material.national is not None:
        yield PriceDraft(product_id, national, None, None, None, every, material.national, PRICES_SINCE)
    if material.bulk is not None:
        yield PriceDraft(product_id, national, None, None, None, *material.bulk, PRICES_SINCE)
    for state, amount in material.states.items():
        yield PriceDraft(product_id, PriceSource.STATE, None, state, None, every, amount, PRICES_SINCE)
    if sp_account is not None and (negotiated := material.sp_account) is not None:
        yield PriceDraft(
            product_id, PriceSource.BUYER, sp_account, None, None, every, negotiated, PRICES_SINCE
        )
