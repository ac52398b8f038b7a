"""What the benchmarks run on: a database of their own with 10,000 products and 210,000 prices, and its buyers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from contexts.identity.api import AccessTokens, Principal
from contexts.shared.ids import new_id
from gateway.bootstrap import bootstrap
from gateway.seed.bulk import seed_bulk
from gateway.seed.demo import SP_CNPJ, Report
from gateway.settings import Settings

PRODUCTS = 10_000
NEGOTIATED = 100_000
STATES = ("SP", "PA", "MG", "RJ", "RS", "PR", "BA", "PE", "CE", "GO")
USERS = 480
"""Each has a cart of their own: as many checkouts can be measured at a stretch. Verified tokens are remembered
for 1,024 callers, here and in the floor."""
CART_LINES = 3

_SCOPES = frozenset({"cart:write", "order:place", "order:read", "price:read"})

# Every product gets a picture, and every third a price negotiated with the buyers' account, so that a page
# has all that a page can have and prices of more than one level.
_PICTURES = """
INSERT INTO catalog.product_images (id, product_id, object_key, alt, is_main)
SELECT gen_random_uuid(), id, 'products/bench/' || slug || '.png', name, true FROM catalog.products
 WHERE NOT EXISTS (SELECT FROM catalog.product_images i WHERE i.product_id = products.id AND i.is_main)
"""
_NEGOTIATED = """
INSERT INTO pricing.prices (id, product_id, source, account_id, min_quantity, amount, valid_during)
SELECT gen_random_uuid(), product_id, 'BUYER', $1, min_quantity, round(amount * 0.93, 2), valid_during
  FROM (SELECT n.*, row_number() OVER (ORDER BY product_id) AS place FROM pricing.prices n
         WHERE source = 'NATIONAL' AND tier IS NULL AND min_quantity = 0) AS n
 WHERE place % 3 = 0
   AND NOT EXISTS (SELECT FROM pricing.prices b WHERE b.product_id = n.product_id AND b.account_id = $1)
"""
_GOODS = """
SELECT p.id, p.sku, p.slug FROM catalog.products p
 WHERE p.sku LIKE 'BULK-%' AND p.quantity_step = 1
   AND EXISTS (SELECT FROM pricing.prices n
                WHERE n.product_id = p.id AND n.source = 'NATIONAL' AND n.min_quantity = 0)
 ORDER BY p.sku LIMIT 600
"""
_CARTS = (
    "INSERT INTO orders.carts (id, user_id, account_id, version, updated_at) VALUES ($1, $2, $3, 1, now())"
)
_LINES = "INSERT INTO orders.cart_lines (cart_id, product_id, sku, quantity) VALUES ($1, $2, $3, 2)"


@dataclass(frozen=True, slots=True)
class Good:
    """A product that carts are filled with; there is no end of it."""

    id: UUID
    sku: str
    slug: str


@dataclass(frozen=True, slots=True)
class World:
    """One buyer account in São Paulo and its users, each with an access token."""

    settings: Settings
    account_id: UUID
    state: str
    tier: str
    users: tuple[UUID, ...]
    tokens: tuple[str, ...]
    goods: tuple[Good, ...]

    async def fill_carts(self) -> None:
        """Give every user a cart of version 1 with CART_LINES lines; users far apart share no product."""
        connection = await connect(self.settings)
        try:
            async with connection.transaction():
                await connection.execute(
                    "DELETE FROM orders.carts WHERE user_id = ANY ($1::uuid[])", list(self.users)
                )
                carts = [(new_id(), user, self.account_id) for user in self.users]
                await connection.executemany(_CARTS, carts)
                await connection.executemany(
                    _LINES,
                    [
                        (cart_id, good.id, good.sku)
                        for place, (cart_id, _, _) in enumerate(carts)
                        for good in self.cart_goods(place)
                    ],
                )
        finally:
            await connection.close()

    def cart_goods(self, user: int) -> Sequence[Good]:
        """What the cart of a user, by number, is filled with."""
        return [self.goods[(user * CART_LINES + line) % len(self.goods)] for line in range(CART_LINES)]


async def made(settings: Settings, report: Report) -> World:
    """Load the data into a migrated database."""
    async with bootstrap(settings, store=False, listening=False) as parts:
        await parts.contexts.identity.key_ring.make("benchmarks")
    async with bootstrap(settings) as parts:
        report(
            str(await seed_bulk(parts.database, parts.contexts, PRODUCTS, NEGOTIATED, report, states=STATES))
        )
        return await _peopled(settings, parts.contexts.identity.access_tokens)


async def _peopled(settings: Settings, tokens: AccessTokens) -> World:
    connection = await connect(settings)
    try:
        account = await connection.fetchrow(
            "SELECT a.id, d.state, a.tier FROM identity.buyer_accounts a"
            " JOIN identity.account_addresses d ON d.account_id = a.id AND d.is_primary WHERE a.cnpj = $1",
            SP_CNPJ,
        )
        assert account is not None
        await connection.execute(_PICTURES)
        await connection.execute(_NEGOTIATED, account["id"])
        goods = tuple(Good(*row) for row in await connection.fetch(_GOODS))
        await connection.execute(
            "UPDATE catalog.stock SET on_hand = 1000000000 WHERE product_id = ANY ($1::uuid[])",
            [good.id for good in goods],
        )
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()
    users = tuple(new_id() for _ in range(USERS))
    now = datetime.now(UTC)
    issued = (
        tokens.issue(Principal(user, new_id(), account["id"], frozenset({"buyer"}), _SCOPES), now)
        for user in users
    )
    return World(
        settings,
        account["id"],
        account["state"],
        account["tier"],
        users,
        tuple(token for token, _ in issued),
        goods,
    )


async def connect(settings: Settings) -> "asyncpg.Connection[Any]":  # Any: asyncpg's record class
    """A connection of the benchmark's own."""
    return await asyncpg.connect(dsn(settings))


def dsn(settings: Settings) -> str:
    """The database's address as asyncpg takes it."""
    assert settings.database_url is not None
    return settings.database_url.replace("postgresql+asyncpg:", "postgresql:")
