"""Executing one operation for one caller: variables, authority, execution, masked errors."""

import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType
from graphql.execution import Executor
from graphql.execution.execute import create_source_event_stream
from graphql.execution.values import VariableValues, get_variable_values
from strawberry import Schema

from contexts.shared.clock import Clock
from contexts.shared.unavailable import Unavailable
from resolvers.vocabulary.context import RequestContext
from schema.authorization import Denials, denials
from schema.cost import Charge, Cost, lookups, object_cost, work_cost
from schema.documents import ById, Documents, Prepared, Refused
from schema.execution.choice import ExecutorKind
from schema.execution.execute_operation import Execution
from schema.execution.plan import FieldPlan, OperationPlan
from schema.execution.stock import GuardedExecutor, objects_in
from schema.limits import TooComplex
from schema.throttle import Bucket, Throttle
from schema.wording import of_variables

logger = logging.getLogger(__name__)

Json = dict[str, Any]  # Any: GraphQL data has the shape its document gives it

Turn = Callable[[], AbstractAsyncContextManager[None]]

REPORTED_ERRORS = 10
AWAY_SECONDS = 2
"""After how many seconds a request may be sent again that failed because a service was away."""


@dataclass(frozen=True, slots=True)
class Response:
    """What GraphQL answers. `data` is absent, not null, when the request failed before execution.

    `cost` is None when it did not come to asking for it. `retry_after`: not now, but in so many seconds. `away`: what
    of ours failed; then there is no data, for half an answer is taken for a whole one.
    """

    errors: list[Json]
    data: Json | None = None
    executed: bool = True
    cost: Cost | None = None
    retry_after: int | None = None
    away: tuple[Unavailable, ...] = ()

    def body(self) -> Json:
        """The response as the specification orders it: errors first, data absent when not executed."""
        body: Json = {}
        if self.errors:
            body["errors"] = self.errors
        if self.executed:
            body["data"] = self.data
        if self.cost is not None:
            body["extensions"] = {"cost": self.cost.extension()}
        return body


@dataclass(frozen=True, slots=True)
class Operation:
    """A prepared document and the operation of it that was asked for."""

    prepared: Prepared
    name: str
    plan: OperationPlan

    @property
    def kind(self) -> OperationType:
        """Query, mutation or subscription."""
        return self.plan.operation.operation


@dataclass(frozen=True, slots=True)
class _Admitted:
    """An operation with its variables, what of it is denied to the caller, and what is reserved for it."""

    operation: Operation
    given: Mapping[str, object]
    variables: VariableValues
    denials: Denials
    charge: Charge


