"""What Prumo sends for each case, and whether the floor answers the same."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import orjson

from benchmarks.cases import SEARCH, Case
from benchmarks.floor.statements import Statements, statements_in, understood
from benchmarks.servers import Server
from benchmarks.world import World, connect
from gateway.progress import CannotRun
from resolvers.vocabulary.node import id_of

_HEARD = 0.3
"""Seconds until every session of PostgreSQL has noticed a changed setting."""
_COST = re.compile(rb',"extensions":\{"cost":\{[^{}]*"throttle":\{[^{}]*\}\}\}\}$')
"""The end of Prumo's answers. The floor has no costs to tell; making and sending them is part of what is measured."""
_UNLIKE = re.compile(rb'"(requestId|id|number|placedAt)":"[^"]*"')


async def recorded(world: World, cases: list[Case], server: Server) -> dict[str, Statements]:
    """The statements of each case by the floor's endpoint, from one request each."""
    found: dict[str, Statements] = {}
    log = world.settings.home / "postgres" / "server.log"
    async with _logged(world):
        for case in cases:
            await answer(case, world, server)  # the first one also asks PostgreSQL about its types
            await world.fill_carts()
            cart_id = await _cart_id(world)
            begins = log.stat().st_size
            variables = dict(case.ask(0)[0])
            body = await _send(case.request(server, world, 0, variables), server)
            await asyncio.sleep(0.05)
            found[case.endpoint] = _statements(
                _since(log, begins), _facts(world, cart_id, variables), orjson.loads(body)
            )
    return found


async def compare(case: Case, world: World, ours: Server, floor: Server) -> None:
    """Raises CannotRun unless both answer the same, byte for byte.

    But for Prumo's costs, which must be there, and what must differ in a mutation.
    """
    mine, theirs = await answer(case, world, ours), await answer(case, world, floor)
    mine, costs = _COST.subn(b"}", mine)
    if costs != 1:
        raise CannotRun(f"{case.name}: Prumo does not tell the cost: {mine[-200:].decode(errors='replace')}")
    if b"mutation" in case.operation.read_bytes():
        mine, theirs = _UNLIKE.sub(rb'"\1":""', mine), _UNLIKE.sub(rb'"\1":""', theirs)
    if mine != theirs:
        place = next((n for n, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), 0)
        raise CannotRun(
            f"{case.name}: the floor does not answer what Prumo does, from byte {place} on.\n"
            f"Prumo: {_around(mine, place)}\nfloor: {_around(theirs, place)}"
        )


async def answer(case: Case, world: World, server: Server) -> bytes:
    """The answer to the first user's first request, from freshly filled carts."""
    await world.fill_carts()
    return await _send(case.request(server, world, 0, case.ask(0)[0]), server)


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What is known of the recorded request, by the text of a value as PostgreSQL logs it."""

    names: dict[str, str]
    product_id: UUID


def _facts(world: World, cart_id: UUID, variables: dict[str, Any]) -> _Recorded:
    account, good = str(world.account_id), world.cart_goods(0)[1]
    names = {
        account: "account_id",
        f"{{{account}}}": "account_ids",
        world.state: "state",
        world.tier: "tier",
        str(world.users[0]): "user_id",
        f"{{{world.goods[0].slug}}}": "slugs",
        SEARCH: "search",
        str(cart_id): "cart_id",
    }
    input = variables.get("input", {})
    if "sku" in input:
        names |= {
            f"{{{good.sku}}}": "skus",
            good.sku: "sku",
            str(good.id): "product_id",
            input["quantity"]: "quantity",
            "2": "version",
        }
    if "idempotencyKey" in input:
        names[input["idempotencyKey"]] = "key"
    return _Recorded(names, world.cart_goods(0)[0].id)


def _statements(log: str, known: _Recorded, body: dict[str, Any]) -> Statements:
    names, line = dict(known.names), {}
    if (checkout := body["data"].get("cartCheckout")) is not None:
        order = checkout["data"]
        order_id = str(id_of("Order", order["id"]))
        account = next(text for text, name in names.items() if name == "account_id")
        names |= {
            order_id: "order_id",
            f"{account}:{order_id}": "order_changed",
            order["number"]: "number",
            order["total"]["amount"]: "total",
        }
        line = _line(order["lines"][0], known.product_id)
    return Statements(
        tuple(
            understood(sent, names | (line if "orders.order_lines" in sent.sql else {}))
            for sent in statements_in(log)
        )
    )


def _line(line: dict[str, Any], product_id: UUID) -> dict[str, str]:
    """The first line of the order: values that mean something else in other statements."""
    return {
        "0": "position",
        str(product_id): "product_id",
        line["sku"]: "sku",
        line["name"]: "name",
        line["quantity"]["unit"]: "unit",
        f"{Decimal(line['quantity']['value']):.3f}": "quantity",
        f"{Decimal(line['unitPrice']['amount']):.4f}": "unit_price",
        line["priceSource"]: "price_source",
        line["lineTotal"]["amount"]: "line_total",
    }


@asynccontextmanager
async def _logged(world: World) -> AsyncIterator[None]:
    """PostgreSQL logs every statement, of every session, inside the block."""
    connection = await connect(world.settings)
    try:
        for change in ("SET log_statement = 'all'", "RESET log_statement"):
            await connection.execute(f"ALTER SYSTEM {change}")
            await connection.execute("SELECT pg_reload_conf()")
            await asyncio.sleep(_HEARD)
            if change.startswith("SET"):
                yield
    finally:
        await connection.close()


async def _cart_id(world: World) -> UUID:
    connection = await connect(world.settings)
    try:
        id = await connection.fetchval("SELECT id FROM orders.carts WHERE user_id = $1", world.users[0])
    finally:
        await connection.close()
    assert isinstance(id, UUID)
    return id


async def _send(request: bytes, server: Server) -> bytes:
    """The body of the answer to a raw HTTP request."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(server.url(line.split(" ")[1]), content=body, headers=headers)
    if response.status_code != 200:
        raise CannotRun(f"{server.url('')} answers {response.status_code}: {response.text[:1000]}")
    return response.content


def _since(log: Path, begins: int) -> str:
    with log.open("rb") as file:
        file.seek(begins)
        return file.read().decode()


def _around(body: bytes, place: int) -> str:
    return body[max(0, place - 80) : place + 120].decode(errors="replace")
