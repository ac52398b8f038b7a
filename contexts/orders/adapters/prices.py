"""Prices as pricing resolves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contexts.orders.domain.cart import CartLine, UnitPrice
from contexts.orders.domain.customer import Buyer
from contexts.pricing.api import Line, Perspective, ResolvePrices
from contexts.shared.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PricingPrices:
    """The one resolver that the catalog shows too."""

    pricing: ResolvePrices

    async def resolve(
        self, buyer: Buyer, lines: Sequence[CartLine], at: datetime, *, within: Transaction | None = None
    ) -> dict[UUID, UnitPrice]:
        perspective = Perspective(buyer.account_id, buyer.state, buyer.tier)
        asked = [Line(line.product_id, line.quantity) for line in lines]
        prices = await self.pricing(perspective, asked, at, within=within)
        return {
            line.product_id: UnitPrice(price.unit_price, price.source.value)
            for line, price in zip(lines, prices, strict=True)
            if price is not None
        }
