"""Which executor runs queries and mutations; subscriptions always go to graphql-core."""

from enum import Enum


class ExecutorKind(Enum):
    """BREADTH is ours; STOCK is graphql-core's, for comparison."""

    BREADTH = "breadth"
    STOCK = "stock"
