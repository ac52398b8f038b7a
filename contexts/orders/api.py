"""The door of the orders context: carts, checkout, orders and their way."""

from dataclasses import dataclass

from contexts.orders.domain.cart import Cart, CartLine, PricedCart, PricedLine
from contexts.orders.domain.customer import Customer, EveryAccount, OwnAccount, Portfolio, RowScope
from contexts.orders.domain.order import Order, OrderLine
from contexts.orders.domain.rejections import (
    AccountNotApproved,
    ApprovalRequired,
    EmptyCart,
    InvalidTransition,
    OutOfStock,
    PriceChanged,
    PriceOnRequest,
    ProductGone,
    ShortLine,
    VersionConflict,
)
from contexts.orders.domain.status import OrderStatus
from contexts.orders.ports import MAX_SEARCH, MOST_NAMED, OrderChanges, OrderFilter, Orders, TooManyNamed
from contexts.orders.use_cases.check_out import CheckOut, CheckOutCommand, CheckOutOutcome, Placed
from contexts.orders.use_cases.mail_order import ORDER_TOPICS, MailOrder
from contexts.orders.use_cases.move_order import Moved, MoveOrder, MoveOutcome, TransitionCommand
from contexts.orders.use_cases.price_cart import PricedCarts
from contexts.orders.use_cases.set_cart_line import CartChanged, SetCartLine

__all__ = [
    "MAX_SEARCH",
    "MOST_NAMED",
    "ORDER_TOPICS",
    "AccountNotApproved",
    "ApprovalRequired",
    "Cart",
    "CartChanged",
    "CartLine",
    "CheckOut",
    "CheckOutCommand",
    "CheckOutOutcome",
    "Customer",
    "EmptyCart",
    "EveryAccount",
    "InvalidTransition",
    "MailOrder",
    "MoveOrder",
    "MoveOutcome",
    "Moved",
    "Order",
    "OrderChanges",
    "OrderFilter",
    "OrderLine",
    "OrderStatus",
    "Ordering",
    "Orders",
    "OutOfStock",
    "OwnAccount",
    "Placed",
    "Portfolio",
    "PriceChanged",
    "PriceOnRequest",
    "PricedCart",
    "PricedCarts",
    "PricedLine",
    "ProductGone",
    "RowScope",
    "SetCartLine",
    "ShortLine",
    "TooManyNamed",
    "TransitionCommand",
    "VersionConflict",
]


@dataclass(frozen=True, slots=True)
class Ordering:
    """Reads (`carts`, `orders`) and use cases. `mail` is run by the worker, for events of ORDER_TOPICS."""

    carts: PricedCarts
    orders: Orders
    changes: OrderChanges
    set_cart_line: SetCartLine
    check_out: CheckOut
    confirm: MoveOrder
    cancel: MoveOrder
    mail: MailOrder
