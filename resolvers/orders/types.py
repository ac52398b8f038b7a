"""The cart and the orders."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter

import strawberry

from contexts.catalog import api as catalog
from contexts.orders import api as ordering
from contexts.orders.api import OrderStatus
from contexts.pricing.api import PriceSource
from contexts.shared.unavailable import Unavailable
from resolvers.catalog.types import Product
from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.enums import describe_enum
from resolvers.vocabulary.fields import computed
from resolvers.vocabulary.money import Money, Quantity, plain
from resolvers.vocabulary.node import Node, identified_as, known_as, represents

describe_enum(
    OrderStatus,
    "Where an order stands.",
    {
        OrderStatus.PLACED: "The buyer placed it; the stock is held.",
        OrderStatus.CONFIRMED: "The sales team accepted it.",
        OrderStatus.PICKING: "The warehouse is putting it together.",
        OrderStatus.SHIPPED: "It is on its way.",
        OrderStatus.DELIVERED: "It arrived.",
        OrderStatus.CANCELLED: "It was cancelled; the stock went back.",
    },
)


@strawberry.type(description="One product in a cart, at the price it has now.")
class CartLine:
    """Resolved from `contexts.orders.api.PricedLine`."""

    id: strawberry.ID = known_as(
        "CartLine",
        "Opaque, for caches: of the product's line in this cart, whatever its quantity. `node(id:)` does not find it.",
        lambda root: root.cart_id.bytes + root.product_id.bytes,
    )
    quantity: Quantity = strawberry.field(description="How much of it, in the unit it was entered in.")
    unit_price: Money | None = strawberry.field(
        description="The price of one unit now; null: on request, or the product is sold in another unit by now."
    )
    line_total: Money | None = strawberry.field(
        description="Unit price × quantity, rounded half-even to centavos; null without a price."
    )
    price_source: PriceSource | None = strawberry.field(description="The level the price comes from.")

    @batch(graphql_type=Product, description="The product, with the catalog's and pricing's fields.")
    async def product(
        lines: Sequence[ordering.PricedLine], info: Info
    ) -> Sequence[catalog.Product | BaseException]:
        wanted = {line.product_id for line in lines}
        seen_by = info.context.signed_in().account_id
        found = await info.context.contexts.catalog.products.by_ids(wanted, seen_by)
        # It vanished after the cart was priced: the cart that is asked for again has it among `goneLines`.
        gone = Unavailable("catalog", LookupError("a product of the cart vanished while it was read"))
        return [found.get(line.product_id, gone) for line in lines]


def _quantity(root: ordering.CartLine) -> str:
    return plain(root.quantity)


@strawberry.type(
    description="A line whose product has vanished from the catalog. No checkout passes until it is taken out."
)
class GoneCartLine:
    """Resolved from `contexts.orders.api.CartLine`."""

    sku: str = strawberry.field(
        description='What it was added by, and is taken out by: `cartLineSet` with quantity "0".'
    )
    quantity: Decimal = computed(_quantity, description="How much of it, in the unit that the product had.")


@strawberry.type(description="What a buyer is about to order.")
class Cart(Node):
    """Resolved from `contexts.orders.api.PricedCart`."""

    is_type_of = represents(ordering.PricedCart)

    id: strawberry.ID = identified_as("Cart", by=attrgetter("cart.id"))
    version: int = computed(
        attrgetter("cart.version"), description="Changes with every change of the cart; for `cartCheckout`."
    )
    lines: list[CartLine] = strawberry.field(description="In the order they were added.")
    gone_lines: list[GoneCartLine] = computed(
        attrgetter("gone"),
        description="The lines that are not among `lines`, because their product has vanished from the catalog.",
    )
    subtotal: Money = strawberry.field(
        description="The sum of the rounded line totals; lines without a price are not in it."
    )


@strawberry.type(description="One line of an order, as it was when the order was placed.")
class OrderLine:
    """Resolved from `contexts.orders.api.OrderLine`."""

    sku: str = strawberry.field(description="The product's SKU then.")
    name: str = strawberry.field(description="The product's name then.")
    quantity: Quantity = strawberry.field(description="How much of it.")
    unit_price: Money = strawberry.field(
        description="The price of one unit, fixed when the order was placed."
    )
    price_source: PriceSource = strawberry.field(description="The level the price came from.")
    line_total: Money = strawberry.field(description="Unit price × quantity, rounded half-even to centavos.")


@strawberry.type(description="An order. Its lines and prices never change once it is placed.")
class Order(Node):
    """Resolved from `contexts.orders.api.Order`."""

    is_type_of = represents(ordering.Order)

    id: strawberry.ID = identified_as("Order")
    number: str = strawberry.field(
        description=(
            "What people call it on the phone, e.g. `P-4829-1673-7`: the last is a check digit, the others are drawn"
            " by lot."
        )
    )
    status: OrderStatus = strawberry.field(description="Where it stands.")
    lines: list[OrderLine] = strawberry.field(description="What was ordered.")
    total: Money = strawberry.field(description="The sum of the rounded line totals.")
    placed_at: datetime = strawberry.field(description="When it was placed.")


@strawberry.input(description="Which orders, of those within reach; all that is given must fit.")
class OrderFilter:
    """Becomes `contexts.orders.api.OrderFilter`."""

    statuses: list[OrderStatus] | None = strawberry.field(
        default=None, description="Any of these, one at least."
    )
    placed_from: datetime | None = strawberry.field(default=None, description="Inclusive.")
    placed_to: datetime | None = strawberry.field(default=None, description="Exclusive.")
    account_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of this buyer account; none when you do not reach its orders."
    )
    search: str | None = strawberry.field(
        default=None,
        description=(
            "Three or more digits of the number in any spelling, part of the account's legal name, accents and case"
            " aside, or how its CNPJ begins. Up to 200 characters; blanks are no search."
        ),
    )
