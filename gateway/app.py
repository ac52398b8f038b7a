"""The ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from contexts.shared.clock import Clock
from gateway import observability
from gateway.documents import accepted_documents
from gateway.http.capacity import Capacity
from gateway.http.graphql_endpoint import GraphQLEndpoint
from gateway.http.media import Media
from gateway.http.probes import KeySet, Readiness, healthz, metrics
from gateway.http.websocket import GraphQLSockets, SocketLimits
from gateway.settings import Settings
from gateway.wiring import Wired, wired
from schema.operations import Operations
from schema.stitching import stitch


def create_app(settings: Settings, clock: Clock | None = None) -> Starlette:
    """The application; connections are made when it starts and closed when it stops.

    Raises CannotRun when the persisted manifest does not fit the schema.
    """
    schema = stitch()
    operations = Operations(
        schema, accepted_documents(settings, schema._schema), settings.executor, settings.throttle
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with wired(settings, clock) as parts:
            app.router.routes.extend(_routes(settings, operations, parts))
            yield

    return Starlette(lifespan=lifespan)


def _routes(settings: Settings, operations: Operations, parts: Wired) -> list[BaseRoute]:
    capacity = Capacity(settings.max_in_flight, settings.request_seconds)
    observability.in_flight.set_function(lambda: capacity.taken)
    graphql = GraphQLEndpoint(
        operations=operations,
        parts=parts,
        capacity=capacity,
        max_body_bytes=settings.max_body_bytes,
        ide=bool(settings.ide),
        public_cache_seconds=settings.public_cache_seconds,
    )
    limits = SocketLimits(settings.max_sockets, settings.max_sockets_per_user)
    routes: list[BaseRoute] = [
        Route("/graphql", graphql),
        WebSocketRoute("/graphql", GraphQLSockets(operations, parts, capacity, limits).__call__),
        Route("/healthz", healthz),
        Route("/readyz", Readiness(parts).__call__),
        Route("/metrics", metrics),
        Route("/.well-known/jwks.json", KeySet(parts).__call__),
        Route("/media/{key:path}", Media(parts.contexts.catalog.images).__call__),
    ]
    if settings.ide:
        routes.append(Route("/", _to_graphql))
    return routes


async def _to_graphql(request: Request) -> Response:
    return RedirectResponse("/graphql")
