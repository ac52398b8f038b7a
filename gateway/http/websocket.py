"""Subscriptions: the graphql-transport-ws protocol at /graphql.

The token comes in `connection_init`'s payload as {"authorization": "Bearer …"}: browsers cannot set headers here.
A socket without a token is an anonymous caller; one with a bad token is closed with 4403, and so is one whose
token is good no longer: the client connects again with a fresh one. What a client that does not read may cost is
bounded below, in gateway.http.websocket_protocol.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import orjson
from graphql import GraphQLError, OperationType
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from contexts.identity.api import Principal, TokenVerified
from gateway import observability
from gateway.authentication import authenticate, client_address
from gateway.http.capacity import Capacity
from gateway.http.graphql_request import GraphQLRequest, HttpRefusal, read_members
from gateway.wiring import Wired
from resolvers.vocabulary.context import RequestContext
from schema.operations import Operation, Operations, Response, refusal

PROTOCOL = "graphql-transport-ws"

_LONGEST_REASON = 123
"""In bytes: RFC 6455 leaves no more room in a close frame."""


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """The most that clients may have open. Beyond it a socket is closed with 1013: try again later."""

    sockets: int = 1_000
    """In one process."""
    sockets_per_user: int = 30
    """In one process: tabs and devices of one person."""
    operations: int = 20
    """At once on one socket; one more is answered with an error, the socket stays."""
    init_seconds: float = 10.0
    """Until `connection_init` must have come."""
    recheck_seconds: float = 5.0
    """How long a silent socket may outlive its withdrawn token; with an operation or an event it ends at once."""


class _Close(Exception):
    """The socket is closed with this code of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


@dataclass(frozen=True, slots=True)
class GraphQLSockets:
    """Serves every socket of the process."""

    operations: Operations
    parts: Wired
    capacity: Capacity
    limits: SocketLimits = SocketLimits()
    _open: "set[_Connection]" = field(default_factory=set)

    async def __call__(self, socket: WebSocket) -> None:
        """One socket, from handshake to close."""
        if PROTOCOL not in socket.scope.get("subprotocols", ()):
            await socket.accept()
            await socket.close(4406, "Subprotocol not acceptable")
            return
        await socket.accept(subprotocol=PROTOCOL)
        connection = _Connection(socket, self)
        self._open.add(connection)
        try:
            await connection.run()
        finally:
            self._open.discard(connection)

    def require_room(self) -> None:
        """For one socket more, which is among the open ones already."""
        if len(self._open) > self.limits.sockets:
            raise _Close(1013, "Too many sockets: try again later")

    def require_room_of(self, user_id: UUID) -> None:
        """As `require_room`, among the sockets of this user."""
        theirs = sum(each.caller is not None and each.caller.user_id == user_id for each in self._open)
        if theirs > self.limits.sockets_per_user:
            raise _Close(1013, "Too many sockets of this user: close one, or try again later")


