"""Large synthetic data for benchmarks: products like the demo's, and prices negotiated with many accounts."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from stdnum.br import cnpj

from contexts.catalog.adapters.copy import CatalogCopy, NewProduct
from contexts.identity.adapters.copy import AccountCopy, AccountDraft
from contexts.identity.api import Address
from contexts.pricing.adapters.price_copy import PriceCopy
from contexts.pricing.api import EVERY_QUANTITY, Line, Perspective, PriceDraft, PriceSource, Pricing
from contexts.shared.adapters.database import Database
from gateway.seed.demo import PRICES_SINCE, SP_CNPJ, Report, seed_demo
from gateway.seed.materials import Material, read_materials
from resolvers.vocabulary.context import Contexts

SKU_PREFIX = "BULK-"
STATES = ("SP", "PA", "MG")
SP_ACCOUNT_PRICES = 100
LEAST_ACCOUNTS = 500

_ADDRESSES = (
    Address("Avenida Paulista", "1000", "Bela Vista", "São Paulo", "SP", "01310100"),
    Address("Avenida Nazaré", "500", "Nazaré", "Belém", "PA", "66035170"),
    Address("Avenida Afonso Pena", "1500", "Centro", "Belo Horizonte", "MG", "30130005"),
)
_CREATED_SINCE = datetime(2025, 6, 1, tzinfo=UTC)
_CENTAVO = Decimal("0.01")
_UNPRICED_MATERIAL = Decimal("49.90")
_ASKED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class BulkSummary:
    """What a bulk seed added to what was there; `prices` are at all levels."""

    products: int
    accounts: int
    prices: int
    seconds: float

    def __str__(self) -> str:
        if not self.products + self.accounts + self.prices:
            return (
                "Nothing to add: these products and their prices are there. Only new products bring prices."
            )
        return (
            f"Added {self.products:,} products, {self.accounts:,} buyer accounts and {self.prices:,} prices "
            f"in {self.seconds:.0f} s."
        )


@dataclass(frozen=True, slots=True)
class _Good:
    """The synthetic product of a number, from 0 on: a variant of a material."""

    number: int
    material: Material
    variant: int

    @property
    def sku(self) -> str:
        return f"{SKU_PREFIX}{self.number + 1:07}"

    @property
    def national(self) -> Decimal:
        """80 to 120 % of the material's price."""
        percent = 80 + self.number * 37 % 41
        return _percent(self.material.national or _UNPRICED_MATERIAL, percent)


