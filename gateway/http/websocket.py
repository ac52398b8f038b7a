"""Subscriptions: the graphql-transport-ws protocol at /graphql.

The token comes in `connection_init`'s payload as {"authorization": "Bearer …"}: browsers cannot set headers here.
A socket without a token is an anonymous caller; one with a bad token is closed with 4403.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import uuid4

import orjson
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from contexts.identity.api import Principal
from gateway.authentication import Unauthenticated, authenticate
from gateway.wiring import Wired
from graphql import OperationType
from resolvers.vocabulary.context import RequestContext
from schema.operations import Operation, Operations, Response

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
MOST_SUBSCRIPTIONS = 20
LARGEST_FRAME = 100_000

log = structlog.get_logger("prumo.websocket")


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

    async def __call__(self, socket: WebSocket) -> None:
        """One socket, from handshake to close."""
        if PROTOCOL not in socket.scope.get("subprotocols", ()):
            await socket.accept()
            await socket.close(4406, "Subprotocol not acceptable")
            return
        await socket.accept(subprotocol=PROTOCOL)
        await _Connection(socket, self.operations, self.parts).run()


@dataclass(slots=True)
class _Connection:
    """What one socket has under way."""

    socket: WebSocket
    operations: Operations
    parts: Wired
    principal: Principal | None = None
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        try:
            await self._init()
            while True:
                await self._handle(await self._receive())
        except WebSocketDisconnect:
            pass
        except _Close as close:
            with suppress(RuntimeError):  # the client was faster
                await self.socket.close(close.code, close.reason)
        finally:
            tasks = list(self.running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _init(self) -> None:
        try:
            async with asyncio.timeout(INIT_SECONDS):
                message = await self._receive()
                while message["type"] in {"ping", "pong"}:
                    await self._handle(message)
                    message = await self._receive()
        except TimeoutError:
            raise _Close(4408, "Connection initialisation timeout") from None
        if message["type"] != "connection_init":
            raise _Close(4401, "Unauthorized")
        payload = message.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise _Close(4400, "connection_init: `payload` must be an object")
        authorization = (payload or {}).get("authorization", (payload or {}).get("Authorization"))
        if authorization is not None:
            tokens = self.parts.contexts.identity.access_tokens
            principal = authenticate([str(authorization)], tokens, self.parts.clock.now())
            if isinstance(principal, Unauthenticated):
                raise _Close(4403, "Forbidden")
            self.principal = principal
        await self._send({"type": "connection_ack"})

    async def _receive(self) -> dict[str, object]:
        frame = await self.socket.receive()
        if frame["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(frame.get("code", 1000))
        text = frame.get("text")
        if text is None:
            raise _Close(4400, "Frames are text")
        if len(text) > LARGEST_FRAME:
            raise _Close(4400, "The frame is too large")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise _Close(4400, "Frames are JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _Close(4400, "Frames are JSON objects with a `type`")
        return message

    async def _send(self, message: dict[str, object]) -> None:
        await self.socket.send_text(orjson.dumps(message).decode())

    async def _handle(self, message: dict[str, object]) -> None:
        match message["type"]:
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "connection_init":
                raise _Close(4429, "Too many initialisation requests")
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                if (task := self.running.pop(_id(message), None)) is not None:
                    task.cancel()
            case _:
                raise _Close(4400, "Unknown message type")

    async def _subscribe(self, message: dict[str, object]) -> None:
        id = _id(message)
        if id in self.running:
            raise _Close(4409, f"Subscriber for {id} already exists")
        if len(self.running) >= MOST_SUBSCRIPTIONS:
            raise _Close(4400, f"At most {MOST_SUBSCRIPTIONS} operations at once")
        match message.get("payload"):
            case {"query": str(query), **rest}:
                name, variables = rest.get("operationName"), rest.get("variables")
            case _:
                raise _Close(4400, "subscribe: `payload.query` must be a string")
        if not (name is None or isinstance(name, str)) or not (
            variables is None or isinstance(variables, dict)
        ):
            raise _Close(4400, "subscribe: `operationName` is a string, `variables` an object")
        if "\0" in query or "\\u0000" in query or "\\u0000" in orjson.dumps(variables).decode():
            raise _Close(4400, "NUL characters are not accepted")
        task = asyncio.create_task(self._run(id, query, name, variables or {}))
        self.running[id] = task

    async def _run(
        self, id: str, query: str, operation_name: str | None, variables: dict[str, object]
    ) -> None:
        request_id = uuid4().hex
        operation = self.operations.select(query, operation_name, request_id)
        outcome = "refused"
        if not isinstance(operation, Operation):
            await self._refuse(id, operation)
        else:
            context = RequestContext(self.parts.contexts, self.principal, request_id, self.parts.clock.now())
            if operation.kind is OperationType.SUBSCRIPTION:
                stream = await self.operations.subscribe(operation, variables, context, self.parts.clock)
            else:
                stream = await self.operations.execute(operation, variables, context)
            if isinstance(stream, Response):
                if stream.executed:
                    await self._send({"id": id, "type": "next", "payload": stream.body()})
                    await self._complete(id)
                    outcome = "ok"
                else:
                    await self._refuse(id, stream)
            else:
                async for response in stream:
                    await self._send({"id": id, "type": "next", "payload": response.body()})
                await self._complete(id)
                outcome = "ok"
        log.info("graphql", request_id=request_id, transport="websocket", outcome=outcome)

    async def _refuse(self, id: str, response: Response) -> None:
        self.running.pop(id, None)
        await self._send({"id": id, "type": "error", "payload": response.errors})

    async def _complete(self, id: str) -> None:
        self.running.pop(id, None)
        await self._send({"id": id, "type": "complete"})


def _id(message: dict[str, object]) -> str:
    id = message.get("id")
    if not isinstance(id, str) or not id or len(id) > 200:
        raise _Close(4400, "`id` must be a string")
    return id