@dataclass(slots=True, eq=False)
class _Connection:
    """What one socket has under way."""

    socket: WebSocket
    sockets: GraphQLSockets
    authorization: str | None = None
    caller: Principal | None = None
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        try:
            self.sockets.require_room()
            await self._init()
            while True:
                await self._handle(*await self._receive_while_live())
        except WebSocketDisconnect:
            pass
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
            raise _Close(4408, "Connection initialisation timeout") from None
        if message["type"] != "connection_init":
            raise _Close(4401, "Unauthorized")
        payload = message.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise _Close(4400, "connection_init: `payload` must be an object")
        authorization = (payload or {}).get("authorization", (payload or {}).get("Authorization"))
        if authorization is not None:
            self.authorization = str(authorization)
        if (verified := self._verify()) is not None:
            self.caller = verified.principal
            self.sockets.require_room_of(self.caller.user_id)
        await self._send({"type": "connection_ack"})

    def _verify(self) -> TokenVerified | None:
        """The token, looked at again for its time and whatever else ends one; None for an anonymous caller."""
        if self.authorization is None:
            return None
        tokens, clock = self.sockets.parts.contexts.identity.access_tokens, self.sockets.parts.clock
        verified = authenticate([self.authorization], tokens, clock.now())
        if isinstance(verified, TokenVerified):
            return verified
        raise _Close(4403, "The access token is not valid, or no longer")

    def _seconds_verified(self) -> float | None:
        """For how long the token need not be looked at again; None for an anonymous caller."""
        if (verified := self._verify()) is None:
            return None
        left = verified.expires_at - self.sockets.parts.clock.now()
        return min(left.total_seconds(), self.sockets.limits.recheck_seconds)

    async def _receive_while_live(self) -> tuple[dict[str, object], str]:
        while True:
            try:
                async with asyncio.timeout(self._seconds_verified()):
                    return await self._receive()
            except TimeoutError:
                continue

    async def _receive(self) -> tuple[dict[str, object], str]:
        """A message, and the text it came in."""
        frame = await self.socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1000))
        text = frame.get("text")
        if text is None:
            raise _Close(4400, "Frames are text")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise _Close(4400, "Frames are JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _Close(4400, "Frames are JSON objects with a `type`")
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
                raise _Close(4429, "Too many initialisation requests")
            case "subscribe":
                await self._subscribe(message, text)
            case "complete":
                if (task := self.running.pop(_id(message), None)) is not None:
                    task.cancel()
                    await asyncio.wait([task])  # or what is ending would be bounded by nothing
            case _:
                raise _Close(4400, "Unknown message type")

    async def _subscribe(self, message: dict[str, object], text: str) -> None:
        self._verify()
        id = _id(message)
        if id in self.running:
            raise _Close(4409, f"Subscriber for {id} already exists")
        payload = message.get("payload")
        if not isinstance(payload, dict):
            raise _Close(4400, "subscribe: `payload` must be an object")
        request = read_members(payload, text.encode())
        if isinstance(request, HttpRefusal):
            raise _Close(4400, f"subscribe: {request.message}")
        most = self.sockets.limits.operations
        if len(self.running) >= most:
            crowded = GraphQLError(
                f"This socket runs {most} operations, the most it may: complete one, or open another socket.",
                extensions={"code": "THROTTLED"},
            )
            errors = refusal([crowded], uuid4().hex).errors
            await self._send({"id": id, "type": "error", "payload": errors})
            return
        self.running[id] = asyncio.create_task(self._run(id, request))

    async def _run(self, id: str, request: GraphQLRequest) -> None:
        """One operation to its end. Nothing it does ends the task silently or leaves its id taken."""
        request_id = uuid4().hex
        try:
            with observability.observed(request_id, "websocket") as seen:
                try:
                    await self._answer(id, request, seen)
                except (WebSocketDisconnect, _Close):
                    raise
                except Exception as error:
                    bug = refusal([GraphQLError("Not a resolver's.", original_error=error)], request_id)
                    seen.answered(bug)
                    await self._finish(id, {"type": "error", "payload": bug.errors})
        except _Close as close:
            await self._close(close)
        except WebSocketDisconnect:
            pass  # noticed by `run` as well
        finally:
            self._forget(id)

    async def _answer(self, id: str, request: GraphQLRequest, seen: observability.Observed) -> None:
        operation = self.sockets.operations.select(request.document, request.operation_name, seen.request_id)
        responses: AsyncIterator[Response] | Response
        if isinstance(operation, Operation):
            seen.kind, seen.name = operation.kind.value, operation.name
            responses = await self._execute(operation, request, seen.request_id)
        else:
            responses = operation
        if isinstance(responses, Response):
            responses = _only(responses)
        try:
            async for response in responses:
                self._verify()
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
        address = client_address(self.socket.scope)
        context = RequestContext(parts.contexts, self.caller, request_id, parts.clock.now(), address)
        if (reason := operations.stock_reason(operation.kind)) is not None:
            observability.stock_executions.labels(reason).inc()
        if operation.kind is OperationType.SUBSCRIPTION:
            return await operations.subscribe(operation, request.variables, context, parts.clock)
        if capacity.is_exhausted:
            return _unavailable("OVERLOADED", capacity.exhausted, request_id)
        deadline = asyncio.timeout(capacity.seconds)
        try:
            with capacity:
                async with deadline:
                    return await operations.execute(operation, request.variables, context)
        except TimeoutError:
            if not deadline.expired():
                raise
            return _unavailable("TIMEOUT", capacity.too_slow, request_id)

    async def _finish(self, id: str, message: dict[str, object]) -> None:
        """Say that it is over. The id is free before that: the client may use it again at once."""
        self._forget(id)
        await self._send({"id": id, **message})

    def _forget(self, id: str) -> None:
        """Give the id free, unless another operation has it by now."""
        if self.running.get(id) is asyncio.current_task():
            del self.running[id]


def _unavailable(code: str, message: str, request_id: str) -> Response:
    return refusal([GraphQLError(message, extensions={"code": code})], request_id)


async def _only(response: Response) -> AsyncIterator[Response]:
    yield response


def _id(message: dict[str, object]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not id or len(id) > 200:
        raise _Close(4400, "`id` must be a string")
    return id