async def seed_bulk(
    database: Database,
    contexts: Contexts,
    products: int,
    prices: int,
    report: Report,
    *,
    states: Sequence[str] = STATES,
    people: bool = True,
) -> BulkSummary:
    """Have `products` synthetic products, BULK-0000001 and on, with `prices` negotiated prices among them.

    Each also has a national price and one in each of the `states`; about a hundred have one more, negotiated
    with the demo's SP account, where it is (`people` makes it). A product gets all its prices at once: run again,
    only products without any get theirs, so what is there is never touched, and a run that was interrupted is
    completed.
    """
    await seed_demo(database, contexts, report, people=people)
    begun = time.monotonic()
    async with _each_second(report) as now:
        now("looking what is there")
        goods = _goods(products)
        catalog = CatalogCopy(database)
        ids = await catalog.ids(SKU_PREFIX)
        unpriced = await _unpriced(contexts.pricing, [ids[good.sku] for good in goods if good.sku in ids])
        shelves = {category.slug: category.id for category in await contexts.catalog.categories.all()}
        new = [_product(good, shelves) for good in goods if good.sku not in ids]
        added = await catalog(new, lambda copied: now(f"products: {copied:,} of {len(new):,}"))
        ids |= added

        now("opening buyer accounts")
        buyers = AccountCopy(database)
        firms = _firms(max(LEAST_ACCOUNTS, -(-prices // max(1, products))))
        opened = await buyers(firms)
        accounts = await buyers.by_cnpj([SP_CNPJ, *(firm.cnpj for firm in firms)])

        deals = _Deals(products, prices, [accounts[firm.cnpj] for firm in firms], accounts.get(SP_CNPJ))
        incomplete = [good for good in goods if good.sku in added or ids[good.sku] in unpriced]
        total = sum(1 + len(states) + len(deals.of(good)) for good in incomplete)

        def drafts() -> Iterator[PriceDraft]:
            for good in incomplete:
                yield from _prices(good, ids[good.sku], states, deals.of(good))
            now("building the indexes of the prices")

        written = 0
        if incomplete:
            written = await PriceCopy(database)(
                drafts(), lambda copied: now(f"prices: {copied:,} of {total:,}")
            )
        if new or written:
            now("collecting statistics for the planner")
            async with database.reading() as connection:
                await connection.execute(text("VACUUM (ANALYZE)"))
    return BulkSummary(len(added), opened, written, time.monotonic() - begun)


@dataclass(frozen=True, slots=True)
class _Deals:
    """Which accounts negotiated which product: `prices` deals, spread evenly over products and accounts."""

    products: int
    prices: int
    accounts: Sequence[UUID]
    sp_account: UUID | None

    def of(self, good: _Good) -> list[UUID]:
        """The accounts that have a price of their own for the product."""
        first = good.number * self.prices // self.products
        end = (good.number + 1) * self.prices // self.products
        accounts = [self.accounts[deal % len(self.accounts)] for deal in range(first, end)]
        if self.sp_account is not None and good.number % max(1, self.products // SP_ACCOUNT_PRICES) == 0:
            accounts.append(self.sp_account)
        return accounts


def _goods(count: int) -> list[_Good]:
    materials = read_materials()
    return [
        _Good(number, materials[number % len(materials)], number // len(materials) + 1)
        for number in range(count)
    ]


def _product(good: _Good, shelves: Mapping[str, UUID]) -> NewProduct:
    material = good.material
    return NewProduct(
        sku=good.sku,
        name=f"{material.name} modelo {good.variant}",
        unit=material.unit,
        quantity_step=material.quantity_step,
        category_id=shelves[material.category_slug],
        stock=Decimal(good.number % 2_000),
        low_stock_at=Decimal(50),
        created_at=_CREATED_SINCE + timedelta(seconds=good.number),
    )


def _firms(count: int) -> list[AccountDraft]:
    """Buyer accounts whose CNPJs begin with 77, which makes them the same ones in every run."""
    drafts = []
    for number in range(1, count + 1):
        root = f"77{number:06}0001"
        drafts.append(
            AccountDraft(
                cnpj=root + cnpj.calc_check_digits(root),
                legal_name=f"Construtora Sintética {number:04} Ltda.",
                tier=(None, "PRATA", "OURO")[number % 3],
                address=_ADDRESSES[number % len(_ADDRESSES)],
            )
        )
    return drafts


def _prices(
    good: _Good, product_id: UUID, states: Sequence[str], accounts: Sequence[UUID]
) -> Iterator[PriceDraft]:
    national, every = good.national, EVERY_QUANTITY
    yield PriceDraft(product_id, PriceSource.NATIONAL, None, None, None, every, national, PRICES_SINCE)
    for place, state in enumerate(states):
        amount = _percent(national, 96 + (good.number + 5 * place) % 13)
        yield PriceDraft(product_id, PriceSource.STATE, None, state, None, every, amount, PRICES_SINCE)
    for place, account in enumerate(accounts):
        amount = _percent(national, 85 + (good.number + place) % 14)
        yield PriceDraft(product_id, PriceSource.BUYER, account, None, None, every, amount, PRICES_SINCE)


def _percent(amount: Decimal, percent: int) -> Decimal:
    return (amount * percent / 100).quantize(_CENTAVO)


async def _unpriced(pricing: Pricing, product_ids: Sequence[UUID]) -> Collection[UUID]:
    """Those without a national price, left so by a run that was interrupted."""
    unpriced = set(product_ids)
    for start in range(0, len(product_ids), _ASKED_AT_ONCE):
        lines = [Line(id, Decimal(1)) for id in product_ids[start : start + _ASKED_AT_ONCE]]
        prices = await pricing.resolve(Perspective(None, None, None), lines)
        unpriced -= {price.product_id for price in prices if price is not None}
    return unpriced


@asynccontextmanager
async def _each_second(report: Report) -> AsyncIterator[Callable[[str], None]]:
    """Report the last thing said inside the block, once a second and with the seconds since it began."""
    begun = time.monotonic()
    last = ""

    def now(doing: str) -> None:
        nonlocal last
        last = doing

    async def tell() -> None:
        while True:
            await asyncio.sleep(1)
            report(f"{time.monotonic() - begun:4.0f} s  {last}")

    telling = asyncio.create_task(tell())
    try:
        yield now
    finally:
        telling.cancel()
