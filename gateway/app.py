"""The ASGI application."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Lifespan

from contexts.shared.clock import Clock
from contexts.shared.unavailable import Unavailable
from gateway import metrics
from gateway.bootstrap import Parts, bootstrap
from gateway.documents import accepted_documents
from gateway.http.capacity import Capacity
from gateway.http.forwarded import Forwarded, Networks
from gateway.http.graphql_endpoint import GraphQLEndpoint
from gateway.http.media import Media
from gateway.http.origins import Origins, with_cors
from gateway.http.probes import Exposition, KeySet, Readiness, healthz
from gateway.http.security_headers import SecurityHeaders
from gateway.http.websocket import GraphQLSockets, SocketLimits
from gateway.outages import Outages
from gateway.settings import Settings
from gateway.stopping import Stopping
from gateway.tracing import traced, wanted
from schema.manifest import Manifest
from schema.operations import AWAY_SECONDS, Operations
from schema.stitching import stitch


def operations_of(settings: Settings, manifest: Manifest | None = None) -> Operations:
    """The operations that can be asked for. Raises CannotRun when the manifest does not fit the schema."""
    schema = stitch()
    documents = accepted_documents(settings, schema._schema, manifest)
    return Operations(schema, documents, settings.executor, settings.throttle)


def create_app(
    settings: Settings,
    clock: Clock | None = None,
    stopping: Stopping | None = None,
    operations: Operations | None = None,
) -> Starlette:
    """The application; connections are made when it starts and closed when it stops.

    `stopping`, where somebody sets it, is told by /readyz. `operations`, where they have been prepared.

    Raises CannotRun when the persisted manifest does not fit the schema, or spans are to be sent and cannot be.
    """
    tracing = wanted(settings)
    prepared = operations or operations_of(settings)

    outages = Outages()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with traced(settings) if tracing else nullcontext(), bootstrap(settings, clock) as parts:
            app.router.routes.extend(_routes(settings, prepared, parts, outages, stopping or Stopping()))
            yield

    return _Prumo(settings, outages, lifespan)


class _Prumo(Starlette):
    """Starlette with what goes around every answer, its own 500 included."""

    def __init__(self, settings: Settings, outages: Outages, lifespan: Lifespan["_Prumo"]) -> None:
        self._settings = settings
        super().__init__(lifespan=lifespan, exception_handlers={Unavailable: _answering(outages)})

    def build_middleware_stack(self) -> ASGIApp:
        """Called once, by the first request."""
        callable_by_pages = with_cors(super().build_middleware_stack(), self._settings.cors_origins)
        answered = SecurityHeaders(callable_by_pages, self._settings.hsts_seconds)
        return Forwarded(answered, Networks(self._settings.forwarded_allow_ips))


def _answering(outages: Outages) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What answers for a service that is away, on every route but /graphql, which has words of its own."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, Unavailable)
        outages.met(error)
        headers = {"Retry-After": str(AWAY_SECONDS), "Cache-Control": "no-store"}
        return Response(b"A service that we need is away.", 503, headers, "text/plain")

    return answer


def _routes(
    settings: Settings, operations: Operations, parts: Parts, outages: Outages, stopping: Stopping
) -> list[BaseRoute]:
    capacity = Capacity(settings.max_in_flight, settings.request_seconds)
    metrics.count_in_flight(lambda: capacity.taken)
    metrics.count_by_name(operations.documents.pinned_names)
    origins = Origins(frozenset((*settings.cors_origins, settings.own_origin)))
    graphql = GraphQLEndpoint(
        operations=operations,
        parts=parts,
        capacity=capacity,
        max_body_bytes=settings.max_body_bytes,
        ide=bool(settings.ide),
        public_cache_seconds=settings.public_cache_seconds,
        secure=settings.base_url.startswith("https://"),
        outages=outages,
    )
    limits = SocketLimits(
        settings.max_sockets,
        settings.max_sockets_per_user,
        settings.max_anonymous_sockets,
        operations_per_user=settings.max_socket_operations_per_user,
    )
    sockets = GraphQLSockets(operations, parts, capacity, origins, limits, outages)
    routes: list[BaseRoute] = [
        Route("/graphql", graphql),
        WebSocketRoute("/graphql", sockets.__call__),
        Route("/healthz", healthz),
        Route("/readyz", Readiness(parts, stopping, capacity).__call__),
        Route("/metrics", Exposition(Networks(settings.metrics_allow_ips)).__call__),
        Route("/.well-known/jwks.json", KeySet(parts).__call__),
        Route("/media/{key:path}", Media(parts.contexts.catalog.images, operations.throttle).__call__),
    ]
    if settings.ide:
        routes.append(Route("/", _to_graphql))
    return routes


async def _to_graphql(request: Request) -> Response:
    return RedirectResponse("/graphql")
