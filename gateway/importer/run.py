"""`prumo import`: a published price sheet becomes products with a price in its state."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from contexts.catalog.api import Product, ProductDraft
from contexts.pricing.api import EVERY_QUANTITY, PriceDraft, PriceSource
from contexts.shared.audit import SYSTEM
from contexts.shared.clock import BRASILIA
from contexts.shared.codes import DetailCode
from contexts.shared.rejections import Detail, InvalidInput
from contexts.shared.states import STATES
from gateway.importer.shelves import Shelf
from gateway.importer.sinapi import Good, NoTable, Reject, Sheet, parse
from gateway.importer.spreadsheet import Rows, Unreadable, read_worksheets
from resolvers.vocabulary.context import Contexts

Report = Callable[[str], None]

_WORD = re.compile(r"[A-Za-z]+")
_SHOWN_REJECTS = 20


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to read a sheet. What is None is taken from the sheet itself.

    `stock`: a price sheet counts nothing, so a product that is new gets this much on hand, in its unit;
    one that is there already keeps what it has. `category`: the slug of a shelf for all the goods.
    """

    state: str | None = None
    keep_labour: bool = False
    category: str | None = None
    stock: Decimal = Decimal(1000)


@dataclass(frozen=True, slots=True)
class ImportFailed:
    """Nothing was imported; `reason` says why and what to do."""

    reason: str


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import found and did. The rows are its goods, labour left out, and rejects."""

    state: str
    valid_from: datetime
    rows: int
    goods: int
    labour: int
    created: int
    updated: int
    unchanged: int
    prices_written: int
    prices_unchanged: int
    rejects: tuple[Reject, ...]
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        figures = [
            ("rows read", self.rows),
            ("goods", self.goods),
            ("labour rows left out", self.labour),
            ("rows rejected", len(self.rejects)),
            ("products created", self.created),
            ("products updated", self.updated),
            ("products unchanged", self.unchanged),
            ("prices written", self.prices_written),
            ("prices unchanged", self.prices_unchanged),
        ]
        lines = [f"Prices for {self.state}, valid from {self.valid_from:%Y-%m-%d}:"]
        lines += [f"  {what:<22}{figure:>8,}" for what, figure in figures]
        lines += [f"  rejected row {reject.row}: {reject.reason}" for reject in self.rejects[:_SHOWN_REJECTS]]
        if (more := len(self.rejects) - _SHOWN_REJECTS) > 0:
            lines.append(f"  … and {more:,} more rejected rows")
        lines += [f"  warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)


async def run_import(
    contexts: Contexts, file: Path, options: ImportOptions, report: Report
) -> ImportSummary | ImportFailed:
    """Import a sheet: all of it is read before anything is written, the products in one transaction and then
    their prices in one. A row that would change the unit or step of a product in use is rejected.

    Importing it again changes nothing, and completes an import that was interrupted.
    """
    shelf = None
    if options.category is not None:
        shelves = {category.slug: category.name for category in await contexts.catalog.categories.all()}
        if options.category not in shelves:
            return ImportFailed(
                f"There is no category {options.category!r}. Take one of: {', '.join(shelves)}."
            )
        shelf = Shelf(options.category, shelves[options.category])
    report(f"reading {file.name}")
    worksheets = read_worksheets(file)
    if isinstance(worksheets, Unreadable):
        return ImportFailed(worksheets.reason)
    sheet = _first_table(worksheets, options.keep_labour, shelf)
    if sheet is None:
        return ImportFailed(
            f"{file} has no row with the titles CODIGO, DESCRICAO, UNIDADE and PRECO. "
            "Import the price sheet as SINAPI publishes it."
        )
    state = options.state.upper() if options.state else sheet.state or _state_in(file.stem)
    if state not in STATES:
        return ImportFailed(
            f"{state} is not a state of Brazil. Give its two letters, e.g. --state PA."
            if state
            else f"{file} does not tell which state its prices are for. Say it, e.g. --state PA."
        )
    if not sheet.goods:
        return ImportFailed(f"{file} has no row that can be sold: {_first_problem(sheet)}")
    now = datetime.now(UTC)
    return await _load(contexts, sheet, state, options.stock, now, report)


async def _load(
    contexts: Contexts, sheet: Sheet, state: str, stock: Decimal, now: datetime, report: Report
) -> ImportSummary | ImportFailed:
    known = await contexts.catalog.products.by_skus([good.sku for good in sheet.goods], None)
    changed = [good for good in sheet.goods if not _is_as(good, known.get(good.sku))]
    report(f"publishing {len(changed):,} products that are new or changed")
    rejects = list(sheet.rejects)
    while isinstance(
        published := await contexts.catalog.publish(
            [_product(good, None if good.sku in known else stock) for good in changed], SYSTEM
        ),
        InvalidInput,
    ):
        in_use = _in_use(changed, published)
        if not in_use:
            return ImportFailed(_refusal(changed, published))
        rejects += in_use
        refused = {reject.row for reject in in_use}
        changed = [good for good in changed if good.row not in refused]
    refused = {reject.row for reject in rejects}
    goods = [good for good in sheet.goods if good.row not in refused]
    ids = {sku: product.id for sku, product in known.items()} | published.product_ids
    valid_from = now if sheet.month is None else _first_instant(sheet.month)
    report(f"loading prices for {state}")
    loaded = await contexts.pricing.load(
        [_price(good, ids[good.sku], state, valid_from) for good in goods], SYSTEM
    )
    misfits = {draft.product_id for draft in loaded.misfits}
    rejects += [
        Reject(good.row, f"{good.sku} is not sold by the {good.unit} any more: somebody changed it meanwhile")
        for good in goods
        if ids[good.sku] in misfits
    ]
    return ImportSummary(
        state=state,
        valid_from=valid_from,
        rows=sheet.rows,
        goods=len(goods) - len(misfits),
        labour=sheet.labour,
        created=published.created,
        updated=published.updated,
        unchanged=len(goods) - len(changed),
        prices_written=loaded.written,
        prices_unchanged=loaded.unchanged,
        rejects=tuple(sorted(rejects, key=lambda reject: reject.row)),
        warnings=tuple(_warnings(sheet, state, valid_from, now)),
    )


def _first_table(worksheets: Sequence[Rows], keep_labour: bool, shelf: Shelf | None) -> Sheet | None:
    sheets = (parse(rows, labour=keep_labour, shelf=shelf) for rows in worksheets)
    return next((sheet for sheet in sheets if not isinstance(sheet, NoTable)), None)


def _state_in(file_name: str) -> str | None:
    """The state that the words of a file's name name, such as the PA of sinapi-insumos-PA-2024-12."""
    named = {word for word in _WORD.findall(file_name) if word in STATES}
    return named.pop() if len(named) == 1 else None


