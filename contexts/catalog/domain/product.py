"""A product as buyers see it, and the rules about its numbers."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Category:
    """A shelf of the shop."""

    id: UUID
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: `url` is absolute and public; `alt` describes it for who cannot see it."""

    url: str
    alt: str | None


class StockStatus(Enum):
    """How much of a product there is, in words."""

    IN_STOCK = "IN_STOCK"
    LOW_STOCK = "LOW_STOCK"
    OUT_OF_STOCK = "OUT_OF_STOCK"


@dataclass(frozen=True, slots=True)
class Availability:
    """What can still be ordered: `available` is what is on hand less what orders hold, in the product's unit."""

    status: StockStatus
    available: Decimal


@dataclass(frozen=True, slots=True)
class Product:
    """A product as it is read.

    `seen_by` is the buyer account through whose eyes it was read: its prices are resolved for that account.
    None: nobody's. It comes from the read's argument and is stored nowhere.
    """

    id: UUID
    sku: str
    slug: str
    name: str
    unit: str
    quantity_step: Decimal
    category: Category
    image: Image | None
    availability: Availability
    created_at: datetime
    seen_by: UUID | None


def availability(on_hand: Decimal, reserved: Decimal, low_stock_at: Decimal) -> Availability:
    """Low from `low_stock_at` downwards; out when nothing is left that no order holds."""
    available = on_hand - reserved
    if available <= 0:
        return Availability(StockStatus.OUT_OF_STOCK, available)
    if available <= low_stock_at:
        return Availability(StockStatus.LOW_STOCK, available)
    return Availability(StockStatus.IN_STOCK, available)
