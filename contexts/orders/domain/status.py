"""An order's way from the cart to the building site."""

from enum import Enum


class OrderStatus(Enum):
    """Where an order stands."""

    PLACED = "PLACED"
    CONFIRMED = "CONFIRMED"
    PICKING = "PICKING"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


STAFF_STEPS: frozenset[tuple[OrderStatus, OrderStatus]] = frozenset(
    {
        (OrderStatus.PLACED, OrderStatus.CONFIRMED),
        (OrderStatus.CONFIRMED, OrderStatus.PICKING),
        (OrderStatus.PICKING, OrderStatus.SHIPPED),
        (OrderStatus.SHIPPED, OrderStatus.DELIVERED),
        (OrderStatus.PLACED, OrderStatus.CANCELLED),
        (OrderStatus.CONFIRMED, OrderStatus.CANCELLED),
        (OrderStatus.PICKING, OrderStatus.CANCELLED),
    }
)

BUYER_STEPS: frozenset[tuple[OrderStatus, OrderStatus]] = frozenset(
    {(OrderStatus.PLACED, OrderStatus.CANCELLED)}
)
"""A buyer takes an order back only until the sales team has begun to work on it."""
