"""`cart`, `orders`, `order`, `orderUpdated`."""

from collections.abc import Callable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from contexts.identity.api import CART_WRITE, ORDER_READ, Principal
from contexts.orders import api as ordering
from resolvers.orders.row_scope import customer_of, row_scope_of
from resolvers.orders.types import Cart, Order, OrderFilter
from resolvers.vocabulary.connections import Connection, Listing, listing, window
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import requires
from resolvers.vocabulary.errors import BadUserInput
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.node import id_of

NEWEST_FIRST = "PLACED_AT"
SEARCHING = 50
"""Points: a search matches more than it shows."""


def _filter(given: OrderFilter | None) -> ordering.OrderFilter:
    if given is None:
        return ordering.OrderFilter()
    if given.statuses is not None and not given.statuses:
        raise BadUserInput("`filter.statuses` is empty: leave it out for orders of every status.")
    if given.placed_from is not None and given.placed_to is not None and given.placed_from >= given.placed_to:
        raise BadUserInput("`filter.placedFrom` is not before `filter.placedTo`.")
    if given.search is not None and len(given.search) > ordering.MAX_SEARCH:
        raise BadUserInput(f"`filter.search` takes at most {ordering.MAX_SEARCH} characters.")
    account_id = None
    if given.account_id is not None and (account_id := id_of("BuyerAccount", given.account_id)) is None:
        raise BadUserInput("`filter.accountId` is not the id of a buyer account.")
    return ordering.OrderFilter(
        statuses=None if given.statuses is None else frozenset(given.statuses),
        placed_from=given.placed_from,
        placed_to=given.placed_to,
        account_id=account_id,
        search=given.search,
    )


def _work(argument: Callable[[str], object]) -> int:
    """Of a listing, beside the page it answers with."""
    given = argument("filter")
    return SEARCHING if isinstance(given, Mapping) and given.get("search") is not None else 0


@strawberry.type
class Query:
    """Merged into the root."""

    @root_field(
        type=Cart | None,
        description="The viewer's own active cart, at today's prices; null when there is none.",
        guard=requires(CART_WRITE),
    )
    async def cart(self, info: Info) -> ordering.PricedCart | None:
        return await _own_cart(info, info.context.signed_in())

    @root_field(
        type=Connection[Order] | None,
        description=(
            "Orders, newest first: the account's own, the portfolio's, or all, by who asks. They stand in the order in"
            " which they became visible: with `before`, a client that follows them misses none."
        ),
        guard=requires(ORDER_READ),
        work=_work,
    )
    async def orders(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="1 to 100; 24 when absent.")] = None,
        after: Annotated[str | None, strawberry.argument(description="Start after this cursor.")] = None,
        last: Annotated[int | None, strawberry.argument(description="1 to 100, from the end.")] = None,
        before: Annotated[str | None, strawberry.argument(description="End before this cursor.")] = None,
        filter: Annotated[OrderFilter | None, strawberry.argument(description="Which orders.")] = None,
    ) -> Listing[ordering.Order]:
        cut = window(NEWEST_FIRST, first, after, last, before)
        wanted = _filter(filter)
        reach = row_scope_of(info.context.signed_in())
        ledger = info.context.contexts.orders.orders
        try:
            return await listing(
                NEWEST_FIRST, ledger.page(reach, cut, wanted), lambda: ledger.count(reach, wanted)
            )
        except ordering.TooManyNamed:
            raise BadUserInput(
                f"`filter.search` fits more than {ordering.MOST_NAMED} accounts; write more of the name."
            ) from None

    @root_field(
        type=Order | None,
        description="One order by exactly one of id and number; null when there is none within reach.",
        guard=requires(ORDER_READ),
    )
    async def order(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its node id.")] = None,
        number: Annotated[
            str | None,
            strawberry.argument(
                description="Its number as people write or paste it: any case, dashes, spaces, punctuation around it."
            ),
        ] = None,
    ) -> ordering.Order | None:
        reach = row_scope_of(info.context.signed_in())
        ledger = info.context.contexts.orders.orders
        match (id, number):
            case (str(), None):
                if (decoded := id_of("Order", id)) is None:
                    raise BadUserInput("`id` is not the id of an order.")
                return (await ledger.by_ids(reach, [decoded])).get(decoded)
            case (None, str()):
                return (await ledger.by_numbers(reach, [number])).get(number)
            case _:
                raise BadUserInput("Give exactly one of `id` and `number`.")


async def find_order(info: Info, id: UUID) -> ordering.Order | None:
    """`node` for orders: within the caller's reach."""
    principal = info.context.principal
    if principal is None or ORDER_READ not in principal.scopes:
        return None
    return (await info.context.contexts.orders.orders.by_ids(row_scope_of(principal), [id])).get(id)


async def find_cart(info: Info, id: UUID) -> ordering.PricedCart | None:
    """`node` for carts: one's own."""
    principal = info.context.principal
    if principal is None or CART_WRITE not in principal.scopes:
        return None
    cart = await _own_cart(info, principal)
    return cart if cart is not None and cart.cart.id == id else None


async def _own_cart(info: Info, principal: Principal) -> ordering.PricedCart | None:
    customer = customer_of(principal)
    if customer is None:
        return None
    return await info.context.contexts.orders.carts.of(customer, info.context.at)
