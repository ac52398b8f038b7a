"""Carts and orders in GraphQL."""

from resolvers.orders import errors
from resolvers.orders.mutations import Mutation
from resolvers.orders.queries import Query, find_cart, find_order
from resolvers.orders.subscriptions import Subscription
from resolvers.vocabulary.contribution import Contribution

contribution = Contribution(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=errors.TYPES,
    nodes={"Order": find_order, "Cart": find_cart},
)
