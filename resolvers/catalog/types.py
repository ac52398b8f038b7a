"""What the catalog shows: products, categories, images, availability."""

from decimal import Decimal

import strawberry

from contexts.catalog import api as catalog
from contexts.catalog.api import ProductSort, StockStatus
from resolvers.vocabulary.directives import AUTHENTICATED
from resolvers.vocabulary.enums import describe_enum
from resolvers.vocabulary.fields import computed
from resolvers.vocabulary.money import plain
from resolvers.vocabulary.node import Node, identified_as, represents

describe_enum(
    StockStatus,
    "How much there is, in a word.",
    {
        StockStatus.IN_STOCK: "Enough for an ordinary order.",
        StockStatus.LOW_STOCK: "Little is left.",
        StockStatus.OUT_OF_STOCK: "Nothing is left.",
    },
)

describe_enum(
    ProductSort,
    "The order of a product listing. Ties are broken the same way every time.",
    {
        ProductSort.RELEVANCE: "Best match of the search first; by name when nothing is searched for.",
        ProductSort.NAME: "Alphabetical, ignoring case and accents.",
        ProductSort.PRICE_ASC: "Cheapest first at the viewer's own price; price on request last.",
        ProductSort.PRICE_DESC: "Dearest first at the viewer's own price; price on request last.",
        ProductSort.NEWEST: "Latest addition to the catalog first.",
    },
)


@strawberry.type(description="A shelf of the catalog.")
class Category(Node):
    """Resolved from `contexts.catalog.api.Category`."""

    is_type_of = represents(catalog.Category)

    id: strawberry.ID = identified_as("Category")
    name: str = strawberry.field(description="As people read it.")
    slug: str = strawberry.field(description="As addresses spell it, for `ProductFilter.categorySlug`.")


@strawberry.type(description="A picture of a product.")
class ProductImage:
    """Resolved from `contexts.catalog.api.Image`."""

    url: str = strawberry.field(description="Absolute address of the picture; may be cached for ever.")
    alt: str | None = strawberry.field(description="What the picture shows, for those who cannot see it.")


def _available(root: catalog.Availability) -> str:
    return plain(root.available)


@strawberry.type(description="Whether a product can be had now.")
class Availability:
    """Resolved from `contexts.catalog.api.Availability`."""

    status: StockStatus = strawberry.field(description="How much there is, in a word.")
    available: Decimal | None = computed(
        _available,
        description="How much can be ordered now, in the product's unit; what open orders hold is not counted.",
        guard=AUTHENTICATED,
    )


def _quantity_step(root: catalog.Product) -> str:
    return plain(root.quantity_step)


@strawberry.type(description="Something the distributor sells.")
class Product(Node):
    """Resolved from `contexts.catalog.api.Product`; pricing adds `price`."""

    is_type_of = represents(catalog.Product)

    id: strawberry.ID = identified_as("Product")
    sku: str = strawberry.field(description="The distributor's code, stable and unique.")
    slug: str = strawberry.field(description="As addresses spell it, unique.")
    name: str = strawberry.field(description="As the trade calls it, in Portuguese.")
    unit: str = strawberry.field(
        description="The unit it is sold in: SC, KG, M, M2, M3, UN, MIL, BR, CX, L …"
    )
    quantity_step: Decimal = computed(
        _quantity_step,
        description="Quantities are multiples of this: `1` for bags, `0.5` for half a cubic metre.",
    )
    category: Category = strawberry.field(description="The shelf it stands on.")
    image: ProductImage | None = strawberry.field(description="Its main picture; null when it has none.")
    availability: Availability = strawberry.field(description="Whether it can be had now.")


@strawberry.input(description="Which products to list. Every condition given must hold.")
class ProductFilter:
    """Becomes `contexts.catalog.api.ProductFilter`."""

    search: str | None = strawberry.field(
        default=None,
        description="Words of the name or the start of them, or the SKU; case and accents do not matter.",
    )
    category_slug: str | None = strawberry.field(
        default=None, description="Only this category's products; an unknown slug lists nothing."
    )
    in_stock: bool | None = strawberry.field(
        default=None, description="true: only what can be had now; false: only what cannot."
    )
    skus: list[str] | None = strawberry.field(
        default=None, description="Only these SKUs, at most 500; unknown ones are ignored."
    )
    min_price: Decimal | None = strawberry.field(
        default=None, description="Only what costs the viewer at least this much per unit. Needs a sign-in."
    )
    max_price: Decimal | None = strawberry.field(
        default=None, description="Only what costs the viewer at most this much per unit. Needs a sign-in."
    )