@dataclass(frozen=True, slots=True)
class Operations:
    """Runs operations on the schema. One instance serves every request of a process.

    `throttle` is None where nobody is throttled.
    """

    strawberry: Schema
    documents: Documents
    executor: ExecutorKind = ExecutorKind.BREADTH
    throttle: Throttle | None = None

    @property
    def schema(self) -> GraphQLSchema:
        """graphql-core's schema below strawberry's."""
        return self.strawberry._schema

    def stock_reason(self, kind: OperationType) -> str | None:
        """Why graphql-core's executor runs an operation of this kind; None: it does not."""
        if kind is OperationType.SUBSCRIPTION:
            return "subscription"
        return "setting" if self.executor is ExecutorKind.STOCK else None

    def select(self, asked: str | ById, operation_name: str | None, request_id: str) -> Operation | Response:
        """The operation asked for, by its document's text or id, or why there is none."""
        prepared = self.documents.prepare(asked)
        if isinstance(prepared, Refused):
            return refusal(prepared.errors, request_id)
        if operation_name is None and len(prepared.plans) == 1:
            operation_name = next(iter(prepared.plans))
        plan = prepared.plans.get(operation_name or "")
        if plan is None:
            message = (
                "The document has no operation of that name."
                if operation_name
                else "`operationName` is needed: the document has several operations, or none."
            )
            error = GraphQLError(message, extensions={"code": "OPERATION_RESOLUTION_FAILURE"})
            return refusal([error], request_id)
        return Operation(prepared, operation_name or "", plan)

    async def execute(
        self, operation: Operation, variables: Mapping[str, object], context: RequestContext
    ) -> Response:
        """The response. Never raises for what a caller or a resolver did: bugs are logged and masked."""
        admitted = self._admit(operation, variables, context)
        if isinstance(admitted, Response):
            return admitted
        if self.executor is ExecutorKind.STOCK:
            executor = self._stock_executor(admitted, context)
            return await self._stock(executor, admitted.charge.settled, context.request_id)
        execution = Execution(
            self.schema,
            self.strawberry.schema_converter,
            operation.plan,
            admitted.variables,
            context,
            admitted.denials.fields,
        )
        data = await execution.run()
        errors = [*admitted.denials.errors, *execution.errors]
        return _response(data, errors, context.request_id, admitted.charge.settled(execution.objects))

    async def subscribe(
        self,
        operation: Operation,
        variables: Mapping[str, object],
        context: RequestContext,
        clock: Clock,
        turn: Turn = nullcontext,
    ) -> "AsyncIterator[Response] | Response":
        """The responses of a subscription as its events come, or the one response that refuses it.

        Each event is answered inside a `turn`, which may give it up with a GraphQLError.
        """
        admitted = self._admit(operation, variables, context)
        if isinstance(admitted, Response):
            return admitted
        if any(len(path) == 1 for path, _ in admitted.denials.positions):
            return refusal(admitted.denials.errors, context.request_id)
        executor = self._stock_executor(admitted, context)
        source = create_source_event_stream(executor)
        if isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            return refusal(list(source.errors or ()), context.request_id)
        return self._events(executor, source, admitted.charge, context, clock, turn)

    def _admit(
        self, operation: Operation, given: Mapping[str, object], context: RequestContext
    ) -> _Admitted | Response:
        """The one step before execution that depends on the request: variables, the caller's scopes and points."""
        variables = get_variable_values(
            self.schema,
            operation.plan.operation.variable_definitions or (),
            dict(given),
            max_errors=REPORTED_ERRORS,
            hide_suggestions=True,
        )
        if isinstance(variables, list):
            for error in variables:
                error.message = of_variables(error.message)
            return refusal([_coded(error, "BAD_USER_INPUT") for error in variables], context.request_id)
        for name in operation.plan.condition_variables:
            if not isinstance(variables.coerced.get(name), bool):
                error = GraphQLError(f"Variable '${name}' decides @skip or @include and must not be null.")
                return refusal([_coded(error, "BAD_USER_INPUT")], context.request_id)
        denied = denials(operation.plan, context.principal, variables.coerced)
        charge = self._charge(operation.plan, variables, denied.fields, context)
        if isinstance(charge, Response):
            return charge
        return _Admitted(operation, given, variables, denied, charge)

    def _charge(
        self,
        plan: OperationPlan,
        variables: VariableValues,
        denied: Collection[FieldPlan],
        context: RequestContext,
    ) -> Charge | Response:
        """The operation's points, reserved; or why not: it is too dear for anybody, or for the caller now."""
        work = work_cost(plan, variables, denied)
        points = work + object_cost(plan.root, variables, denied)
        limit = self.documents.limits.cost
        bucket = None
        if self.throttle is not None:
            bucket = self.throttle.bucket(context.principal, context.address)
            limit = min(limit, bucket.allowance.maximum)  # more than that no waiting could bring together
        if points > limit:
            error = formatted(TooComplex("points of cost", limit), context.request_id)
            return Response([error], executed=False, cost=Cost.now(points, None, bucket))
        if bucket is not None and not bucket.take(points):
            return _throttled(points, bucket, context.request_id)
        return Charge(points, work, lookups(plan, variables, denied), bucket)

    def _stock_executor(self, admitted: _Admitted, context: RequestContext) -> Executor[Any]:
        executor = Executor.build(
            self.schema,
            admitted.operation.prepared.document,
            context_value=context,
            raw_variable_values=dict(admitted.given),
            operation_name=admitted.operation.name or None,
            hide_suggestions=True,
        )
        assert isinstance(executor, Executor)  # the variables have been coerced once before
        if admitted.denials.fields:
            return GuardedExecutor.over(executor, admitted.denials)
        return executor

    async def _stock(self, executor: Executor[Any], cost: Callable[[int], Cost], request_id: str) -> Response:
        result = executor.execute_operation()
        if isawaitable(result):
            result = await result
        assert isinstance(result, ExecutionResult)
        denied = executor.denials.errors if isinstance(executor, GuardedExecutor) else []
        errors = [*denied, *(result.errors or ())]
        return _response(result.data, errors, request_id, cost(objects_in(result.data)))

    async def _events(
        self,
        executor: Executor[Any],
        source: AsyncIterable[Any],
        charge: Charge,
        context: RequestContext,
        clock: Clock,
        turn: Turn,
    ) -> AsyncIterator[Response]:
        try:
            async for event in source:
                each = executor.build_per_event_executor(event)
                # Every event is an operation of its own: its own instant, its own loaders.
                each.context_value = RequestContext(
                    context.contexts,
                    context.principal,
                    context.request_id,
                    clock.now(),
                    context.address,
                    context.client,
                )
                # What is reserved stays so: it paid for subscribing, and the events are the server's to send.
                try:
                    async with turn():
                        response = await self._stock(each, charge.cost, context.request_id)
                except GraphQLError as error:
                    response = refusal([error], context.request_id)
                yield response
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()


