"""Subscriptions: the graphql-transport-ws protocol at /graphql.

The token comes in `connection_init`'s payload as {"authorization": "Bearer …"}: browsers cannot set headers here.
A socket without a token is an anonymous caller; one with a bad token is closed with 4403, and so is one whose
token expires or whose session ends: the client connects again with a fresh one. What a client that does not read
may cost is bounded below, in gateway.http.websocket_protocol.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import orjson
from graphql import GraphQLError, OperationType
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from contexts.identity.api import TokenVerified
from contexts.shared.network import network
from contexts.shared.unavailable import Unavailable
from gateway import metrics, observability
from gateway.authentication import Unauthenticated, authenticate, client_address
from gateway.bootstrap import Parts
from gateway.http.capacity import Capacity
from gateway.http.client import SocketClient
from gateway.http.close_codes import SocketClose
from gateway.http.graphql_request import GraphQLRequest, HttpRefusal, read_members
from gateway.http.origins import Origins
from gateway.outages import Outages
from resolvers.vocabulary.context import RequestContext
from resolvers.vocabulary.extension_codes import ExtensionCode, coded
from schema.cost import Bill
from schema.operations import Operation, Operations, Response, refusal

PROTOCOL = "graphql-transport-ws"

_LONGEST_REASON = 123
"""In bytes: RFC 6455 leaves no more room in a close frame."""

_LONGEST_UNPAID = 16_384
"""In characters, of a message that costs no points."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """The most that clients may have open. Beyond it a socket is closed with 1013: try again later."""

    sockets: int = 1_000
    """In one process."""
    sockets_per_user: int = 30
    """In one process: tabs and devices of one person."""
    anonymous_sockets: int = 100
    """In one process, of one address: sockets without a caller, or before their `connection_init`."""
    operations: int = 20
    """At once on one socket; one more is answered with an error, the socket stays."""
    operations_per_user: int = 60
    """As `operations`, on all sockets of one user in one process, or of the anonymous callers of one address."""
    init_seconds: float = 10.0
    """Until `connection_init` must have come."""


class _Close(Exception):
    """The socket is closed with this code of the protocol."""

    def __init__(self, code: SocketClose, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass(frozen=True, slots=True)
class GraphQLSockets:
    """Serves every socket of the process."""

    operations: Operations
    parts: Parts
    capacity: Capacity
    origins: Origins = field(default_factory=Origins)
    limits: SocketLimits = SocketLimits()
    outages: Outages = field(default_factory=Outages)
    _open: "set[_Connection]" = field(default_factory=set)

    async def __call__(self, socket: WebSocket) -> None:
        """One socket, from handshake to close."""
        origin = socket.headers.get("origin")
        if not self.origins.admit_socket(origin, socket.headers.get("host")):
            hint = "PRUMO_CORS_ORIGINS names the pages that may open a socket"
            observability.log.info("websocket refused", origin=str(origin)[:200], hint=hint)
            await socket.close()  # before `accept`: the handshake is answered 403
            return
        if PROTOCOL not in socket.scope.get("subprotocols", ()):
            await socket.accept()
            await socket.close(SocketClose.WRONG_SUBPROTOCOL, "Subprotocol not acceptable")
            return
        await socket.accept(subprotocol=PROTOCOL)
        connection = _Connection(socket, self, network(client_address(socket.scope)))
        self._open.add(connection)
        try:
            await connection.run()
        finally:
            self._open.discard(connection)

    def require_room(self) -> None:
        """For one socket more, which is among the open ones already."""
        if len(self._open) > self.limits.sockets:
            raise _Close(SocketClose.LATER, "Too many sockets: try again later")

    def require_room_in(self, network: str) -> None:
        """As `require_room`, among the sockets of this network whose callers are not known, or not yet."""
        theirs = sum(each.caller is None and each.network == network for each in self._open)
        if theirs > self.limits.anonymous_sockets:
            raise _Close(SocketClose.LATER, "Too many sockets of this address: close one, or try again later")

    def require_room_of(self, user_id: UUID) -> None:
        """As `require_room`, among the sockets of this user."""
        theirs = sum(
            each.caller is not None and each.caller.principal.user_id == user_id for each in self._open
        )
        if theirs > self.limits.sockets_per_user:
            raise _Close(SocketClose.LATER, "Too many sockets of this user: close one, or try again later")

    def running_of(self, owner: UUID | str) -> int:
        """How many operations this user, or the anonymous callers of this network, have under way."""
        return sum(len(each.running) for each in self._open if each.owner == owner)


@dataclass(slots=True, eq=False)
class _Connection:
    """What one socket has under way."""

    socket: WebSocket
    sockets: GraphQLSockets
    network: str
    caller: TokenVerified | None = None
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    @property
    def owner(self) -> UUID | str:
        """Who answers for what runs here: the user; the network, of a caller who is not known."""
        return self.network if self.caller is None else self.caller.principal.user_id

    async def run(self) -> None:
        try:
            self.sockets.require_room()
            self.sockets.require_room_in(self.network)
            await self._init()
            async with asyncio.timeout(self._seconds_left()) as limit:
                with self._until_ended(limit):
                    while True:
                        await self._handle(*await self._receive())
        except WebSocketDisconnect:
            pass
        except TimeoutError:
            await self._close(_over())
        except Unavailable as fault:
            self.sockets.outages.met(fault)
            await self._close(_Close(SocketClose.LATER, "A service that we need is away: try again later"))
        except _Close as close:
            await self._close(close)
        finally:
            tasks = list(self.running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _init(self) -> None:
        try:
            async with asyncio.timeout(self.sockets.limits.init_seconds):
                message, text = await self._receive()
                while message["type"] in {"ping", "pong"}:
                    await self._handle(message, text)
                    message, text = await self._receive()
        except TimeoutError:
            raise _Close(SocketClose.INIT_TIMEOUT, "Connection initialisation timeout") from None
        if message["type"] != "connection_init":
            raise _Close(SocketClose.NOT_INITIALISED, "Unauthorized")
        payload = message.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise _Close(SocketClose.BAD_MESSAGE, "connection_init: `payload` must be an object")
        authorization = (payload or {}).get("authorization", (payload or {}).get("Authorization"))
        if authorization is not None:
            identity, clock = self.sockets.parts.contexts.identity, self.sockets.parts.clock
            caller = await authenticate([str(authorization)], identity, clock.now())
            if caller is None or isinstance(caller, Unauthenticated):
                raise _Close(SocketClose.ACCESS_OVER, "Forbidden")
            self.caller = caller
            self.sockets.require_room_of(caller.principal.user_id)
        await self._send({"type": "connection_ack"})

    def _seconds_left(self) -> float | None:
        """Until the token expires; None for an anonymous caller."""
        if self.caller is None:
            return None
        return (self.caller.expires_at - self.sockets.parts.clock.now()).total_seconds()

    def _until_ended(self, limit: asyncio.Timeout) -> AbstractContextManager[None]:
        """Inside the block the limit is reached when the caller's session ends."""
        if self.caller is None:
            return nullcontext()
        session_id = self.caller.principal.session_id
        ended = self.sockets.parts.contexts.identity.ended_sessions
        return ended.watching(session_id, lambda: limit.reschedule(asyncio.get_running_loop().time()))

    async def _require_live_token(self) -> None:
        """The timer is not enough: it stands still while the machine sleeps; nor is the watching, which hears
        nothing while the database is away."""
        left = self._seconds_left()
        if left is None or self.caller is None:
            return
        identity = self.sockets.parts.contexts.identity
        if left <= 0 or not identity.access_tokens.has_key(self.caller.kid):
            raise _over()
        if await identity.ended_sessions.has(self.caller.principal.session_id):
            raise _over()

    async def _receive(self) -> tuple[dict[str, object], str]:
        """A message, and the text it came in."""
        frame = await self.socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1000))
        text = frame.get("text")
        if text is None:
            raise _Close(SocketClose.BAD_MESSAGE, "Frames are text")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise _Close(SocketClose.BAD_MESSAGE, "Frames are JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _Close(SocketClose.BAD_MESSAGE, "Frames are JSON objects with a `type`")
        if len(text) > _LONGEST_UNPAID and message["type"] != "subscribe":
            raise _Close(SocketClose.BAD_MESSAGE, "Only `subscribe` may be that long")
        return message, text

    async def _send(self, message: dict[str, object]) -> None:
        if self.socket.application_state is WebSocketState.DISCONNECTED:
            raise WebSocketDisconnect  # another operation of this socket has closed it
        await self.socket.send_text(orjson.dumps(message).decode())

    async def _close(self, close: _Close) -> None:
        reason = close.reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
        with suppress(RuntimeError, WebSocketDisconnect):  # somebody was faster
            await self.socket.close(close.code, reason)

    async def _handle(self, message: dict[str, object], text: str) -> None:
        match message["type"]:
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "connection_init":
                raise _Close(SocketClose.INITIALISED_TWICE, "Too many initialisation requests")
            case "subscribe":
                await self._subscribe(message, text)
            case "complete":
                if (task := self.running.pop(_id(message), None)) is not None:
                    task.cancel()
                    await asyncio.wait([task])  # or what is ending would be bounded by nothing
            case _:
                raise _Close(SocketClose.BAD_MESSAGE, "Unknown message type")

    async def _subscribe(self, message: dict[str, object], text: str) -> None:
        id = _id(message)
        if id in self.running:
            raise _Close(SocketClose.ID_TAKEN, f"Subscriber for {id} already exists")
        payload = message.get("payload")
        if not isinstance(payload, dict):
            raise _Close(SocketClose.BAD_MESSAGE, "subscribe: `payload` must be an object")
        sent, request_id = text.encode(), uuid4().hex
        principal = None if self.caller is None else self.caller.principal
        address = client_address(self.socket.scope)
        bill = self.sockets.operations.arrive(principal, address, len(sent), request_id)
        if not isinstance(bill, Bill):
            await self._send({"id": id, "type": "error", "payload": bill.errors})
            return
        request = read_members(payload, sent)
        if isinstance(request, HttpRefusal):
            raise _Close(SocketClose.BAD_MESSAGE, f"subscribe: {request.message}")
        if (crowded := self._crowded()) is not None:
            errors = refusal(
                [GraphQLError(crowded, extensions=coded(ExtensionCode.THROTTLED))], request_id
            ).errors
            await self._send({"id": id, "type": "error", "payload": errors})
            return
        self.running[id] = asyncio.create_task(self._run(id, request, bill, request_id))

    def _crowded(self) -> str | None:
        """Why there is no room for one operation more; None: there is."""
        limits = self.sockets.limits
        if len(self.running) >= limits.operations:
            return (
                f"This socket runs {limits.operations} operations, the most it may: complete one, or open another"
                " socket."
            )
        if self.sockets.running_of(self.owner) >= limits.operations_per_user:
            return (
                f"Your sockets run {limits.operations_per_user} operations, the most they may: complete one."
            )
        return None

    async def _run(self, id: str, request: GraphQLRequest, bill: Bill, request_id: str) -> None:
        """One operation to its end. Nothing it does ends the task silently or leaves its id taken."""
        try:
            with observability.observed(request_id, "websocket", self.sockets.outages) as seen:
                try:
                    await self._answer(id, request, bill, seen)
                except (WebSocketDisconnect, _Close):
                    raise
                except Exception as error:
                    found = refusal([GraphQLError("Not a resolver's.", original_error=error)], request_id)
                    seen.answered(found)
                    await self._finish(id, {"type": "error", "payload": found.errors})
        except _Close as close:
            await self._close(close)
        except WebSocketDisconnect:
            pass  # noticed by `run` as well
        finally:
            self._forget(id)

    async def _answer(
        self, id: str, request: GraphQLRequest, bill: Bill, seen: observability.Observed
    ) -> None:
        await self._require_live_token()
        operation = self.sockets.operations.select(
            request.document, request.operation_name, seen.request_id, bill
        )
        responses: AsyncIterator[Response] | Response
        if isinstance(operation, Operation):
            seen.selected(operation)
            responses = await self._execute(operation, request, seen.request_id)
        else:
            responses = operation
        if isinstance(responses, Response):
            responses = _only(responses)
        try:
            async for response in responses:
                await self._require_live_token()
                seen.answered(response)
                if not response.executed:
                    await self._finish(id, {"type": "error", "payload": response.errors})
                    return
                await self._send({"id": id, "type": "next", "payload": response.body()})
        finally:
            if isinstance(responses, AsyncGenerator):
                await responses.aclose()
        await self._finish(id, {"type": "complete"})

    async def _execute(
        self, operation: Operation, request: GraphQLRequest, request_id: str
    ) -> AsyncIterator[Response] | Response:
        operations, parts, capacity = self.sockets.operations, self.sockets.parts, self.sockets.capacity
        scope = self.socket.scope
        context = RequestContext(
            parts.contexts,
            None if self.caller is None else self.caller.principal,
            request_id,
            parts.clock.now(),
            client_address(scope),
            SocketClient(scope, secure=False),
        )
        if (reason := operations.stock_reason()) is not None:
            metrics.stock_executions.labels(reason).inc()
        if operation.kind is OperationType.SUBSCRIPTION:
            return await operations.subscribe(
                operation, request.variables, context, parts.clock, capacity.turn
            )
        if capacity.is_exhausted:
            return _unavailable(ExtensionCode.OVERLOADED, capacity.exhausted, request_id)
        session_id = None if context.principal is None else context.principal.session_id
        deadline = asyncio.timeout(capacity.seconds)
        try:
            with capacity:
                async with deadline:
                    with parts.database.called_by(session_id, may_lag=operation.kind is OperationType.QUERY):
                        return await operations.execute(operation, request.variables, context)
        except TimeoutError:
            if not deadline.expired():
                raise
            return _unavailable(ExtensionCode.TIMEOUT, capacity.too_slow, request_id)

    async def _finish(self, id: str, message: dict[str, object]) -> None:
        """Say that it is over. The id is free before that: the client may use it again at once."""
        self._forget(id)
        await self._send({"id": id, **message})

    def _forget(self, id: str) -> None:
        """Give the id free, unless another operation has it by now."""
        if self.running.get(id) is asyncio.current_task():
            del self.running[id]


def _unavailable(code: ExtensionCode, message: str, request_id: str) -> Response:
    return refusal([GraphQLError(message, extensions=coded(code))], request_id)


def _over() -> _Close:
    return _Close(SocketClose.ACCESS_OVER, "The access token has expired, or its session is over")


async def _only(response: Response) -> AsyncIterator[Response]:
    yield response


def _id(message: dict[str, object]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not id or len(id) > 200:
        raise _Close(SocketClose.BAD_MESSAGE, "`id` must be a string")
    return id
