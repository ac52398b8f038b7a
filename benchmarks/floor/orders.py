"""Writing: a line of the cart, and the cart into an order. In the transactions, locks and order of Prumo."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from secrets import randbelow
from typing import Any
from uuid import UUID, uuid4

from asyncpg import Record
from stdnum import damm

from benchmarks.floor.answers import Json, Prices, Shelf, amount, number, prices
from benchmarks.floor.reads import Connection
from benchmarks.floor.statements import Statement, Statements
from benchmarks.floor.tokens import Caller
from contexts.shared.ids import new_id
from resolvers.vocabulary.node import node_id

_CENTAVO = Decimal("0.01")


class Refused(Exception):
    """The cart or the order is not to be; the transaction is rolled back. No benchmark gets here."""


class _Cart:
    """What both writes read: the account, the products of the cart's lines and their prices."""

    def __init__(self, statements: Statements) -> None:
        self._account = statements.one("identity.buyer_accounts")
        self._lines = statements.one("FROM orders.cart_lines")
        self._products = statements.one("FROM catalog.products", takes="product_ids")
        self._candidates = statements.one("pricing.prices")
        # Prumo reads the products once for the prices, and once more where the answer shows them.
        self._readings = statements.repetitions(self._products)

    async def account(self, connection: Connection, caller: Caller) -> Record:
        facts = {"account_id": caller.account_id, "account_ids": [caller.account_id]}
        row = await _row(connection, self._account, facts)
        if row is None:
            raise LookupError("the account is gone")
        return row

    async def lines(self, connection: Connection, cart_id: UUID) -> list[Record]:
        return await _rows(connection, self._lines, {"cart_id": cart_id})

    async def goods(
        self, connection: Connection, account: Record, ids: Sequence[UUID], now: datetime
    ) -> tuple[dict[UUID, Record], Prices]:
        """The products by id and their prices."""
        found: dict[UUID, Record] = {}
        for _ in range(self._readings):
            rows = await _rows(connection, self._products, {"product_ids": ids})
            found = {row["id"]: row for row in rows}
        facts = {
            "account_id": account["account_id"],
            "product_ids": ids,
            "now": now,
            "state": account["state"],
            "tier": account["tier"],
        }
        return found, prices(await _rows(connection, self._candidates, facts), account["tier"], now)


class CartLineSet:
    """portal/SetCartLine.graphql, for a quantity that is not zero."""

    def __init__(self, statements: Statements, shelf: Shelf) -> None:
        self._shelf = shelf
        self._cart = _Cart(statements)
        self._good = statements.one("FROM catalog.products", takes="skus")
        self._open = statements.one("INSERT INTO orders.carts")
        self._put = statements.one("INSERT INTO orders.cart_lines")
        self._keep = statements.one("UPDATE orders.carts")

    async def __call__(self, connection: Connection, caller: Caller, asked: Json) -> Json:
        given: Any = asked["input"]
        sku, quantity = str(given["sku"]), Decimal(given["quantity"])
        good = await _row(connection, self._good, {"skus": [sku]})
        if good is None or quantity <= 0 or quantity % good["quantity_step"]:
            raise Refused("INVALID_INPUT")
        facts: dict[str, object] = {
            "fresh_id": new_id(),
            "user_id": caller.user_id,
            "account_id": caller.account_id,
            "product_id": good["id"],
            "sku": sku,
            "quantity": quantity,
            "now": datetime.now(UTC),
        }
        async with connection.transaction():
            cart = await _row(connection, self._open, facts)
            assert cart is not None
            lines = [
                (row["product_id"], row["quantity"]) for row in await self._cart.lines(connection, cart["id"])
            ]
            version = cart["version"]
            if (good["id"], quantity) not in lines:
                version += 1
                facts |= {"cart_id": cart["id"], "version": version}
                await _run(connection, self._put, facts)
                await _run(connection, self._keep, facts)
                if any(id == good["id"] for id, _ in lines):
                    lines = [(id, quantity if id == good["id"] else old) for id, old in lines]
                else:
                    lines.append((good["id"], quantity))
        account = await self._cart.account(connection, caller)
        goods, found = await self._cart.goods(connection, account, [id for id, _ in lines], datetime.now(UTC))
        shown, subtotal = [], Decimal("0.00")
        for id, ordered in lines:
            winner, product = found.winner(id, ordered), goods[id]
            total = None
            if winner is not None:
                total = (winner["amount"] * ordered).quantize(_CENTAVO, ROUND_HALF_EVEN)
                subtotal += total
            shown.append(
                {
                    "__typename": "CartLine",
                    "id": b64encode(b"CartLine:" + cart["id"].bytes + id.bytes).decode(),
                    "product": self._shelf.in_cart(product),
                    "quantity": {"value": number(ordered), "unit": product["unit"]},
                    "unitPrice": winner and {"amount": amount(winner["amount"]), "currency": "BRL"},
                    "lineTotal": None if total is None else {"amount": str(total), "currency": "BRL"},
                    "priceSource": winner and winner["source"],
                }
            )
        data: Json = {
            "__typename": "Cart",
            "id": node_id("Cart", cart["id"]),
            "version": version,
            "lines": shown,
            "goneLines": [],  # goods[id] above fails on a product that is gone
            "subtotal": {"amount": str(subtotal), "currency": "BRL"},
        }
        meta = {"requestId": uuid4().hex, "replayed": False}
        return {"data": {"cartLineSet": {"data": data, "meta": meta, "error": None}}}