def refusal(errors: list[GraphQLError], request_id: str) -> Response:
    """The response to a request that failed before execution."""
    _log_bugs(errors, request_id)
    if away := _away(errors):
        return _unavailable(away, request_id, None)
    return Response(errors=[formatted(error, request_id) for error in errors], executed=False)


def _throttled(points: int, bucket: Bucket, request_id: str) -> Response:
    seconds = bucket.seconds_until(points)
    error = GraphQLError(
        f"This operation asks for {points} points and you have {int(bucket.available)} left."
        f" Send it again in {seconds} s, or ask for less.",
        extensions={"code": "THROTTLED"},
    )
    shown = formatted(error, request_id)
    shown["extensions"]["retryAfter"] = seconds  # for those who see no headers
    return Response([shown], executed=False, cost=Cost.now(points, None, bucket), retry_after=seconds)


def _response(data: Json | None, errors: list[GraphQLError], request_id: str, cost: Cost) -> Response:
    if not errors:
        return Response([], data, cost=cost)
    _log_bugs(errors, request_id)
    if away := _away(errors):
        return _unavailable(away, request_id, cost)
    return Response(errors=[formatted(error, request_id) for error in errors], data=data, cost=cost)


def _away(errors: list[GraphQLError]) -> tuple[Unavailable, ...]:
    """The services that were away, each once: one that is gone fails every field that needs it."""
    faults = [cause for error in errors if isinstance(cause := _cause(error), Unavailable)]
    return tuple({fault.service: fault for fault in faults}.values())


def _unavailable(away: tuple[Unavailable, ...], request_id: str, cost: Cost | None) -> Response:
    extensions = {"code": "UNAVAILABLE", "requestId": request_id, "retryAfter": AWAY_SECONDS}
    message = (
        f"A service that we need is away for the moment. Send it again in {AWAY_SECONDS} s; a mutation may have taken"
        " effect, so repeat it with the same idempotency key."
    )
    error: Json = {"message": message, "extensions": extensions}
    return Response([error] * len(away), executed=False, cost=cost, retry_after=AWAY_SECONDS, away=away)


def _log_bugs(errors: list[GraphQLError], request_id: str) -> None:
    """Each once, with its traceback: an exception of a batch resolver is the error of as many positions as it has
    objects."""
    bugs: dict[int, list[GraphQLError]] = {}
    for error in errors:
        if _is_bug(error):
            bugs.setdefault(id(_cause(error)), []).append(error)
    for first, *others in bugs.values():
        logger.error(
            "resolver failed at %s%s",
            first.path,
            f" and {len(others)} positions more" if others else "",
            exc_info=_cause(first),
            extra={"request_id": request_id},
        )


def formatted(error: GraphQLError, request_id: str) -> Json:
    """An error as clients see it: always a code, always the request id, nothing of the inside of a bug."""
    code = _code(error)
    message = error.message
    if code is None and _is_unfit_argument(error):
        message, code = of_variables(message), "BAD_USER_INPUT"
    if code is None:
        message, code = "Something went wrong on our side. Quote the request id.", "INTERNAL_SERVER_ERROR"
    shown: Json = {"message": message}
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    shown["extensions"] = {"code": code, "requestId": request_id}
    return shown


def _code(error: GraphQLError) -> object:
    """The code that somebody gave the error on purpose; None for a bug's."""
    if (code := (error.extensions or {}).get("code")) is not None:
        return code
    cause = _cause(error)
    return (cause.extensions or {}).get("code") if isinstance(cause, GraphQLError) else None


def _is_bug(error: GraphQLError) -> bool:
    return not (
        isinstance(_cause(error), Unavailable) or _code(error) is not None or _is_unfit_argument(error)
    )


def _is_unfit_argument(error: GraphQLError) -> bool:
    """Whether graphql-core says itself that the variables made an argument unfit."""
    cause = _cause(error)
    return isinstance(cause, GraphQLError) and cause.message.startswith("Argument ")


def _cause(error: GraphQLError) -> Exception:
    return error if error.original_error is None else error.original_error


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {**(error.extensions or {}), "code": code}
    return error
