"""`orderUpdated`."""

from collections.abc import AsyncIterator
from contextlib import aclosing

import strawberry

from contexts.identity.api import ORDER_READ
from contexts.orders import api as ordering
from resolvers.orders.row_scope import row_scope_of
from resolvers.orders.types import Order
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import requires
from resolvers.vocabulary.fields import root_subscription


@strawberry.type
class Subscription:
    """Merged into the root."""

    @root_subscription(
        type=Order | None,
        description="The orders within the viewer's reach, each as it is after a change, from now on.",
        guard=requires(ORDER_READ),
    )
    async def order_updated(self, info: Info) -> AsyncIterator[ordering.Order]:
        reach = row_scope_of(info.context.signed_in())
        async with aclosing(info.context.contexts.orders.changes.within(reach)) as changed:
            async for order in changed:
                yield order