class CheckOut:
    """portal/CheckOut.graphql, for a key that was not used before."""

    def __init__(self, statements: Statements) -> None:
        self._cart = _Cart(statements)
        self._claim = statements.one("INSERT INTO orders.idempotency_keys")
        self._lock = statements.one("FROM orders.carts")
        self._stock = statements.one("FROM catalog.stock")
        self._reserve = statements.one("UPDATE catalog.stock")
        self._hold = statements.one("INSERT INTO catalog.stock_reservations")
        self._enter = statements.one("INSERT INTO orders.orders")
        self._line = statements.one("INSERT INTO orders.order_lines")
        self._tell = statements.one("pg_notify", takes="order_changed")
        self._close = statements.every("DELETE FROM orders.cart", "UPDATE orders.cart")
        self._publish = statements.one("INSERT INTO shared.outbox")

    async def __call__(self, connection: Connection, caller: Caller, asked: Json) -> Json:
        given: Any = asked["input"]
        order_id, now = new_id(), datetime.now(UTC)
        canonical = json.dumps(["cartCheckout", {"version": given["cartVersion"], "expected": None}])
        facts: dict[str, object] = {
            "user_id": caller.user_id,
            "account_id": caller.account_id,
            "key": given["idempotencyKey"],
            "fingerprint": hashlib.sha256(canonical.encode()).digest(),
            "order_id": order_id,
            "now": now,
        }
        async with connection.transaction():
            if await connection.execute(self._claim.sql, *self._claim.arguments(facts)) != "INSERT 0 1":
                raise Refused("IDEMPOTENCY_KEY_REUSED")
            account = await self._cart.account(connection, caller)
            cart = await _row(connection, self._lock, facts)
            if account["status"] != "APPROVED" or cart is None or cart["version"] != given["cartVersion"]:
                raise Refused("VERSION_CONFLICT")
            lines = await self._cart.lines(connection, cart["id"])
            ids = [line["product_id"] for line in lines]
            goods, found = await self._cart.goods(connection, account, ids, now)
            rows, shown, total = [], [], Decimal("0.00")
            for position, line in enumerate(lines):
                winner, product = (
                    found.winner(line["product_id"], line["quantity"]),
                    goods[line["product_id"]],
                )
                if winner is None:
                    raise Refused("PRICE_ON_REQUEST")
                line_total = (winner["amount"] * line["quantity"]).quantize(_CENTAVO, ROUND_HALF_EVEN)
                total += line_total
                rows.append(
                    {
                        "order_id": order_id,
                        "position": position,
                        "product_id": line["product_id"],
                        "sku": product["sku"],
                        "name": product["name"],
                        "unit": product["unit"],
                        "quantity": line["quantity"],
                        "unit_price": winner["amount"],
                        "price_source": winner["source"],
                        "line_total": line_total,
                    }
                )
                shown.append(
                    {
                        "sku": product["sku"],
                        "name": product["name"],
                        "quantity": {"value": number(line["quantity"]), "unit": product["unit"]},
                        "unitPrice": {"amount": amount(winner["amount"]), "currency": "BRL"},
                        "priceSource": winner["source"],
                        "lineTotal": {"amount": str(line_total), "currency": "BRL"},
                    }
                )
            facts |= {"product_ids": ids, "quantities": [line["quantity"] for line in lines]}
            facts |= {"cart_id": cart["id"], "total": total}
            available = {
                row["product_id"]: row["available"] for row in await _rows(connection, self._stock, facts)
            }
            if any(line["quantity"] > available.get(line["product_id"], 0) for line in lines):
                raise Refused("OUT_OF_STOCK")
            await _run(connection, self._reserve, facts)
            await _run(connection, self._hold, facts)
            chance = f"{randbelow(10**8):08}"
            order_number = f"P-{chance[:4]}-{chance[4:]}-{damm.calc_check_digit(chance)}"
            facts |= {
                "number": order_number,
                "order_changed": f"{caller.account_id}:{order_id}",
                "placed": json.dumps({"number": order_number, "order_id": str(order_id)}),
                "fresh_id": new_id(),
            }
            await _run(connection, self._enter, facts)
            await connection.executemany(self._line.sql, [self._line.arguments(row) for row in rows])
            await _run(connection, self._tell, facts)
            for close in self._close:
                await _run(connection, close, facts)
            await _run(connection, self._publish, facts)
        data: Json = {
            "__typename": "Order",
            "id": node_id("Order", order_id),
            "number": order_number,
            "status": "PLACED",
            "total": {"amount": str(total), "currency": "BRL"},
            "placedAt": now.isoformat(),
            "lines": shown,
        }
        meta = {"requestId": uuid4().hex, "replayed": False}
        return {"data": {"cartCheckout": {"data": data, "meta": meta, "error": None}}}


async def _rows(connection: Connection, statement: Statement, facts: Mapping[str, object]) -> list[Record]:
    return await connection.fetch(statement.sql, *statement.arguments(facts))


async def _row(connection: Connection, statement: Statement, facts: Mapping[str, object]) -> Record | None:
    return await connection.fetchrow(statement.sql, *statement.arguments(facts))


async def _run(connection: Connection, statement: Statement, facts: Mapping[str, object]) -> None:
    await connection.execute(statement.sql, *statement.arguments(facts))
