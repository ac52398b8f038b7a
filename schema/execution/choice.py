"""Which executor runs operations, the events of subscriptions among them."""

from enum import Enum


class ExecutorKind(Enum):
    """BREADTH is ours; STOCK is graphql-core's, for comparison."""

    BREADTH = "breadth"
    STOCK = "stock"
