"""Publishing in PostgreSQL: a constant number of statements for any number of products."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from sqlalchemy import Boolean, exists, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import insert

from contexts.catalog.adapters.parameters import any_text, relation
from contexts.catalog.adapters.stock import lock_stock
from contexts.catalog.adapters.tables import categories, product_images, products, stock
from contexts.catalog.ports import Measured, ProductDraft, Published
from contexts.shared.adapters.database import connection_of
from contexts.shared.adapters.writers import Writer
from contexts.shared.ids import new_id
from contexts.shared.transaction import Transaction

_LOCK = "catalog.publish"
_MUTABLE = ("name", "unit", "quantity_step", "category_id")


class SqlProductWriter:
    """Writes drafts in the caller's transaction; it has no connection of its own."""

    async def lock(self, transaction: Transaction) -> None:
        await connection_of(transaction).execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(_LOCK, 0)))
        )

    async def measured(self, transaction: Transaction, skus: Collection[str]) -> dict[str, Measured]:
        rows = await connection_of(transaction).execute(
            select(
                products.c.sku,
                products.c.id,
                products.c.unit,
                products.c.quantity_step,
                (func.coalesce(stock.c.on_hand, 0) > 0).label("stocked"),
            )
            .outerjoin(stock, stock.c.product_id == products.c.id)
            .where(products.c.sku == any_text(skus))
        )
        return {row.sku: Measured(row.id, row.unit, row.quantity_step, row.stocked) for row in rows}

    async def slug_owners(self, transaction: Transaction, slugs: Collection[str]) -> dict[str, str]:
        rows = await connection_of(transaction).execute(
            select(products.c.slug, products.c.sku).where(products.c.slug == any_text(slugs))
        )
        return {row.slug: row.sku for row in rows}

    async def put(
        self, transaction: Transaction, drafts: Sequence[ProductDraft], slugs: Mapping[str, str]
    ) -> Published:
        if not drafts:
            return Published(0, 0, {})
        connection = connection_of(transaction)
        category_ids = await _put_categories(connection, drafts)
        created, product_ids = await _put_products(connection, drafts, slugs, category_ids)
        await _put_stock(transaction, drafts, product_ids)
        await _put_images(connection, drafts, product_ids)
        return Published(created, len(drafts) - created, product_ids)


async def _put_categories(connection: Writer, drafts: Sequence[ProductDraft]) -> dict[str, UUID]:
    """New categories go behind the others, in the order of the drafts."""
    names = {draft.category_slug: draft.category_name for draft in drafts}
    given = relation(
        "given",
        id=(categories.c.id, [new_id() for _ in names]),
        slug=(categories.c.slug, list(names)),
        name=(categories.c.name, list(names.values())),
        position=(categories.c.position, range(1, len(names) + 1)),
    )
    behind = select(func.coalesce(func.max(categories.c.position), 0)).scalar_subquery()
    insertion = insert(categories).from_select(
        ["id", "slug", "name", "position"],
        select(given.c.id, given.c.slug, given.c.name, behind + given.c.position),
    )
    rows = await connection.execute(
        insertion.on_conflict_do_update(
            index_elements=["slug"], set_={"name": insertion.excluded.name}
        ).returning(categories.c.id, categories.c.slug)
    )
    return {row.slug: row.id for row in rows}


async def _put_products(
    connection: Writer,
    drafts: Sequence[ProductDraft],
    slugs: Mapping[str, str],
    category_ids: Mapping[str, UUID],
) -> tuple[int, dict[str, UUID]]:
    """How many were new, and the ids by sku."""
    given = relation(
        "given",
        id=(products.c.id, [new_id() for _ in drafts]),
        sku=(products.c.sku, [draft.sku for draft in drafts]),
        slug=(products.c.slug, [slugs[draft.sku] for draft in drafts]),
        name=(products.c.name, [draft.name for draft in drafts]),
        unit=(products.c.unit, [draft.unit for draft in drafts]),
        quantity_step=(products.c.quantity_step, [draft.quantity_step for draft in drafts]),
        category_id=(products.c.category_id, [category_ids[draft.category_slug] for draft in drafts]),
    )
    # Products that stay as they are stay out of it: indexing their words again would be most of the work.
    same = exists().where(*(products.c[name] == given.c[name] for name in ("sku", *_MUTABLE)))
    insertion = insert(products).from_select(
        [given_column.name for given_column in given.c], select(*given.c).where(~same)
    )
    is_new = await connection.execute(
        insertion.on_conflict_do_update(
            index_elements=["sku"], set_={name: insertion.excluded[name] for name in _MUTABLE}
        ).returning(
            # A row version that was inserted, not updated, has been deleted or locked by nobody: xmax is 0.
            literal_column("xmax = 0", Boolean)
        )
    )
    created = sum(is_new.scalars())
    ids = await connection.execute(
        select(products.c.sku, products.c.id).where(products.c.sku == any_text(slugs))
    )
    return created, {row.sku: row.id for row in ids}


async def _put_stock(
    transaction: Transaction, drafts: Sequence[ProductDraft], product_ids: Mapping[str, UUID]
) -> None:
    """What orders hold stays theirs: counted less than that, on_hand is what they hold, and nothing is left."""
    ids = [product_ids[draft.sku] for draft in drafts]
    await lock_stock(transaction, ids)
    given = relation(
        "given",
        product_id=(stock.c.product_id, ids),
        on_hand=(stock.c.on_hand, [draft.stock for draft in drafts]),
        low_stock_at=(stock.c.low_stock_at, [draft.low_stock_at for draft in drafts]),
    )
    insertion = insert(stock).from_select(
        ["product_id", "on_hand", "low_stock_at"],
        select(
            given.c.product_id,
            func.coalesce(given.c.on_hand, stock.c.on_hand, 0),
            func.coalesce(given.c.low_stock_at, stock.c.low_stock_at, 0),
        ).select_from(given.outerjoin(stock, stock.c.product_id == given.c.product_id)),
    )
    await connection_of(transaction).execute(
        insertion.on_conflict_do_update(
            index_elements=["product_id"],
            set_={
                "on_hand": func.greatest(insertion.excluded.on_hand, stock.c.reserved),
                "low_stock_at": insertion.excluded.low_stock_at,
            },
        )
    )


async def _put_images(
    connection: Writer, drafts: Sequence[ProductDraft], product_ids: Mapping[str, UUID]
) -> None:
    pictured = [draft for draft in drafts if draft.image_key is not None]
    if not pictured:
        return
    given = relation(
        "given",
        id=(product_images.c.id, [new_id() for _ in pictured]),
        product_id=(product_images.c.product_id, [product_ids[draft.sku] for draft in pictured]),
        object_key=(product_images.c.object_key, [draft.image_key for draft in pictured]),
        alt=(product_images.c.alt, [draft.image_alt for draft in pictured]),
    )
    insertion = insert(product_images).from_select(
        ["id", "product_id", "object_key", "alt", "is_main"], select(*given.c, true())
    )
    await connection.execute(
        insertion.on_conflict_do_update(
            index_elements=["product_id"],
            index_where=product_images.c.is_main,
            set_={"object_key": insertion.excluded.object_key, "alt": insertion.excluded.alt},
        )
    )
