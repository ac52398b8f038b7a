"""Putting products on the shelf, many at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from contexts.catalog.domain.images import is_image_key
from contexts.catalog.domain.slugs import distinct_slugs, kebab, slug_of
from contexts.catalog.ports import Measured, Measures, ProductDraft, ProductWriter, Published, References
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.number import NOT_POSITIVE, number_problem
from contexts.shared.quantity import QUANTITY_DECIMALS
from contexts.shared.rejections import Detail, InvalidInput, Wrong
from contexts.shared.text import one_line, unless_blank
from contexts.shared.transaction import Transaction, Transactions

MAX_SKU = 64
MAX_NAME = 500
MAX_UNIT = 16
MAX_CATEGORY_NAME = 120
MAX_STOCK = Decimal("99999999999.999")

NOT_A_SLUG = Wrong(DetailCode.INVALID_SLUG, "must be lower-case words joined by hyphens")

Problem = tuple[str, Wrong]
"""Field of the draft, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class PublishProducts:
    """Makes or updates all the products of one call, or, when one draft is wrong, none.

    A product that something refers to keeps its unit, and its step too, unless the new step divides the old one: all
    that was a multiple of the old one is a multiple of that. `references` are by what they are, for people.
    """

    transactions: Transactions
    writer: ProductWriter
    measures: Measures
    references: Mapping[str, References]
    clock: Clock

    async def __call__(self, drafts: Sequence[ProductDraft], by: Actor) -> Published | InvalidInput:
        details = tuple(
            _detail(index, field, wrong)
            for index, draft in enumerate(drafts)
            for field, wrong in _problems(draft)
        ) + tuple(_repeated(drafts))
        if details:
            return InvalidInput(details)
        names = [(draft.name, draft.sku) for draft in drafts]
        async with self.transactions.begin() as transaction:
            await self.writer.lock(transaction)
            if in_use := await self._in_use(transaction, drafts):
                return InvalidInput(tuple(in_use))
            taken = await self.writer.slug_owners(transaction, {slug_of(name, sku) for name, sku in names})
            published = await self.writer.put(transaction, drafts, distinct_slugs(names, taken))
            if drafts:
                facts = {"created": published.created, "updated": published.updated}
                await transaction.record(
                    Act(by, "catalog.products_published", Subject("Product"), self.clock.now(), after=facts)
                )
            await transaction.commit()
        return published

    async def _in_use(self, transaction: Transaction, drafts: Sequence[ProductDraft]) -> list[Detail]:
        """The changes of a unit or step that something stands against.

        What refers to a product is asked for after others are kept from making more of it, and in the order of
        `references`; the lock lasts until the changed products are committed.
        """
        products = await self.writer.measured(transaction, [draft.sku for draft in drafts])
        changes = {
            index: product
            for index, draft in enumerate(drafts)
            if (product := products.get(draft.sku)) is not None and _changes_meaning(draft, product)
        }
        if not changes:
            return []
        await self.measures.change(transaction)
        ids = {product.product_id for product in changes.values()}
        users: dict[UUID, list[str]] = {
            product.product_id: ["stock"] if product.stocked else [] for product in changes.values()
        }
        for what, references in self.references.items():
            for product_id in await references.among(transaction, ids):
                users[product_id].append(what)
        return [
            _in_use(index, drafts[index], product, used_by)
            for index, product in changes.items()
            if (used_by := users[product.product_id])
        ]


def _changes_meaning(draft: ProductDraft, product: Measured) -> bool:
    return draft.unit != product.unit or product.quantity_step % draft.quantity_step != 0


def _in_use(index: int, draft: ProductDraft, product: Measured, used_by: Sequence[str]) -> Detail:
    if draft.unit != product.unit:
        field, code, change = "unit", DetailCode.UNIT_IN_USE, f"from {product.unit} to {draft.unit}"
    else:
        old, new = product.quantity_step.normalize(), draft.quantity_step.normalize()
        field, code = "quantityStep", DetailCode.STEP_IN_USE
        change = f"from steps of {old:f} {draft.unit} to steps of {new:f}"
    return Detail(
        ("input", "products", str(index), field),
        code,
        f"{draft.sku} cannot go {change} while it has {' and '.join(used_by)};"
        " sell it so under a new sku, or keep it as it is",
    )


def _problems(draft: ProductDraft) -> Iterator[Problem]:
    yield from _text("sku", draft.sku, MAX_SKU)
    if draft.sku.strip() and not kebab(draft.sku):
        yield "sku", Wrong(DetailCode.INVALID_SKU, "needs a letter or a digit")
    yield from _text("name", draft.name, MAX_NAME)
    yield from _text("unit", draft.unit, MAX_UNIT)
    yield from _text("categoryName", draft.category_name, MAX_CATEGORY_NAME)
    if not draft.category_slug or kebab(draft.category_slug) != draft.category_slug:
        yield "categorySlug", unless_blank(draft.category_slug, NOT_A_SLUG)
    yield from _number("quantityStep", draft.quantity_step)
    if draft.quantity_step == 0:
        yield "quantityStep", NOT_POSITIVE
    yield from _number("stock", draft.stock or Decimal(0))
    yield from _number("lowStockAt", draft.low_stock_at or Decimal(0))
    if draft.image_key is not None and not is_image_key(draft.image_key):
        yield (
            "imageKey",
            Wrong(
                DetailCode.INVALID_IMAGE_KEY,
                "must be plain names joined by slashes, the first of them products",
            ),
        )
    if draft.image_alt is not None:
        yield from _text("imageAlt", draft.image_alt, MAX_NAME)


def _text(field: str, value: str, limit: int) -> Iterator[Problem]:
    line = one_line(value, limit)
    if isinstance(line, Wrong):
        yield field, line
    elif line != value:
        yield field, Wrong(DetailCode.SPACES_AROUND, "must not begin or end with spaces")


def _number(field: str, value: Decimal) -> Iterator[Problem]:
    if (wrong := number_problem(value, MAX_STOCK, QUANTITY_DECIMALS)) is not None:
        yield field, wrong


def _repeated(drafts: Sequence[ProductDraft]) -> Iterator[Detail]:
    seen = set()
    for index, draft in enumerate(drafts):
        if draft.sku in seen:
            yield _detail(index, "sku", Wrong(DetailCode.DUPLICATE, f"{draft.sku} comes twice"))
        seen.add(draft.sku)


def _detail(index: int, field: str, wrong: Wrong) -> Detail:
    """With the field's name in the message: a sheet that is refused shows nothing else of it."""
    return Detail(("input", "products", str(index), field), wrong.code, f"{field} {wrong.message}")
