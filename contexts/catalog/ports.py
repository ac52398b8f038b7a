"""What the catalog reads from, writes to and keeps images in, in its own words."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Protocol
from uuid import UUID

from contexts.catalog.domain.product import Category, Product
from contexts.shared.pagination import Page, Window
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PricePerspective:
    """For whom and when a listing is sorted or filtered by price: what the published price relation needs."""

    account_id: UUID
    state: str
    tier: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ProductFilter:
    """Which products: all that is given must hold. Prices are in BRL for a quantity of one, bounds included."""

    search: str | None = None
    category_slug: str | None = None
    in_stock: bool | None = None
    skus: tuple[str, ...] | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None


class ProductSort(Enum):
    """The order of a listing; ties are in NAME order, then by id. RELEVANCE without a search is NAME."""

    RELEVANCE = "RELEVANCE"
    NAME = "NAME"
    PRICE_ASC = "PRICE_ASC"
    PRICE_DESC = "PRICE_DESC"
    NEWEST = "NEWEST"


class Products(Protocol):
    """Reads products, each with its category, main image and stock, in one statement.

    What is not found is missing from the answer. Keys that no product could have (NUL, say) are not found.
    """

    async def page(
        self,
        window: Window,
        filter: ProductFilter,
        sort: ProductSort,
        seen_by: UUID | None,
        perspective: PricePerspective | None,
    ) -> Page[Product]:
        """One page of the listing.

        Products without a price come last in both price sorts, and fail every price filter; without a
        perspective that is all of them. Raises InvalidPosition for a position of another sort.
        """
        ...

    async def count(self, filter: ProductFilter, perspective: PricePerspective | None) -> int:
        """How many products the filter lets through."""
        ...

    async def by_ids(
        self, ids: Collection[UUID], seen_by: UUID | None, *, within: Transaction | None = None
    ) -> dict[UUID, Product]: ...

    async def by_skus(
        self, skus: Collection[str], seen_by: UUID | None, *, within: Transaction | None = None
    ) -> dict[str, Product]: ...

    async def by_slugs(self, slugs: Collection[str], seen_by: UUID | None) -> dict[str, Product]: ...


class Categories(Protocol):
    """Reads categories."""

    async def all(self) -> list[Category]:
        """Every category, in the order of the shop."""
        ...

    async def by_ids(self, ids: Collection[UUID]) -> dict[UUID, Category]: ...


@dataclass(frozen=True, slots=True)
class StockLine:
    """So much of one product, in its unit; more than zero, at most three decimals."""

    product_id: UUID
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Shortage:
    """A product of which less can be had than was asked for in all."""

    product_id: UUID
    requested: Decimal
    available: Decimal


class Stock(Protocol):
    """Holds stock for somebody, inside the caller's transaction."""

    async def reserve(
        self, transaction: Transaction, reference: UUID, lines: Sequence[StockLine]
    ) -> list[Shortage]:
        """Hold all the lines for `reference`, or nothing: then every shortage, by product id.

        Rows stay locked until the transaction ends, always in the order of product ids, so callers wait
        for each other but never deadlock. A product whose stock is unknown has none.
        """
        ...

    async def release(self, transaction: Transaction, reference: UUID) -> None:
        """Give back what `reference` holds; nothing when it holds nothing (any more)."""
        ...


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """A product as it should be from now on, recognised by its sku.

    `stock` is what is on hand, `low_stock_at` from when on that is little; None keeps either, or is zero for a
    new product. `image_key` None keeps the main image there is. The category is made, or renamed, to fit.
    """

    sku: str
    name: str
    unit: str
    quantity_step: Decimal
    category_slug: str
    category_name: str
    stock: Decimal | None = None
    low_stock_at: Decimal | None = None
    image_key: str | None = None
    image_alt: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """All drafts are products now; `product_ids` are by sku."""

    created: int
    updated: int
    product_ids: dict[str, UUID]


class Measures(Protocol):
    """The units and quantity steps of products: who writes down an amount of a unit keeps them from changing."""

    async def keep(self, transaction: Transaction) -> None:
        """Until the transaction ends no product's unit or step changes; waits while somebody changes one."""
        ...

    async def change(self, transaction: Transaction) -> None:
        """Wait until nobody keeps them, and keep others waiting until the transaction ends."""
        ...


class References(Protocol):
    """What of one kind, outside the catalog, is an amount of a product's unit: prices, say."""

    async def among(self, transaction: Transaction, product_ids: Collection[UUID]) -> Collection[UUID]:
        """Those of the products that something refers to, as it is now: what was committed before the call counts."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """How a product is sold today. `stocked`: there is some on hand, or orders hold some."""

    product_id: UUID
    unit: str
    quantity_step: Decimal
    stocked: bool


class ProductWriter(Protocol):
    """Where products are put. Its calls belong in one transaction, `lock` first."""

    async def lock(self, transaction: Transaction) -> None:
        """Wait until nobody else publishes."""
        ...

    async def measured(self, transaction: Transaction, skus: Collection[str]) -> dict[str, Measured]:
        """How those of the products that are there are sold, by sku."""
        ...

    async def slug_owners(self, transaction: Transaction, slugs: Collection[str]) -> dict[str, str]:
        """Which sku has which of these slugs."""
        ...

    async def put(
        self, transaction: Transaction, drafts: Sequence[ProductDraft], slugs: Mapping[str, str]
    ) -> Published:
        """Write the drafts; `slugs`, by sku, are for new products: an address once published never changes."""
        ...


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image's bytes; `etag` changes when they do, and comes without quotes."""

    content: bytes
    content_type: str
    etag: str


class Images(Protocol):
    """Keeps image files under keys such as `products/cim-001.png`."""

    async def prepare(self) -> None:
        """Make the place they are kept in, if it is not there."""
        ...

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        """Keep a file, in place of what was there. A key that `is_image_key` refuses is a ValueError."""
        ...

    async def get(self, key: str) -> StoredImage | None:
        """The file, or None; any text may be asked for."""
        ...
