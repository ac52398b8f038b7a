"""Prices in PostgreSQL."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Numeric,
    Row,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    column,
    delete,
    func,
    insert,
    literal_column,
    null,
    select,
    text,
    union_all,
    update,
)

from contexts.pricing.adapters.tables import prices
from contexts.pricing.domain.price import Price, PriceKey, PriceSource
from contexts.pricing.domain.resolver import Candidate, Perspective
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
from contexts.shared.money import Money
from contexts.shared.transaction import Transaction

_INSTANT = DateTime(timezone=True)

_valid_from = func.lower(prices.c.valid_during, type_=_INSTANT).label("valid_from")
_valid_to = func.upper(prices.c.valid_during, type_=_INSTANT).label("valid_to")

_PRICE = (
    prices.c.id,
    prices.c.product_id,
    prices.c.source,
    prices.c.account_id,
    prices.c.state,
    prices.c.tier,
    prices.c.min_quantity,
    prices.c.amount,
    _valid_from,
    _valid_to,
    prices.c.set_by,
)

PriceColumns = tuple[
    UUID,
    UUID,
    str,
    UUID | None,
    str | None,
    str | None,
    Decimal,
    Decimal,
    datetime,
    datetime | None,
    UUID | None,
]


CandidateColumns = tuple[UUID, str, str | None, Decimal, Decimal, datetime, datetime | None]


def _level(source: PriceSource, *owner: ColumnElement[bool]) -> Select[*CandidateColumns]:
    return select(
        prices.c.product_id,
        prices.c.source,
        prices.c.tier,
        prices.c.min_quantity,
        prices.c.amount,
        _valid_from,
        _valid_to,
    ).where(
        # A literal, not a parameter: it has to prove that the level's partial index fits.
        prices.c.source == literal_column(f"'{source.value}'"),
        *owner,
        prices.c.product_id == any_(bindparam("products", type_=ARRAY(Uuid))),
        prices.c.valid_during.op("&&")(func.tstzrange(bindparam("since", type_=_INSTANT), null())),
    )


# One branch per level, each on the index of its level; an OR over them would use none.
_CANDIDATES: Query[*CandidateColumns] = Query(
    union_all(
        _level(PriceSource.BUYER, prices.c.account_id == bindparam("account", type_=Uuid)),
        _level(PriceSource.STATE, prices.c.state == bindparam("state", type_=Text)),
        _level(PriceSource.NATIONAL),
    )
)

_BY_IDS: Query[*PriceColumns] = Query(
    select(*_PRICE).where(prices.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
)

_keys = (
    func.unnest(
        bindparam("products", type_=ARRAY(Uuid)),
        bindparam("sources", type_=ARRAY(Text)),
        bindparam("accounts", type_=ARRAY(Uuid)),
        bindparam("states", type_=ARRAY(Text)),
        bindparam("tiers", type_=ARRAY(Text)),
        bindparam("min_quantities", type_=ARRAY(Numeric)),
        bindparam("up_to", type_=ARRAY(Numeric)),
    )
    .table_valued(
        column("product_id", Uuid),
        column("source", Text),
        column("account_id", Uuid),
        column("state", Text),
        column("tier", Text),
        column("min_quantity", Numeric),
        column("up_to", Numeric),
        name="keys",
    )
    .render_derived()
)
_OF_KEYS = select(*_PRICE, _keys.c.min_quantity.label("of_key")).join(
    _keys,
    (prices.c.product_id == _keys.c.product_id)
    & (prices.c.source == _keys.c.source)
    & prices.c.account_id.is_not_distinct_from(_keys.c.account_id)
    & prices.c.state.is_not_distinct_from(_keys.c.state)
    & prices.c.tier.is_not_distinct_from(_keys.c.tier)
    & prices.c.min_quantity.between(_keys.c.min_quantity, _keys.c.up_to),
)
"""`up_to` is the key's minimum quantity itself, unless it is for every quantity."""

_LOCK = text(
    "SELECT pg_advisory_xact_lock_shared(hashtextextended('pricing.prices', 0)),"
    " pg_advisory_xact_lock(hashtextextended(:key, 0))"
)
_LOCK_ALL = text("SELECT pg_advisory_xact_lock(hashtextextended('pricing.prices', 0))")

_DELETE = delete(prices).where(prices.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))

_ends = (
    func.unnest(bindparam("ids", type_=ARRAY(Uuid)), bindparam("valid_to", type_=ARRAY(_INSTANT)))
    .table_valued(column("id", Uuid), column("valid_to", _INSTANT), name="ends")
    .render_derived()
)
_CUT = (
    update(prices)
    .where(prices.c.id == _ends.c.id)
    .values(valid_during=func.tstzrange(func.lower(prices.c.valid_during), _ends.c.valid_to))
)

