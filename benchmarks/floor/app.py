"""The application: one route per case."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.floor.answers import Json, Shelf
from benchmarks.floor.orders import CartLineSet, CheckOut
from benchmarks.floor.reads import Connection, Node, Page, Pricing, Product
from benchmarks.floor.statements import Statements
from benchmarks.floor.tokens import Caller, Tokens

Endpoint = Callable[[Connection, Caller, Json], Awaitable[Json]]

_SETTINGS = {"jit": "off", "max_parallel_workers_per_gather": "0", "statement_timeout": "30000"}
"""Of the connection, as Prumo's."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the floor is told: the database, who may call, and what Prumo sends for each case."""

    dsn: str
    media_url: str
    jwks: Mapping[str, Any]
    issuer: str
    audience: str
    statements: Mapping[str, Statements]


def create_app(plan: Plan) -> Starlette:
    """The application; it connects when it starts."""
    tokens = Tokens(plan.jwks, plan.issuer, plan.audience)
    pools: list[asyncpg.Pool[asyncpg.Record]] = []  # the classes are generic for mypy only

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with asyncpg.create_pool(plan.dsn, reset=_leave, server_settings=_SETTINGS) as pool:
            pools.append(pool)
            yield

    def route(name: str, endpoint: Endpoint) -> Route:
        scope = _SCOPES.get(name, "price:read")

        async def answer(request: Request) -> Response:
            caller = tokens.caller(request.headers.get("authorization"), scope)
            if caller is None:
                return Response(status_code=401)
            asked = orjson.loads(await request.body())
            async with pools[0].acquire() as connection:
                found = await endpoint(connection, caller, asked)
            return Response(orjson.dumps(found), media_type="application/json")

        return Route(f"/{name}", answer, methods=["POST"])

    endpoints = _endpoints(plan)
    routes = [route(name, endpoint) for name, endpoint in endpoints.items()]
    return Starlette(routes=[*routes, Route("/healthz", _healthz)], lifespan=lifespan)


_SCOPES = {"cart_line_set": "cart:write", "checkout": "order:place"}


def _endpoints(plan: Plan) -> dict[str, Endpoint]:
    shelf, sent = Shelf(plan.media_url), plan.statements

    def page(case: str, *, full: bool = False) -> Page:
        return Page(shelf, sent[case].one("FROM catalog.products"), Pricing(sent[case]), full)

    return {
        "listing": page("listing"),
        "search": page("search"),
        "large_list": page("large_list", full=True),
        "product": Product(shelf, sent["product"].one("FROM catalog.products"), Pricing(sent["product"])),
        "node": Node(sent["node"].one("FROM catalog.products"), Pricing(sent["node"])),
        "cart_line_set": CartLineSet(sent["cart_line_set"], shelf),
        "checkout": CheckOut(sent["checkout"]),
    }


async def _leave(connection: object) -> None:
    """A connection comes back to the pool as it is: these endpoints leave nothing behind."""


async def _healthz(request: Request) -> Response:
    return Response(b"ok")
