"""The listing as SQL: which products, in which order.

The text of a listing depends on its Shape alone; what is looked for travels in parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

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
    any_,
    bindparam,
    case,
    cast,
    column,
    exists,
    func,
    null,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY

from contexts.catalog.adapters import keyset
from contexts.catalog.adapters.keyset import Key
from contexts.catalog.adapters.parameters import is_storable, storable
from contexts.catalog.adapters.tables import categories, products, stock
from contexts.catalog.domain.search import search_text
from contexts.catalog.ports import PricePerspective, ProductFilter, ProductSort

_BY_NAME = (Key(products.c.folded_name, keyset.read_text), Key(products.c.id, keyset.read_id))
_NEWEST = (
    Key(products.c.created_at, keyset.read_instant, descending=True),
    Key(products.c.id, keyset.read_id, descending=True),
)
_BY_PRICE = (ProductSort.PRICE_ASC, ProductSort.PRICE_DESC)
_CENT_OF_CENTAVO = Decimal("0.0001")
_ABOVE_ALL_PRICES = Decimal(10**12)


class Shape(NamedTuple):
    """What a listing is filtered and sorted by. `price_relation` None: nothing has a price, or none matters."""

    sort: ProductSort
    search: bool
    category: bool
    in_stock: bool | None
    skus: bool
    min_price: bool
    max_price: bool
    price_relation: str | None

    @classmethod
    def of(
        cls,
        filter: ProductFilter,
        sort: ProductSort,
        perspective: PricePerspective | None,
        price_relation: str | None,
    ) -> "Shape":
        """The shape of a filter and a sort, as seen from a perspective; without one nothing has a price."""
        speaks_of_price = sort in _BY_PRICE or filter.min_price is not None or filter.max_price is not None
        return cls(
            sort,
            search_text(filter.search) is not None,
            filter.category_slug is not None,
            filter.in_stock,
            filter.skus is not None,
            filter.min_price is not None,
            filter.max_price is not None,
            price_relation if perspective is not None and speaks_of_price else None,
        )


def parameters_of(filter: ProductFilter, perspective: PricePerspective | None) -> dict[str, object]:
    """The values that the statements of the filter's shape ask for, and possibly more."""
    parameters: dict[str, object] = {}
    if filter.search is not None:
        parameters["search"] = search_text(filter.search)
    if (slug := filter.category_slug) is not None:
        # NULL equals nothing, as does what PostgreSQL cannot hold.
        parameters["category"] = slug if is_storable(slug) else None
    if filter.skus is not None:
        parameters["skus"] = storable(filter.skus)
    # Prices have four decimals: rounded inwards, a bound means the same, and 1e-99999 is no problem.
    if filter.min_price is not None:
        parameters["min_price"] = _bounded(filter.min_price).quantize(_CENT_OF_CENTAVO, ROUND_CEILING)
    if filter.max_price is not None:
        parameters["max_price"] = _bounded(filter.max_price).quantize(_CENT_OF_CENTAVO, ROUND_FLOOR)
    if perspective is not None:
        parameters["account"] = perspective.account_id
        parameters["state"] = perspective.state
        parameters["tier"] = perspective.tier
        parameters["at"] = perspective.at
    return parameters


@dataclass(frozen=True, slots=True)
class Listing:
    """`source` is products, joined with the prices where `condition` or `keys` speak of them."""

    source: FromClause
    condition: ColumnElement[bool]
    keys: tuple[Key, ...]


def listing(shape: Shape) -> Listing:
    """The listing of a shape."""
    source: FromClause = products
    price: ColumnElement[object] = cast(null(), Numeric)
    if shape.price_relation is not None:
        prices = _prices(shape.price_relation)
        source = products.outerjoin(prices, prices.c.product_id == products.c.id)
        price = prices.c.unit_price
    search = _search() if shape.search else None
    conditions = _conditions(shape, search, price)
    return Listing(source, and_(true(), *conditions), _keys(shape.sort, search, price))


@dataclass(frozen=True, slots=True)
class _Search:
    """The queries that catalog.search_queries makes of a search; NULL when it has no words."""

    every: ScalarSelect[object]
    whole: ScalarSelect[object]
    head: ScalarSelect[object]
    code: ScalarSelect[object]


def _search() -> _Search:
    # Scalar subqueries: worked out once per statement, where a plain call might run once per row.
    queries = (
        select(
            column("every", TSQUERY),
            column("whole", TSQUERY),
            column("head", TSQUERY),
            column("code", TSQUERY),
        )
        .select_from(func.catalog.search_queries(bindparam("search", type_=Text)))
        .cte("search")
    )
    every, whole, head, code = (select(query).scalar_subquery() for query in queries.c)
    return _Search(every, whole, head, code)


def _prices(relation: str) -> TableValuedAlias:
    *schema, name = relation.split(".")
    call: Function[object] = Function(
        name,
        bindparam("account", type_=Uuid),
        bindparam("state", type_=Text),
        bindparam("tier", type_=Text),
        bindparam(None, Decimal(1), Numeric),
        bindparam("at", type_=DateTime(timezone=True)),
        packagenames=tuple(schema),
    )
    columns = column("product_id", Uuid), column("unit_price", Numeric)
    return call.table_valued(*columns, name="prices").render_derived()


def _conditions(
    shape: Shape, search: _Search | None, price: ColumnElement[object]
) -> Iterator[ColumnElement[bool]]:
    if search is not None:
        yield products.c.search.op("@@", is_comparison=True)(search.every)
    if shape.category:
        wanted = select(categories.c.id).where(categories.c.slug == bindparam("category"))
        yield products.c.category_id == wanted.scalar_subquery()
    if shape.in_stock is not None:
        available = exists().where(stock.c.product_id == products.c.id, stock.c.on_hand > stock.c.reserved)
        yield available if shape.in_stock else ~available
    if shape.skus:
        yield products.c.sku == any_(bindparam("skus", type_=ARRAY(Text)))
    if shape.min_price:
        yield price >= bindparam("min_price", type_=Numeric)
    if shape.max_price:
        yield price <= bindparam("max_price", type_=Numeric)


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
