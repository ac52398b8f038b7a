"""Why a checkout or an order's next step is refused. A refusal changes nothing."""

from dataclasses import dataclass
from decimal import Decimal

from contexts.orders.domain.status import OrderStatus
from contexts.shared.money import Money


@dataclass(frozen=True, slots=True)
class AccountNotApproved:
    """The buyer account is pending, rejected or suspended, or gone."""


@dataclass(frozen=True, slots=True)
class EmptyCart:
    """There is no cart, or nothing in it."""


@dataclass(frozen=True, slots=True)
class VersionConflict:
    """The cart is not the one the customer looked at."""

    expected: int
    actual: int


@dataclass(frozen=True, slots=True)
class ProductGone:
    """The products of these lines have vanished from the catalog; in the order of the cart."""

    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PriceOnRequest:
    """These products have no price for this buyer, so they need a quote; in the order of the cart."""

    skus: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PriceChanged:
    """The total is not what the customer expected to pay."""

    expected: Money
    actual: Money


@dataclass(frozen=True, slots=True)
class ApprovalRequired:
    """The user may order up to `limit` without asking, and `total` is more."""

    limit: Money
    total: Money


@dataclass(frozen=True, slots=True)
class ShortLine:
    """A line that asks for more than there is."""

    sku: str
    requested: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True)
class OutOfStock:
    """The lines that cannot be served, all of them; in the order of the cart."""

    lines: tuple[ShortLine, ...]


@dataclass(frozen=True, slots=True)
class InvalidTransition:
    """An order in this status does not go there, or not by this hand."""

    from_status: OrderStatus
    to_status: OrderStatus
