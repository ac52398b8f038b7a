"""The door of pricing: resolve prices, explain them, set them."""

from dataclasses import dataclass

from contexts.pricing.domain.price import EVERY_QUANTITY, Price, PriceSource
from contexts.pricing.domain.resolver import Line, Perspective, PriceBreak, PriceStep, ResolvedPrice
from contexts.pricing.ports import Prices
from contexts.pricing.use_cases.load_prices import Loaded, LoadPrices, PriceDraft
from contexts.pricing.use_cases.resolve_prices import ExplainPrices, ResolvePrices
from contexts.pricing.use_cases.set_price import PriceSet, SetPrice, SetPriceCommand

__all__ = [
    "EVERY_QUANTITY",
    "ExplainPrices",
    "Line",
    "LoadPrices",
    "Loaded",
    "Perspective",
    "Price",
    "PriceBreak",
    "PriceDraft",
    "PriceSet",
    "PriceSource",
    "PriceStep",
    "Prices",
    "Pricing",
    "ResolvePrices",
    "ResolvedPrice",
    "SetPrice",
    "SetPriceCommand",
]


@dataclass(frozen=True, slots=True)
class Pricing:
    """All that pricing offers; `rows` reads single prices by id."""

    resolve: ResolvePrices
    explain: ExplainPrices
    set_price: SetPrice
    load: LoadPrices
    rows: Prices
