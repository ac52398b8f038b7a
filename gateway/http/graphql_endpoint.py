"""GraphQL over HTTP: one operation in, one response out."""

import asyncio
import re
from dataclasses import dataclass, field, replace
from uuid import uuid4

import orjson
from graphql import GraphQLError, OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse
from starlette.types import Receive, Scope, Send

from gateway import metrics, observability
from gateway.authentication import Unauthenticated, authenticate, client_address
from gateway.bootstrap import Parts
from gateway.http.caching import NO_STORE, Headers, etag_of, public, unchanged
from gateway.http.capacity import RETRY_AFTER_SECONDS, Capacity
from gateway.http.client import HttpClient
from gateway.http.graphiql import GRAPHIQL, GRAPHIQL_POLICY
from gateway.http.graphql_request import (
    GraphQLRequest,
    HttpRefusal,
    Unread,
    read_body,
    read_get,
    read_post,
)
from gateway.http.media_types import GRAPHQL_RESPONSE, HTML, JSON, accepted
from gateway.observability import Observed
from gateway.outages import Outages
from resolvers.vocabulary.context import RequestContext
from resolvers.vocabulary.extension_codes import ExtensionCode, told
from schema.cost import Bill
from schema.documents import ById
from schema.operations import Operation, Operations, refusal
from schema.operations import Response as GraphQLResponse

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_OFFERED = (JSON, GRAPHQL_RESPONSE)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What goes back."""

    status: int
    response: GraphQLResponse
    headers: tuple[tuple[str, str], ...] = ()
    caching: Headers = NO_STORE


@dataclass(frozen=True, slots=True)
class GraphQLEndpoint:
    """Serves /graphql. `ide`: show GraphiQL to a browser that asks for a page. `secure`: clients come by https.

    `public_cache_seconds`: how long caches may keep what a GET by id told an anonymous caller; 0: not at all.
    """

    operations: Operations
    parts: Parts
    capacity: Capacity
    max_body_bytes: int
    ide: bool
    public_cache_seconds: int = 0
    secure: bool = False
    outages: Outages = field(default_factory=Outages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application. Every answer has a request id and a media type the client accepts."""
        request = Request(scope, receive)
        given = request.headers.get("x-request-id", "")
        request_id = given if _SANE_REQUEST_ID.fullmatch(given) else uuid4().hex
        accept = request.headers.get("accept")
        browses = request.method == "GET" and accepted(accept, (JSON, HTML)) == HTML
        # Not parsed for this: nobody has been asked for points yet.
        if self.ide and browses and b"query=" not in request.scope["query_string"]:
            page = {"X-Request-Id": request_id, "Content-Security-Policy": GRAPHIQL_POLICY}
            await HTMLResponse(GRAPHIQL, headers=page)(scope, receive, send)
            return
        media_type = accepted(accept, _OFFERED)
        with observability.observed(request_id, "http", self.outages, request.headers) as seen:
            try:
                answer, body = await self._served(request, seen, media_type)
            except ClientDisconnect:
                seen.status = 499
                return
            seen.status = answer.status
            seen.answered(answer.response)
        content: Headers = (
            (b"content-type", f"{media_type or JSON}; charset=utf-8".encode()),
            (b"content-length", str(len(body)).encode()),
        )
        if answer.status == 304:
            content, body = (), b""
        headers = [
            *content,
            (b"x-request-id", request_id.encode()),
            *answer.caching,
            *((name.lower().encode(), value.encode()) for name, value in answer.headers),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _served(
        self, request: Request, seen: Observed, media_type: str | None
    ) -> tuple[_Answer, bytes]:
        """The answer and its JSON. A bug or an outage anywhere on the way is told and logged like one in a resolver."""
        try:
            answer = _with_outage(await self._in_time(request, seen, media_type))
            return answer, orjson.dumps(answer.response.body())
        except ClientDisconnect:
            raise
        except Exception as error:
            found = GraphQLError("Not a resolver's.", original_error=error)
            answer = _with_outage(_Answer(500, refusal([found], seen.request_id)))
            return answer, orjson.dumps(answer.response.body())

    async def _in_time(self, request: Request, seen: Observed, media_type: str | None) -> _Answer:
        capacity = self.capacity
        if capacity.is_exhausted:
            return _refused(_later(503, ExtensionCode.OVERLOADED, capacity.exhausted), seen.request_id)
        deadline = asyncio.timeout(capacity.seconds)
        try:
            with capacity:
                async with deadline:
                    return await self._answer(request, seen, media_type)
        except TimeoutError:
            if not deadline.expired():
                raise
        return _refused(_later(503, ExtensionCode.TIMEOUT, capacity.too_slow), seen.request_id)

    async def _answer(self, request: Request, seen: Observed, media_type: str | None) -> _Answer:
        request_id = seen.request_id
        if request.method not in {"GET", "POST"}:
            reason = _not_allowed("GET, POST", "GraphQL is asked with POST, or GET.")
            return self._turned_away(reason, request.scope, request_id)
        if media_type is None:
            message = f"Accept {GRAPHQL_RESPONSE} or {JSON}, in UTF-8."
            return self._turned_away(
                HttpRefusal(406, ExtensionCode.NOT_ACCEPTABLE, message), request.scope, request_id
            )
        caller = await authenticate(
            request.headers.getlist("authorization"), self.parts.contexts.identity, self.parts.clock.now()
        )
        if isinstance(caller, Unauthenticated):
            challenge = (("WWW-Authenticate", 'Bearer error="invalid_token"'),)
            reason = HttpRefusal(401, ExtensionCode.UNAUTHENTICATED, caller.message, challenge)
            return self._turned_away(reason, request.scope, request_id)
        principal = caller.principal if caller is not None else None
        asked: bytes | Unread | None = None
        sent = len(request.scope["query_string"])
        if request.method == "POST":
            asked = await read_body(request, self.max_body_bytes)
            sent = asked.bytes if isinstance(asked, Unread) else len(asked)
        bill = self.operations.arrive(principal, client_address(request.scope), sent, request_id)
        if not isinstance(bill, Bill):
            return _throttled(bill)
        match asked:
            case None:
                parsed = read_get(request)
            case bytes():
                parsed = read_post(asked)
            case Unread():
                parsed = asked.refusal
        if isinstance(parsed, HttpRefusal):
            return _refused(parsed, request_id, bill)
        scope = request.scope
        client = HttpClient(scope, self.secure)
        context = RequestContext(
            self.parts.contexts, principal, request_id, self.parts.clock.now(), client_address(scope), client
        )
        answer = await self._execute(request.method, parsed, bill, context, seen, media_type)
        if client.set_cookie is not None:
            answer = replace(answer, headers=(*answer.headers, ("Set-Cookie", client.set_cookie)))
        if principal is None and request.method == "GET" and isinstance(parsed.document, ById):
            return self._cacheable(answer, request.headers.get("if-none-match"), seen)
        return answer

    def _turned_away(self, refusal: HttpRefusal, scope: Scope, request_id: str) -> _Answer:
        """Refused before it is known who asks: the network pays."""
        bill = self.operations.arrive(None, client_address(scope), 0, request_id)
        return _refused(refusal, request_id, bill) if isinstance(bill, Bill) else _throttled(bill)

    def _cacheable(self, answer: _Answer, if_none_match: str | None, seen: Observed) -> _Answer:
        """Anonymous callers are all alike, and what is not for them is an error: without one, it is public."""
        response = answer.response
        if not response.executed or response.errors or self.public_cache_seconds == 0:
            return answer
        etag = etag_of(response.data)
        status = 304 if unchanged(if_none_match, etag) else answer.status
        # What this caller has left to spend is nobody else's answer.
        seen.spent(response.cost)
        response = replace(response, cost=None)
        return _Answer(status, response, caching=public(self.public_cache_seconds, etag))

    async def _execute(
        self,
        method: str,
        parsed: GraphQLRequest,
        bill: Bill,
        context: RequestContext,
        seen: Observed,
        media_type: str,
    ) -> _Answer:
        request_id = seen.request_id
        # application/json cannot tell a GraphQL error from a proxy's, so its clients expect 200 there.
        failed = 400 if media_type == GRAPHQL_RESPONSE else 200
        operation = self.operations.select(parsed.document, parsed.operation_name, request_id, bill)
        if not isinstance(operation, Operation):
            return _Answer(failed, operation)
        seen.selected(operation)
        if operation.kind is OperationType.SUBSCRIPTION:
            message = "Subscriptions are served over WebSocket (graphql-transport-ws) at this address."
            return _refused(HttpRefusal(400, ExtensionCode.BAD_REQUEST, message), request_id, bill)
        if method == "GET" and operation.kind is not OperationType.QUERY:
            return _refused(_not_allowed("POST", "A mutation is sent with POST."), request_id, bill)
        if (reason := self.operations.stock_reason()) is not None:
            metrics.stock_executions.labels(reason).inc()
        session_id = None if context.principal is None else context.principal.session_id
        with self.parts.database.called_by(session_id, may_lag=operation.kind is OperationType.QUERY):
            response = await self.operations.execute(operation, parsed.variables, context)
        if response.retry_after is not None and not response.away:
            return _throttled(response)
        return _Answer(200 if response.executed else failed, response)


def _with_outage(answer: _Answer) -> _Answer:
    """503 in either media type, whatever was answered: it is what clients and proxies send a request again for."""
    if not answer.response.away:
        return answer
    later = ("Retry-After", str(answer.response.retry_after))
    return replace(answer, status=503, headers=(*answer.headers, later))


def _not_allowed(allow: str, message: str) -> HttpRefusal:
    return HttpRefusal(405, ExtensionCode.METHOD_NOT_ALLOWED, message, (("Allow", allow),))


def _later(status: int, code: ExtensionCode, message: str) -> HttpRefusal:
    return HttpRefusal(status, code, message, (("Retry-After", str(RETRY_AFTER_SECONDS)),))


def _throttled(response: GraphQLResponse) -> _Answer:
    # Like 401, decided about the caller and not the document: proxies and clients back off by it.
    return _Answer(429, response, (("Retry-After", str(response.retry_after)),))


def _refused(refusal: HttpRefusal, request_id: str, bill: Bill | None = None) -> _Answer:
    error = {
        "message": refusal.message,
        "extensions": told(refusal.code, requestId=request_id),
    }
    cost = None if bill is None else bill.cost
    response = GraphQLResponse(errors=[error], executed=False, cost=cost)
    return _Answer(refusal.status, response, refusal.headers)
