"""GraphQL over HTTP: one operation in, one response out."""

import re
import time
from dataclasses import dataclass
from uuid import uuid4

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from contexts.identity.api import Principal
from contexts.shared.adapters.database import counting_statements
from gateway import observability
from gateway.authentication import Unauthenticated, authenticate
from gateway.http.graphiql import GRAPHIQL
from gateway.http.graphql_request import GraphQLRequest, HttpRefusal, read_get, read_post
from gateway.http.media_types import GRAPHQL_RESPONSE, HTML, JSON, accepted
from gateway.wiring import Wired
from graphql import OperationType
from resolvers.vocabulary.context import RequestContext
from schema.operations import Operation, Operations
from schema.operations import Response as GraphQLResponse

log = structlog.get_logger("prumo.request")

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_OFFERED = (JSON, GRAPHQL_RESPONSE)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What goes back, and what is known of the operation for the log line."""

    status: int
    response: GraphQLResponse
    headers: tuple[tuple[str, str], ...] = ()
    kind: str = "none"
    name: str = ""


@dataclass(frozen=True, slots=True)
class GraphQLEndpoint:
    """Serves /graphql. `ide`: show GraphiQL to a browser that asks for a page."""

    operations: Operations
    parts: Wired
    max_body_bytes: int
    ide: bool

    async def __call__(self, request: Request) -> Response:
        """Every answer has a request id and a media type the client accepts."""
        given = request.headers.get("x-request-id", "")
        request_id = given if _SANE_REQUEST_ID.fullmatch(given) else uuid4().hex
        accept = request.headers.get("accept")
        wants_page = request.method == "GET" and accepted(accept, (JSON, HTML)) == HTML
        if self.ide and wants_page and "query" not in request.query_params:
            return HTMLResponse(GRAPHIQL, headers={"X-Request-Id": request_id})
        begun = time.perf_counter()
        with observability.in_flight(), counting_statements() as count:
            media_type = accepted(accept, _OFFERED)
            try:
                answer = await self._answer(request, request_id, media_type)
            except ClientDisconnect:
                return Response(status_code=499)
        self._observe(answer, request_id, time.perf_counter() - begun, count.statements)
        content_type = media_type or JSON
        return Response(
            orjson.dumps(answer.response.body()),
            status_code=answer.status,
            media_type=f"{content_type}; charset=utf-8",
            headers={
                "X-Request-Id": request_id,
                "Cache-Control": "no-store",
                "Vary": "Accept, Authorization",
                **dict(answer.headers),
            },
        )

    async def _answer(self, request: Request, request_id: str, media_type: str | None) -> _Answer:
        if request.method not in {"GET", "POST"}:
            return _refused(_not_allowed("GET, POST", "GraphQL is asked with POST, or GET."), request_id)
        if media_type is None:
            message = f"Accept {GRAPHQL_RESPONSE} or {JSON}, in UTF-8."
            return _refused(HttpRefusal(406, "NOT_ACCEPTABLE", message), request_id)
        principal = authenticate(
            request.headers.getlist("authorization"),
            self.parts.contexts.identity.access_tokens,
            self.parts.clock.now(),
        )
        if isinstance(principal, Unauthenticated):
            challenge = (("WWW-Authenticate", 'Bearer error="invalid_token"'),)
            return _refused(HttpRefusal(401, "UNAUTHENTICATED", principal.message, challenge), request_id)
        if request.method == "POST":
            parsed = await read_post(request, self.max_body_bytes)
        else:
            parsed = read_get(request)
        if isinstance(parsed, HttpRefusal):
            return _refused(parsed, request_id)
        return await self._execute(request.method, parsed, principal, request_id, media_type)

    async def _execute(
        self,
        method: str,
        parsed: GraphQLRequest,
        principal: Principal | None,
        request_id: str,
        media_type: str,
    ) -> _Answer:
        # application/json cannot tell a GraphQL error from a proxy's, so its clients expect 200 there.
        failed = 400 if media_type == GRAPHQL_RESPONSE else 200
        operation = self.operations.select(parsed.query, parsed.operation_name, request_id)
        if not isinstance(operation, Operation):
            return _Answer(failed, operation)
        kind, name = operation.kind.value, operation.name
        if operation.kind is OperationType.SUBSCRIPTION:
            message = "Subscriptions are served over WebSocket (graphql-transport-ws) at this address."
            return _refused(HttpRefusal(400, "BAD_REQUEST", message), request_id, kind, name)
        if method == "GET" and operation.kind is not OperationType.QUERY:
            return _refused(_not_allowed("POST", "A mutation is sent with POST."), request_id, kind, name)
        context = RequestContext(self.parts.contexts, principal, request_id, self.parts.clock.now())
        response = await self.operations.execute(operation, parsed.variables, context)
        return _Answer(200 if response.executed else failed, response, kind=kind, name=name)

    def _observe(self, answer: _Answer, request_id: str, seconds: float, statements: int) -> None:
        response = answer.response
        codes = [error["extensions"]["code"] for error in response.errors]
        outcome = "refused" if not response.executed else "errors" if codes else "ok"
        observability.requests.labels(answer.kind, outcome).inc()
        observability.seconds.labels(answer.kind).observe(seconds)
        observability.statements.labels(answer.kind).observe(statements)
        for code in codes:
            observability.errors.labels(code).inc()
        log.info(
            "graphql",
            request_id=request_id,
            operation=answer.name[:80],
            kind=answer.kind,
            status=answer.status,
            outcome=outcome,
            codes=codes[:5],
            milliseconds=round(seconds * 1000, 2),
            statements=statements,
        )


def _not_allowed(allow: str, message: str) -> HttpRefusal:
    return HttpRefusal(405, "METHOD_NOT_ALLOWED", message, (("Allow", allow),))


def _refused(refusal: HttpRefusal, request_id: str, kind: str = "none", name: str = "") -> _Answer:
    error = {
        "message": refusal.message,
        "extensions": {"code": refusal.code, "requestId": request_id},
    }
    response = GraphQLResponse(errors=[error], executed=False)
    return _Answer(refusal.status, response, refusal.headers, kind, name)
