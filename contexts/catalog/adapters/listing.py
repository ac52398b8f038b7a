"""The listing as SQL: which products, in which order."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    Function,
    Numeric,
    ScalarSelect,
    TableValuedAlias,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    column,
    exists,
    false,
    func,
    null,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from contexts.catalog.adapters import keyset
from contexts.catalog.adapters.keyset import Key
from contexts.catalog.adapters.parameters import any_text, is_storable
from contexts.catalog.adapters.tables import categories, products, stock
from contexts.catalog.domain.search import search_text
from contexts.catalog.ports import PricePerspective, ProductFilter, ProductSort

_BY_NAME = (Key(products.c.folded_name, keyset.read_text), Key(products.c.id, keyset.read_id))
_NEWEST = (
    Key(products.c.created_at, keyset.read_instant, descending=True),
    Key(products.c.id, keyset.read_id, descending=True),
)
_CENT_OF_CENTAVO = Decimal("0.0001")
_ABOVE_ALL_PRICES = Decimal(10**12)


@dataclass(frozen=True, slots=True)
class Listing:
    """`source` is products, joined with the prices where `condition` or `keys` speak of them."""

    source: FromClause
    condition: ColumnElement[bool]
    keys: tuple[Key, ...]


def listing(
    filter: ProductFilter,
    sort: ProductSort,
    perspective: PricePerspective | None,
    price_relation: str | None,
) -> Listing:
    """The listing of a filter and a sort, as seen from a perspective; without one nothing has a price."""
    source: FromClause = products
    price: ColumnElement[object] = cast(null(), Numeric)
    if perspective is not None and price_relation is not None and _speaks_of_price(filter, sort):
        prices = _prices(price_relation, perspective)
        source = products.outerjoin(prices, prices.c.product_id == products.c.id)
        price = prices.c.unit_price
    search = None if (text := search_text(filter.search)) is None else _search(text)
    return Listing(source, and_(true(), *_conditions(filter, search, price)), _keys(sort, search, price))


@dataclass(frozen=True, slots=True)
class _Search:
    """The queries that catalog.search_queries makes of a search; NULL when it has no words."""

    every: ScalarSelect[object]
    whole: ScalarSelect[object]
    head: ScalarSelect[object]
    code: ScalarSelect[object]


def _search(text: str) -> _Search:
    # Scalar subqueries: worked out once per statement, where a plain call might run once per row.
    queries = (
        select(
            column("every", TSQUERY),
            column("whole", TSQUERY),
            column("head", TSQUERY),
            column("code", TSQUERY),
        )
        .select_from(func.catalog.search_queries(text))
        .cte("search")
    )
    every, whole, head, code = (select(query).scalar_subquery() for query in queries.c)
    return _Search(every, whole, head, code)


def _prices(relation: str, perspective: PricePerspective) -> TableValuedAlias:
    *schema, name = relation.split(".")
    call: Function[object] = Function(
        name,
        bindparam(None, perspective.account_id, Uuid),
        bindparam(None, perspective.state, Text),
        bindparam(None, perspective.tier, Text),
        bindparam(None, Decimal(1), Numeric),
        bindparam(None, perspective.at, DateTime(timezone=True)),
        packagenames=tuple(schema),
    )
    columns = column("product_id", Uuid), column("unit_price", Numeric)
    return call.table_valued(*columns, name="prices").render_derived()


def _speaks_of_price(filter: ProductFilter, sort: ProductSort) -> bool:
    return (
        sort in (ProductSort.PRICE_ASC, ProductSort.PRICE_DESC)
        or filter.min_price is not None
        or filter.max_price is not None
    )


def _conditions(
    filter: ProductFilter, search: _Search | None, price: ColumnElement[object]
) -> Iterator[ColumnElement[bool]]:
    if search is not None:
        yield products.c.search.op("@@", is_comparison=True)(search.every)
    if filter.category_slug is not None:
        yield (
            products.c.category_id
            == select(categories.c.id).where(categories.c.slug == filter.category_slug).scalar_subquery()
            if is_storable(filter.category_slug)
            else false()
        )
    if filter.in_stock is not None:
        available = exists().where(stock.c.product_id == products.c.id, stock.c.on_hand > stock.c.reserved)
        yield available if filter.in_stock else ~available
    if filter.skus is not None:
        yield products.c.sku == any_text(filter.skus)
    # Prices have four decimals: rounded inwards, a bound means the same, and 1e-99999 is no problem.
    if filter.min_price is not None:
        yield price >= _bounded(filter.min_price).quantize(_CENT_OF_CENTAVO, ROUND_CEILING)
    if filter.max_price is not None:
        yield price <= _bounded(filter.max_price).quantize(_CENT_OF_CENTAVO, ROUND_FLOOR)


def _bounded(price: Decimal) -> Decimal:
    return max(-_ABOVE_ALL_PRICES, min(price, _ABOVE_ALL_PRICES))


def _keys(sort: ProductSort, search: _Search | None, price: ColumnElement[object]) -> tuple[Key, ...]:
    match sort:
        case ProductSort.NAME:
            return _BY_NAME
        case ProductSort.RELEVANCE:
            return (_relevance(search), *_BY_NAME) if search is not None else _BY_NAME
        case ProductSort.PRICE_ASC:
            return (Key(price, keyset.read_decimal, nullable=True), *_BY_NAME)
        case ProductSort.PRICE_DESC:
            return (Key(price, keyset.read_decimal, descending=True, nullable=True), *_BY_NAME)
        case ProductSort.NEWEST:
            return _NEWEST


def _relevance(search: _Search) -> Key:
    """First the product whose sku was typed; then names that begin with a searched word, for the first word
    says what a thing is (a "telha de fibrocimento" is no cement); then names with all the words in full."""
    matches = products.c.search.op("@@", is_comparison=True)
    score = (
        case((matches(search.code), 4), else_=0)
        + case((matches(search.head), 2), else_=0)
        + case((matches(search.whole), 1), else_=0)
    )
    return Key(score, keyset.read_integer, descending=True)
