"""Reading: pages of products, and one product."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias
from uuid import UUID

from asyncpg import Record
from asyncpg.pool import PoolConnectionProxy

from benchmarks.floor.answers import Json, Prices, Shelf, amount, availability, cursor, page_info, prices
from benchmarks.floor.statements import Statement, Statements
from benchmarks.floor.tokens import Caller
from resolvers.vocabulary.node import id_of

Connection: TypeAlias = "PoolConnectionProxy[Record]"


class Pricing:
    """Reads the candidates of products for the caller's account."""

    def __init__(self, statements: Statements) -> None:
        self._accounts = statements.one("identity.buyer_accounts")
        self._candidates = statements.one("pricing.prices")

    async def __call__(self, connection: Connection, caller: Caller, product_ids: Sequence[UUID]) -> Prices:
        now = datetime.now(UTC)
        facts = {"account_id": caller.account_id, "account_ids": [caller.account_id], "now": now}
        account = await connection.fetchrow(self._accounts.sql, *self._accounts.arguments(facts))
        if account is None or account["status"] != "APPROVED":
            return prices((), None, now)
        facts |= {"product_ids": product_ids, "state": account["state"], "tier": account["tier"]}
        rows = await connection.fetch(self._candidates.sql, *self._candidates.arguments(facts))
        return prices(rows, account["tier"], now)


@dataclass(frozen=True, slots=True)
class Page:
    """The first page of products; `full` with everything there is to say of each."""

    shelf: Shelf
    rows: Statement
    pricing: Pricing
    full: bool

    async def __call__(self, connection: Connection, caller: Caller, asked: Json) -> Json:
        first = int(str(asked["first"]))
        filter = asked.get("filter")
        facts = {"search": filter["search"]} if isinstance(filter, dict) else {}
        fetched = await connection.fetch(self.rows.sql, *self.rows.arguments(facts))
        rows = fetched[:first]
        found = await self.pricing(connection, caller, [row["id"] for row in rows])
        if self.full:
            return {"data": {"products": {"nodes": [self.shelf.at_length(row, found) for row in rows]}}}
        edges = [{"cursor": cursor(row), "node": self.shelf.listed(row, found)} for row in rows]
        return {"data": {"products": {"edges": edges, "pageInfo": page_info(rows, len(fetched) > first)}}}


@dataclass(frozen=True, slots=True)
class Product:
    """One product by its slug."""

    shelf: Shelf
    row: Statement
    pricing: Pricing

    async def __call__(self, connection: Connection, caller: Caller, asked: Json) -> Json:
        row = await connection.fetchrow(self.row.sql, *self.row.arguments({"slugs": [asked["slug"]]}))
        if row is None:
            return {"data": {"product": None}}
        found = await self.pricing(connection, caller, [row["id"]])
        return {"data": {"product": self.shelf.shown(row, found)}}


@dataclass(frozen=True, slots=True)
class Node:
    """One product by its opaque id."""

    row: Statement
    pricing: Pricing

    async def __call__(self, connection: Connection, caller: Caller, asked: Json) -> Json:
        id = str(asked["id"])
        product_id = id_of("Product", id)
        if product_id is None:
            return {"data": {"node": None}}
        row = await connection.fetchrow(self.row.sql, *self.row.arguments({"product_ids": [product_id]}))
        if row is None:
            return {"data": {"node": None}}
        winner = (await self.pricing(connection, caller, [row["id"]])).winner(row["id"])
        price: Json | None = None
        if winner is not None:
            each = {"amount": amount(winner["amount"]), "currency": "BRL"}
            price = {"unitPrice": each, "source": winner["source"]}
        status, available = availability(row)
        node: Json = {
            "__typename": "Product",
            "id": id,
            "sku": row["sku"],
            "name": row["name"],
            "unit": row["unit"],
            "availability": {"status": status, "available": available},
            "price": price,
        }
        return {"data": {"node": node}}
