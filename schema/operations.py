"""Executing one operation for one caller: authority, variables, execution, masked errors."""

import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql.execution import Executor
from graphql.execution.execute import create_source_event_stream

from contexts.shared.clock import Clock
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType
from resolvers.vocabulary.context import RequestContext
from schema.authorization import denied
from schema.documents import Documents, Prepared, Refused
from schema.execution.stock import GuardedExecutor

logger = logging.getLogger(__name__)

Json = dict[str, Any]  # Any: GraphQL data has the shape its document gives it


@dataclass(frozen=True, slots=True)
class Response:
    """What GraphQL answers. `data` is absent, not null, when the request failed before execution."""

    errors: list[Json]
    data: Json | None = None
    executed: bool = True

    def body(self) -> Json:
        """The response as the specification orders it: errors first, data absent when not executed."""
        body: Json = {}
        if self.errors:
            body["errors"] = self.errors
        if self.executed:
            body["data"] = self.data
        return body


@dataclass(frozen=True, slots=True)
class Operation:
    """A prepared document and the operation of it that was asked for."""

    prepared: Prepared
    name: str
    kind: OperationType


@dataclass(frozen=True, slots=True)
class Operations:
    """Runs operations on the schema. One instance serves every request of a process."""

    schema: GraphQLSchema
    documents: Documents

    def select(self, text: str, operation_name: str | None, request_id: str) -> Operation | Response:
        """The operation asked for, or why there is none."""
        prepared = self.documents.prepare(text)
        if isinstance(prepared, Refused):
            return refusal(prepared.errors, request_id)
        if operation_name is None and len(prepared.operations) == 1:
            operation_name = next(iter(prepared.operations))
        definition = prepared.operations.get(operation_name or "")
        if definition is None:
            message = (
                "`operationName` is needed: the document has several operations, or none."
                if not operation_name
                else "The document has no operation of that name."
            )
            error = GraphQLError(message, extensions={"code": "OPERATION_RESOLUTION_FAILURE"})
            return refusal([error], request_id)
        return Operation(prepared, operation_name or "", definition.operation)

    async def execute(
        self, operation: Operation, variables: Mapping[str, object], context: RequestContext
    ) -> Response:
        """The response. Never raises for what a caller or a resolver did: bugs are logged and masked."""
        executor = self._executor(operation, variables, context)
        if isinstance(executor, Response):
            return executor
        return await self._run(executor, context.request_id)

    async def subscribe(
        self, operation: Operation, variables: Mapping[str, object], context: RequestContext, clock: Clock
    ) -> "AsyncIterator[Response] | Response":
        """The responses of a subscription as its events come, or the one response that refuses it."""
        executor = self._executor(operation, variables, context)
        if isinstance(executor, Response):
            return executor
        if isinstance(executor, GuardedExecutor) and executor.denies_root():
            return refusal(executor.denials, context.request_id)
        source = create_source_event_stream(executor)
        if isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            return refusal(list(source.errors or ()), context.request_id)
        return self._events(executor, source, context, clock)

    async def _events(
        self,
        executor: Executor[Any],
        source: AsyncIterable[Any],
        context: RequestContext,
        clock: Clock,
    ) -> AsyncIterator[Response]:
        try:
            async for event in source:
                each = executor.build_per_event_executor(event)
                # Every event is an operation of its own: its own instant, its own loaders.
                each.context_value = RequestContext(
                    context.contexts, context.principal, context.request_id, clock.now()
                )
                yield await self._run(each, context.request_id)
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    async def _run(self, executor: Executor[Any], request_id: str) -> Response:
        result = executor.execute_operation()
        if isawaitable(result):
            result = await result
        assert isinstance(result, ExecutionResult)
        denials = executor.denials if isinstance(executor, GuardedExecutor) else []
        return Response(
            errors=[formatted(error, request_id) for error in (*denials, *(result.errors or ()))],
            data=result.data,
        )

    def _executor(
        self, operation: Operation, variables: Mapping[str, object], context: RequestContext
    ) -> "Executor[Any] | Response":
        name = operation.name
        executor = Executor.build(
            self.schema,
            operation.prepared.document,
            context_value=context,
            raw_variable_values=dict(variables),
            operation_name=name or None,
            max_coercion_errors=10,
            hide_suggestions=True,
        )
        if isinstance(executor, list):
            for error in executor:
                error.extensions = {**(error.extensions or {}), "code": "BAD_USER_INPUT"}
            return refusal(executor, context.request_id)
        guarded = operation.prepared.guarded[name]
        if guarded:
            positions, denials = denied(guarded, context.principal, executor.variable_values.coerced)
            if positions:
                return GuardedExecutor.over(executor, positions, denials)
        return executor


def refusal(errors: list[GraphQLError], request_id: str) -> Response:
    """The response to a request that failed before execution."""
    return Response(errors=[formatted(error, request_id) for error in errors], executed=False)


def formatted(error: GraphQLError, request_id: str) -> Json:
    """An error as clients see it: always a code, always the request id, nothing of the inside of a bug."""
    known = error if (error.extensions or {}).get("code") else _deepest(error)
    code = (known.extensions or {}).get("code") if isinstance(known, GraphQLError) else None
    if code is None:
        logger.error(
            "resolver failed at %s",
            error.path,
            exc_info=error.original_error or error,
            extra={"request_id": request_id},
        )
        message, code = "Something went wrong on our side. Quote the request id.", "INTERNAL_SERVER_ERROR"
    else:
        message = error.message
    shown: Json = {"message": message}
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    shown["extensions"] = {"code": code, "requestId": request_id}
    return shown


def _deepest(error: GraphQLError) -> Exception:
    """The GraphQLError that a resolver raised, below those that located it."""
    inner = error.original_error
    return error if inner is None else inner
