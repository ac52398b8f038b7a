"""Fill the cart, check out, move an order along."""

from decimal import Decimal
from typing import assert_never

import strawberry

from contexts.identity.api import CART_WRITE
from contexts.orders import api as ordering
from contexts.shared import rejections
from contexts.shared.codes import DetailCode
from resolvers.orders.errors import error_of
from resolvers.orders.row_scope import customer_of, row_scope_of
from resolvers.orders.types import Cart, Order
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import requires
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.node import id_of
from resolvers.vocabulary.payload import Payload, done, refused

NO_ACCOUNT = rejections.Forbidden("Only users of a buyer account have a cart.")


@strawberry.input(description="How much of one product the cart holds.")
class CartLineSetInput:
    """Sets, does not add: sending it twice is harmless."""

    sku: str = strawberry.field(description="The product.")
    quantity: Decimal = strawberry.field(
        description='In the product\'s unit, a multiple of its step; "0" removes the line.'
    )


@strawberry.input(description="The cart as the buyer saw it.")
class CartCheckoutInput:
    """Becomes `contexts.orders.api.CheckOutCommand`."""

    idempotency_key: str = strawberry.field(
        description="Made by the client, new for every order it means to place, the same for every retry of it."
    )
    cart_version: int = strawberry.field(description="The version of the cart the buyer saw.")
    expected_total: Decimal | None = strawberry.field(
        default=None, description="The total the buyer saw; PRICE_CHANGED when it is another by now."
    )


@strawberry.input(description="Which order to move along.")
class OrderTransitionInput:
    """Becomes `contexts.orders.api.TransitionCommand`."""

    id: strawberry.ID = strawberry.field(description="The order.")
    idempotency_key: str = strawberry.field(
        description="Made by the client, the same for every retry of this step."
    )
    reason: str | None = strawberry.field(
        default=None, description="Kept with the order, up to 500 characters."
    )


@strawberry.type
class Mutation:
    """Merged into the root."""

    @root_field(
        type=Payload[Cart] | None,
        description="Set how much of a product the viewer's cart holds; makes a cart when there is none.",
        guard=requires(CART_WRITE),
    )
    async def cart_line_set(self, info: Info, input: CartLineSetInput) -> Payload[ordering.PricedCart | None]:
        customer = customer_of(info.context.signed_in())
        if customer is None:
            return refused(info, error_of(NO_ACCOUNT))
        outcome = await info.context.contexts.orders.set_cart_line(
            customer, input.sku, input.quantity, info.context.at
        )
        match outcome:
            case ordering.CartChanged(cart):
                return done(info, cart)
            case rejections.InvalidInput() | rejections.NotFound():
                return refused(info, error_of(outcome))
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[Order] | None,
        description=(
            "Order what is in the cart, at today's prices, holding the stock: all of it or nothing. More than the"
            " viewer's approval limit is refused with APPROVAL_REQUIRED. Safe to retry with the same key."
        ),
        guard=requires("order:place"),
    )
    async def cart_checkout(self, info: Info, input: CartCheckoutInput) -> Payload[ordering.Order]:
        customer = customer_of(info.context.signed_in())
        if customer is None:
            return refused(info, error_of(NO_ACCOUNT))
        outcome = await info.context.contexts.orders.check_out(
            customer,
            ordering.CheckOutCommand(input.idempotency_key, input.cart_version, input.expected_total),
        )
        match outcome:
            case ordering.Placed(order, replayed):
                return done(info, order, replayed=replayed)
            case _:
                return refused(info, error_of(outcome))

    @root_field(
        type=Payload[Order] | None, description="Accept a placed order.", guard=requires("order:manage")
    )
    async def order_confirm(self, info: Info, input: OrderTransitionInput) -> Payload[ordering.Order]:
        return await _move(info, info.context.contexts.orders.confirm, input)

    @root_field(
        type=Payload[Order] | None,
        description=(
            "Cancel an order and return its stock: buyers while it is PLACED, staff until it is shipped."
        ),
        guard=requires("order:cancel", "order:manage"),
    )
    async def order_cancel(self, info: Info, input: OrderTransitionInput) -> Payload[ordering.Order]:
        return await _move(info, info.context.contexts.orders.cancel, input)


async def _move(info: Info, step: ordering.MoveOrder, input: OrderTransitionInput) -> Payload[ordering.Order]:
    principal = info.context.signed_in()
    order_id = id_of("Order", input.id)
    if order_id is None:
        return refused(
            info,
            error_of(rejections.InvalidInput.at("id", DetailCode.NOT_AN_ID, "must be the id of an order")),
        )
    outcome = await step(
        row_scope_of(principal),
        info.context.actor,
        ordering.TransitionCommand(order_id, input.idempotency_key, input.reason),
    )
    match outcome:
        case ordering.Moved(order, replayed):
            return done(info, order, replayed=replayed)
        case _:
            return refused(info, error_of(outcome))
