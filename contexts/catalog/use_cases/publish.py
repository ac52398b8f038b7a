"""Putting products on the shelf, many at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from contexts.catalog.domain.images import is_image_key
from contexts.catalog.domain.slugs import distinct_slugs, kebab, slug_of
from contexts.catalog.ports import ProductDraft, Published, Shelf
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.quantity import QUANTITY_DECIMALS, decimals
from contexts.shared.rejections import Detail, InvalidInput
from contexts.shared.transaction import Transactions

MAX_SKU = 64
MAX_NAME = 500
MAX_UNIT = 16
MAX_CATEGORY_NAME = 120
MAX_STOCK = Decimal(10**11)

Problem = tuple[str, str, str]
"""Field of the draft, code, message."""


@dataclass(frozen=True, slots=True)
class PublishProducts:
    """Makes or updates all the products of one call, or, when one draft is wrong, none."""

    transactions: Transactions
    shelf: Shelf
    clock: Clock

    async def __call__(self, drafts: Sequence[ProductDraft], by: Actor) -> Published | InvalidInput:
        details = tuple(
            Detail(("input", "products", str(index), field), code, message)
            for index, draft in enumerate(drafts)
            for field, code, message in _problems(draft)
        ) + tuple(_repeated(drafts))
        if details:
            return InvalidInput(details)
        names = [(draft.name, draft.sku) for draft in drafts]
        async with self.transactions.begin() as transaction:
            await self.shelf.lock(transaction)
            taken = await self.shelf.slug_owners(transaction, {slug_of(name, sku) for name, sku in names})
            published = await self.shelf.put(transaction, drafts, distinct_slugs(names, taken))
            if drafts:
                facts = {"created": published.created, "updated": published.updated}
                await transaction.record(
                    Act(by, "catalog.products_published", Subject("Product"), self.clock.now(), after=facts)
                )
            await transaction.commit()
        return published


def _problems(draft: ProductDraft) -> Iterator[Problem]:
    yield from _text("sku", draft.sku, MAX_SKU)
    if not kebab(draft.sku):
        yield "sku", "INVALID", "sku needs a letter or a digit"
    yield from _text("name", draft.name, MAX_NAME)
    yield from _text("unit", draft.unit, MAX_UNIT)
    yield from _text("categoryName", draft.category_name, MAX_CATEGORY_NAME)
    if not draft.category_slug or kebab(draft.category_slug) != draft.category_slug:
        yield "categorySlug", "INVALID", "categorySlug must be lower-case words joined by hyphens"
    yield from _number("quantityStep", draft.quantity_step)
    if draft.quantity_step == 0:
        yield "quantityStep", "INVALID", "quantityStep must be more than zero"
    yield from _number("stock", draft.stock or Decimal(0))
    yield from _number("lowStockAt", draft.low_stock_at or Decimal(0))
    if draft.image_key is not None and not is_image_key(draft.image_key):
        yield (
            "imageKey",
            "INVALID",
            "imageKey must be plain names joined by slashes, the first of them products",
        )
    if draft.image_alt is not None:
        yield from _text("imageAlt", draft.image_alt, MAX_NAME)


def _text(field: str, value: str, limit: int) -> Iterator[Problem]:
    if not value.strip():
        yield field, "REQUIRED", f"{field} must not be blank"
    elif value != value.strip() or not value.isprintable():
        yield field, "INVALID", f"{field} must be printable text without spaces around it"
    elif len(value) > limit:
        yield field, "TOO_LONG", f"{field} may have {limit} characters"


def _number(field: str, value: Decimal) -> Iterator[Problem]:
    if not value.is_finite():
        yield field, "INVALID", f"{field} must be a number"
    elif value < 0:
        yield field, "NEGATIVE", f"{field} must not be negative"
    elif value >= MAX_STOCK:
        yield field, "TOO_LARGE", f"{field} must be less than {MAX_STOCK}"
    elif decimals(value) > QUANTITY_DECIMALS:
        yield field, "TOO_MANY_DECIMALS", f"{field} may have {QUANTITY_DECIMALS} decimals"


def _repeated(drafts: Sequence[ProductDraft]) -> Iterator[Detail]:
    seen = set()
    for index, draft in enumerate(drafts):
        if draft.sku in seen:
            yield Detail(
                ("input", "products", str(index), "sku"), "DUPLICATE", f"sku {draft.sku} comes twice"
            )
        seen.add(draft.sku)