_new = (
    func.unnest(
        bindparam("ids", type_=ARRAY(Uuid)),
        bindparam("products", type_=ARRAY(Uuid)),
        bindparam("sources", type_=ARRAY(Text)),
        bindparam("accounts", type_=ARRAY(Uuid)),
        bindparam("states", type_=ARRAY(Text)),
        bindparam("tiers", type_=ARRAY(Text)),
        bindparam("min_quantities", type_=ARRAY(Numeric)),
        bindparam("amounts", type_=ARRAY(Numeric)),
        bindparam("valid_from", type_=ARRAY(_INSTANT)),
        bindparam("valid_to", type_=ARRAY(_INSTANT)),
        bindparam("set_by", type_=ARRAY(Uuid)),
    )
    .table_valued(
        column("id", Uuid),
        column("product_id", Uuid),
        column("source", Text),
        column("account_id", Uuid),
        column("state", Text),
        column("tier", Text),
        column("min_quantity", Numeric),
        column("amount", Numeric),
        column("valid_from", _INSTANT),
        column("valid_to", _INSTANT),
        column("set_by", Uuid),
        name="new",
    )
    .render_derived()
)
_INSERT = insert(prices).from_select(
    [
        "id",
        "product_id",
        "source",
        "account_id",
        "state",
        "tier",
        "min_quantity",
        "amount",
        "valid_during",
        "set_by",
    ],
    select(
        _new.c.id,
        _new.c.product_id,
        _new.c.source,
        _new.c.account_id,
        _new.c.state,
        _new.c.tier,
        _new.c.min_quantity,
        _new.c.amount,
        func.tstzrange(_new.c.valid_from, _new.c.valid_to),
        _new.c.set_by,
    ),
)

_SOURCES = {source.value: source for source in PriceSource}


@dataclass(frozen=True, slots=True)
class SqlPrices:
    """The table `pricing.prices`, read and changed; one statement per read."""

    database: Database

    async def candidates(
        self,
        perspective: Perspective,
        product_ids: Collection[UUID],
        since: datetime | None,
        *,
        within: Transaction | None = None,
    ) -> dict[UUID, list[Candidate]]:
        asked = {
            "products": list(product_ids),
            "since": since,
            "account": perspective.account_id,
            "state": perspective.state,
        }
        found: dict[UUID, list[Candidate]] = {}
        rows = await self.database.fetch(_CANDIDATES, asked, within)
        for product_id, source, tier, min_quantity, amount, valid_from, valid_to in rows:
            candidate = Candidate(_SOURCES[source], tier, min_quantity, amount, valid_from, valid_to)
            found.setdefault(product_id, []).append(candidate)
        return found

    async def by_ids(self, ids: Collection[UUID], *, within: Transaction | None = None) -> dict[UUID, Price]:
        return {row[0]: _price(row) for row in await self.database.fetch(_BY_IDS, {"ids": list(ids)}, within)}

    async def lock(self, transaction: Transaction, key: PriceKey) -> None:
        await connection_of(transaction).execute(_LOCK, {"key": _lock_name(key)})

    async def lock_all(self, transaction: Transaction) -> None:
        await connection_of(transaction).execute(_LOCK_ALL)

    async def of(
        self, transaction: Transaction, keys: Mapping[PriceKey, Decimal]
    ) -> dict[PriceKey, list[Price]]:
        rows = await connection_of(transaction).execute(
            _OF_KEYS,
            {
                "products": [key.product_id for key in keys],
                "sources": [key.source.value for key in keys],
                "accounts": [key.account_id for key in keys],
                "states": [key.state for key in keys],
                "tiers": [key.tier for key in keys],
                "min_quantities": [key.min_quantity for key in keys],
                "up_to": [key.min_quantity or minimum for key, minimum in keys.items()],
            },
        )
        found: dict[PriceKey, list[Price]] = {}
        for row in rows:
            price = _price(row[:-1])
            found.setdefault(replace(price.key, min_quantity=row.of_key), []).append(price)
        return found

    async def replace(
        self, transaction: Transaction, before: Sequence[Price], after: Sequence[Price]
    ) -> None:
        """At most three statements, in the order in which nothing ever overlaps.

        A price that moves to another minimum quantity is deleted and inserted: changed in its place, it might
        overlap with one of there that has not been cut yet.
        """
        connection = connection_of(transaction)
        was = {price.id: price for price in before}
        stays = {price.id for price in after if price.id in was and price.key == was[price.id].key}
        gone = was.keys() - stays
        cut = [price for price in after if price.id in stays and price.valid_to != was[price.id].valid_to]
        new = [price for price in after if price.id not in stays]
        if gone:
            await connection.execute(_DELETE, {"ids": list(gone)})
        if cut:
            await connection.execute(
                _CUT, {"ids": [price.id for price in cut], "valid_to": [price.valid_to for price in cut]}
            )
        if new:
            await connection.execute(
                _INSERT,
                {
                    "ids": [price.id for price in new],
                    "products": [price.product_id for price in new],
                    "sources": [price.source.value for price in new],
                    "accounts": [price.account_id for price in new],
                    "states": [price.state for price in new],
                    "tiers": [price.tier for price in new],
                    "min_quantities": [price.min_quantity for price in new],
                    "amounts": [price.amount.amount for price in new],
                    "valid_from": [price.valid_from for price in new],
                    "valid_to": [price.valid_to for price in new],
                    "set_by": [price.set_by for price in new],
                },
            )


def _price(row: PriceColumns | Row[*PriceColumns]) -> Price:
    (
        id_,
        product_id,
        source,
        account_id,
        state,
        tier,
        min_quantity,
        amount,
        valid_from,
        valid_to,
        set_by,
    ) = row
    return Price(
        id_,
        product_id,
        _SOURCES[source],
        account_id,
        state,
        tier,
        min_quantity,
        Money(amount),
        valid_from,
        valid_to,
        set_by,
    )


def _lock_name(key: PriceKey) -> str:
    """Equal for equal keys: 1 and 1.000 are the same minimum quantity."""
    owner = key.account_id or key.state or ""
    return f"{key.product_id} {owner} {key.min_quantity.normalize():f} {key.tier or ''}"