def _first_instant(month: date) -> datetime:
    """A month's prices hold from its first day on, by the clocks of Brasília."""
    return datetime(month.year, month.month, 1, tzinfo=BRASILIA)


def _is_as(good: Good, product: Product | None) -> bool:
    """Whether the catalog says the same of the product already."""
    return product is not None and (
        (good.name, good.unit, good.quantity_step, good.shelf.slug, good.shelf.name)
        == (product.name, product.unit, product.quantity_step, product.category.slug, product.category.name)
    )


def _product(good: Good, stock: Decimal | None) -> ProductDraft:
    return ProductDraft(
        sku=good.sku,
        name=good.name,
        unit=good.unit,
        quantity_step=good.quantity_step,
        category_slug=good.shelf.slug,
        category_name=good.shelf.name,
        stock=stock,
    )


def _price(good: Good, product_id: UUID, state: str, valid_from: datetime) -> PriceDraft:
    return PriceDraft(
        product_id=product_id,
        source=PriceSource.STATE,
        account_id=None,
        state=state,
        tier=None,
        min_quantity=EVERY_QUANTITY,
        amount=good.price,
        valid_from=valid_from,
        unit=good.unit,
    )


def _warnings(sheet: Sheet, state: str, valid_from: datetime, now: datetime) -> list[str]:
    warnings = []
    if sheet.announced is None:
        warnings.append("the sheet does not say how many rows it has, so a cut one would not be noticed")
    elif sheet.announced != sheet.rows:
        warnings.append(f"the sheet says that it has {sheet.announced:,} rows, but {sheet.rows:,} were found")
    if sheet.state not in (None, state):
        warnings.append(f"the sheet's place is in {sheet.state}, its prices were loaded for {state}")
    if sheet.month is None:
        warnings.append("the sheet does not tell its month, its prices are valid from now on")
    elif valid_from > now:
        warnings.append(f"the sheet's prices are not valid before {valid_from:%Y-%m-%d}")
    return warnings


def _first_problem(sheet: Sheet) -> str:
    if sheet.rejects:
        return f"row {sheet.rejects[0].row}, {sheet.rejects[0].reason}."
    return "all are labour (unit H or MES)." if sheet.labour else "the table is empty."


def _in_use(goods: Sequence[Good], refused: InvalidInput) -> list[Reject]:
    """The rows whose products keep their units and steps; none when the catalog has other complaints as well."""
    if not {detail.code for detail in refused.details} <= {DetailCode.UNIT_IN_USE, DetailCode.STEP_IN_USE}:
        return []
    return [Reject(goods[_index(detail)].row, detail.message) for detail in refused.details]


def _refusal(goods: Sequence[Good], refused: InvalidInput) -> str:
    """The catalog's first complaint, at the sheet's row."""
    detail = refused.details[0]
    row = f"row {goods[_index(detail)].row}: "
    return f"Nothing was imported, the catalog refuses {len(refused.details)} of the values: {row}{detail.message}."


def _index(detail: Detail) -> int:
    """Which draft it is about: its path is (input, products, index, field)."""
    return int(detail.path[2])
