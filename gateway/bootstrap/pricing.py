"""Pricing on its adapters."""

from contexts.catalog.api import Catalog
from contexts.identity.api import (
    Identity,
)
from contexts.pricing.adapters.catalog import CatalogProducts as PricedProducts
from contexts.pricing.adapters.identity import IdentityAccounts
from contexts.pricing.adapters.prices import SqlPrices
from contexts.pricing.api import ExplainPrices, LoadPrices, Pricing, ResolvePrices, SetPrice
from contexts.shared.adapters.database import Database
from contexts.shared.clock import Clock


def bootstrap_pricing(*, database: Database, clock: Clock, catalog: Catalog, identity: Identity) -> Pricing:
    prices, products = (
        SqlPrices(database),
        PricedProducts(products=catalog.products, measures=catalog.measures),
    )
    return Pricing(
        resolve=ResolvePrices(prices=prices, clock=clock),
        explain=ExplainPrices(prices=prices),
        set_price=SetPrice(
            table=prices,
            products=products,
            accounts=IdentityAccounts(accounts=identity.accounts),
            transactions=database,
            clock=clock,
        ),
        load=LoadPrices(table=prices, products=products, transactions=database, clock=clock),
        rows=prices,
    )
