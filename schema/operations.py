"""Executing one operation for one caller: variables, authority, execution, masked errors."""

import hashlib
import json
import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Hashable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass, field, replace
from inspect import isawaitable
from typing import Any
from uuid import UUID

from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType
from graphql.execution import Executor
from graphql.execution.execute import create_source_event_stream
from graphql.execution.values import VariableValues, get_variable_values
from strawberry import Schema

from contexts.identity.api import Principal
from contexts.shared.clock import Clock
from contexts.shared.network import network
from contexts.shared.unavailable import Unavailable
from resolvers.vocabulary.context import RequestContext
from resolvers.vocabulary.errors import RefusedArgument
from resolvers.vocabulary.extension_codes import ExtensionCode, code_of, coded, give, told
from schema.authorization import Denials, denials
from schema.cost import (
    TOKENS_A_POINT,
    VALUES_A_POINT,
    Bill,
    Charge,
    Cost,
    arrival,
    lookups,
    object_cost,
    work_cost,
)
from schema.documents import REPORTED_ERRORS, ById, Documents, Prepared, Refused
from schema.execution.choice import ExecutorKind
from schema.execution.execute_operation import Execution
from schema.execution.plan import FieldPlan, OperationPlan
from schema.execution.stock import GuardedExecutor, StockExecutor, objects_in
from schema.limits import TooComplex
from schema.rate_limiter import Bucket, RateLimiter
from schema.subscriptions import LeftBehind, Subscriptions
from schema.wording import of_variables

logger = logging.getLogger(__name__)

Json = dict[str, Any]  # Any: GraphQL data has the shape its document gives it

Turn = Callable[[], AbstractAsyncContextManager[None]]

AWAY_SECONDS = 2
"""After how many seconds a request may be sent again that failed because a service was away."""

COPY = 1
"""Points for each subscriber that an event's answer is sent to beside the first, which pays for executing it."""

NO_SESSION = UUID(int=0)
"""In the principal that events are executed for: equal subscriptions of all sessions of a user share the answer."""


@dataclass(frozen=True, slots=True)
class Response:
    """What GraphQL answers. `data` is absent, not null, when the request failed before execution.

    `cost` is None when nobody was asked for it. `retry_after`: not now, but in so many seconds. `away`: what of ours
    failed; then there is no data, for half an answer is taken for a whole one.
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
    """A prepared document, the operation of it that was asked for, and what the request has spent so far."""

    prepared: Prepared
    name: str
    plan: OperationPlan
    bill: Bill

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
    throttle: RateLimiter | None = None
    subscriptions: Subscriptions[Response] = field(default_factory=Subscriptions)

    @property
    def schema(self) -> GraphQLSchema:
        """graphql-core's schema below strawberry's."""
        return self.strawberry._schema

    def stock_reason(self) -> str | None:
        """Why graphql-core's executor runs the operations; None: it does not."""
        return "setting" if self.executor is ExecutorKind.STOCK else None

    def arrive(
        self, principal: Principal | None, address: str, sent: int, request_id: str
    ) -> Bill | Response:
        """The bill of a request of so many bytes, before anything of it is decoded; or why it is not looked at."""
        points = arrival(sent)
        if self.throttle is None:
            return Bill(spent=points)
        bucket = self.throttle.bucket(principal, address)
        if bucket.available < min(points, bucket.allowance.maximum):
            return _throttled(Cost.now(points, None, bucket), points, bucket, request_id)
        bill = Bill(bucket)
        bill.pay(points)
        return bill

    def select(
        self, asked: str | ById, operation_name: str | None, request_id: str, bill: Bill
    ) -> Operation | Response:
        """The operation asked for, by its document's text or id, or why there is none."""
        prepared = self.documents.prepare(asked, bill.pay_once)
        if isinstance(prepared, Refused):
            return refusal(prepared.errors, request_id, bill)
        bill.pay(prepared.tokens // TOKENS_A_POINT)
        if operation_name is None and len(prepared.operations) == 1:
            operation_name = next(iter(prepared.operations))
        plan = self.documents.plan(prepared, operation_name or "", bill.pay_once)
        if isinstance(plan, Refused):
            return refusal(plan.errors, request_id, bill)
        if plan is None:
            message = (
                "The document has no operation of that name."
                if operation_name
                else "`operationName` is needed: the document has several operations, or none."
            )
            error = GraphQLError(message, extensions=coded(ExtensionCode.OPERATION_RESOLUTION_FAILURE))
            return refusal([error], request_id, bill)
        return Operation(prepared, operation_name or "", plan, bill)

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
        errors = [*admitted.denials.errors(execution.met, data), *execution.errors]
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

        Each event is answered inside a `turn`, which may give it up with a GraphQLError. It costs what subscribing did;
        when the caller cannot pay, the subscription ends with THROTTLED. Equal subscriptions of one viewer share
        their answers: a caller who may not see them any more must be let go by whoever reads the responses.
        """
        admitted = self._admit(operation, variables, context)
        if isinstance(admitted, Response):
            return admitted
        if denied := [error for (path, _), error in admitted.denials.positions.items() if len(path) == 1]:
            return refusal(denied, context.request_id)
        executor = self._stock_executor(admitted, context)
        source = create_source_event_stream(executor)
        if isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            return refusal(list(source.errors or ()), context.request_id)
        viewer = _viewer(context)
        event = _EventOf(self, admitted, executor, viewer, clock, turn)
        return self._events(_subject(admitted, viewer), source, event)

    def _admit(
        self, operation: Operation, given: Mapping[str, object], context: RequestContext
    ) -> _Admitted | Response:
        """The one step before execution that depends on the request: variables, the caller's scopes and points."""
        bill = operation.bill
        most = self.documents.limits.values
        values = _values(operation.plan, given, most)
        bill.pay(values // VALUES_A_POINT)
        if values > most:
            return refusal([TooComplex("values", most, "variables")], context.request_id, bill)
        variables = get_variable_values(
            self.schema,
            operation.plan.operation.variable_definitions or (),
            dict(given),
            max_errors=REPORTED_ERRORS - 1,  # after which it says that there are more
            hide_suggestions=True,
        )
        if isinstance(variables, list):
            for error in variables:
                error.message = of_variables(error.message)
            return refusal(
                [give(error, ExtensionCode.BAD_USER_INPUT) for error in variables], context.request_id, bill
            )
        for name in operation.plan.condition_variables:
            if not isinstance(variables.coerced.get(name), bool):
                error = GraphQLError(f"Variable '${name}' decides @skip or @include and must not be null.")
                return refusal([give(error, ExtensionCode.BAD_USER_INPUT)], context.request_id, bill)
        denied = denials(operation.plan, context.principal, variables.coerced)
        charge = self._charge(operation, variables, denied.fields, context)
        if isinstance(charge, Response):
            return charge
        return _Admitted(operation, given, variables, denied, charge)

    def _charge(
        self,
        operation: Operation,
        variables: VariableValues,
        denied: Collection[FieldPlan],
        context: RequestContext,
    ) -> Charge | Response:
        """The operation's points, reserved; or why not: it is too dear for anybody, or for the caller now."""
        plan, bill = operation.plan, operation.bill
        work = work_cost(plan, variables, denied)
        points = work + object_cost(plan.root, variables, denied)
        limit, bucket = self.documents.limits.cost, bill.bucket
        every_time = bill.spent - bill.once
        if bucket is not None:  # more than it can hold no waiting could bring together
            limit = min(limit, bucket.allowance.maximum - every_time)
        if points > limit:
            error = formatted(TooComplex("points of cost", limit), context.request_id)
            return Response([error], executed=False, cost=Cost.now(bill.spent + points, bill.spent, bucket))
        if bucket is not None and not bucket.take(points):
            cost = Cost.now(bill.spent + points, bill.spent, bucket)
            return _throttled(cost, every_time + points, bucket, context.request_id)
        return Charge(bill.spent + points, bill.spent + work, lookups(plan, variables, denied), bucket)

    def _stock_executor(self, admitted: _Admitted, context: RequestContext) -> Executor[Any]:
        executor = StockExecutor.build(
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
        errors = list(result.errors or ())
        if isinstance(executor, GuardedExecutor):
            errors = [*executor.denials.errors(executor.met, result.data), *errors]
        return _response(result.data, errors, request_id, cost(objects_in(result.data)))

    async def _events(
        self, subject: Hashable, source: AsyncIterable[Any], event: "_EventOf"
    ) -> AsyncIterator[Response]:
        answers = self.subscriptions.join(subject, source, event.answered, event.failed)
        try:
            async with aclosing(answers):
                async for response in answers:
                    yield response
        except LeftBehind:
            error = GraphQLError(
                "The events came faster than they were taken. Subscribe again, and read what you have missed.",
                extensions=coded(ExtensionCode.THROTTLED),
            )
            yield refusal([error], event.context.request_id)


@dataclass(frozen=True, slots=True)
class _EventOf:
    """What an event of a subscription is answered with. `context`: of the viewer, with no other trace of a request."""

    operations: Operations
    admitted: _Admitted
    executor: Executor[Any]
    context: RequestContext
    clock: Clock
    turn: Turn

    async def answered(self, event: object, subscribers: int) -> Response:
        """The answer, for so many subscribers; refused when it is too slow, or the viewer has too few points."""
        charge = self._charge(subscribers)
        if isinstance(charge, Response):
            return charge
        try:
            async with self.turn():
                return await self._executed(event, charge)
        except GraphQLError as error:
            return refusal([error], self.context.request_id)

    def failed(self, error: Exception) -> Response:
        """The one answer to all subscribers, logged once, when there can be no more."""
        return refusal([GraphQLError("Not a resolver's.", original_error=error)], self.context.request_id)

    def _charge(self, subscribers: int) -> Charge | Response:
        charge, throttle = self.admitted.charge.again(self.admitted.operation.bill), self.operations.throttle
        if throttle is None:
            return charge
        bucket = throttle.bucket(self.context.principal, self.context.address)
        points = min(charge.requested + COPY * (subscribers - 1), bucket.allowance.maximum)
        if not bucket.take(points):
            return _throttled(Cost.now(points, None, bucket), points, bucket, self.context.request_id)
        return replace(charge, bucket=bucket)

    async def _executed(self, event: object, charge: Charge) -> Response:
        # Every event is an operation of its own: its own instant, its own loaders.
        viewer, admitted, operations = self.context, self.admitted, self.operations
        context = RequestContext(
            viewer.contexts, viewer.principal, viewer.request_id, self.clock.now(), viewer.address
        )
        if operations.executor is ExecutorKind.STOCK:
            each = self.executor.build_per_event_executor(event)
            each.context_value = context
            return await operations._stock(each, charge.settled, context.request_id)
        execution = Execution(
            operations.schema,
            operations.strawberry.schema_converter,
            admitted.operation.plan,
            admitted.variables,
            context,
            admitted.denials.fields,
        )
        data = await execution.run(event)
        errors = [*admitted.denials.errors(execution.met, data), *execution.errors]
        return _response(data, errors, context.request_id, charge.settled(execution.objects))


def _viewer(context: RequestContext) -> RequestContext:
    """The context of whoever subscribes, without what only this one of several has: session, client, address.

    An anonymous caller keeps the address: it says whose points are spent.
    """
    principal = context.principal
    return RequestContext(
        context.contexts,
        None if principal is None else replace(principal, session_id=NO_SESSION),
        context.request_id,
        context.at,
        context.address if principal is None else "",
    )


def _subject(admitted: _Admitted, viewer: RequestContext) -> Hashable:
    """Equal for subscriptions that get the same answers: document, operation, variables, all of the viewer.

    An anonymous viewer is the network, whose bucket pays.
    """
    operation = admitted.operation
    declared = (each.variable.name.value for each in operation.plan.operation.variable_definitions or ())
    given = {name: admitted.given[name] for name in declared if name in admitted.given}
    return (
        operation.prepared.id,
        operation.name,
        hashlib.sha256(json.dumps(given, sort_keys=True).encode()).digest(),
        viewer.principal,
        None if viewer.principal is not None else network(viewer.address),
    )


def refusal(errors: list[GraphQLError], request_id: str, bill: Bill | None = None) -> Response:
    """The response to a request that failed before execution."""
    cost = None if bill is None else bill.cost
    _log_bugs(errors, request_id)
    if away := _away(errors):
        return _unavailable(away, request_id, cost)
    return Response(errors=[formatted(error, request_id) for error in errors], executed=False, cost=cost)


def _throttled(cost: Cost, needed: int, bucket: Bucket, request_id: str) -> Response:
    """`needed`: the points that the same request has to find when it comes again."""
    seconds = bucket.seconds_until(needed)
    error = GraphQLError(
        f"This request asks for {needed} points and you have {cost.available} left."
        f" Send it again in {seconds} s, or ask for less.",
        extensions=coded(ExtensionCode.THROTTLED),
    )
    shown = formatted(error, request_id)
    shown["extensions"]["retryAfter"] = seconds  # for those who see no headers
    return Response([shown], executed=False, cost=cost, retry_after=seconds)


def _values(plan: OperationPlan, given: Mapping[str, object], most: int) -> int:
    """How many values the declared variables have, counted no further than where they are too many."""
    declared = plan.operation.variable_definitions or ()
    waiting = [given.get(each.variable.name.value) for each in declared]
    count = 0
    while waiting and count <= most:
        count += 1
        match waiting.pop():
            case dict(members):
                waiting.extend(members.values())
            case list(elements):
                waiting.extend(elements)
            case _:
                pass
    return count


def _response(data: Json | None, errors: list[GraphQLError], request_id: str, cost: Cost) -> Response:
    if not errors:
        return Response([], data, cost=cost)
    _log_bugs(errors, request_id)
    if away := _away(errors):
        return _unavailable(away, request_id, cost)
    shown = [formatted(error, request_id) for error in _once_a_position(errors)]
    return Response(errors=shown, data=data, cost=cost)


def _once_a_position(errors: list[GraphQLError]) -> Iterator[GraphQLError]:
    """An argument that is refused for every object alike is told once, as the denial of a field is."""
    told: set[tuple[object, ...]] = set()
    for error in errors:
        cause = _cause(error)
        if error.path is None or not (isinstance(cause, RefusedArgument) and cause.of_every_object):
            yield error
            continue
        position: list[str | int] = [key for key in error.path if isinstance(key, str)]
        if (place := (error.message, *position)) not in told:
            told.add(place)
            error.path = position
            yield error


def _away(errors: list[GraphQLError]) -> tuple[Unavailable, ...]:
    """The services that were away, each once: one that is gone fails every field that needs it."""
    faults = [cause for error in errors if isinstance(cause := _cause(error), Unavailable)]
    return tuple({fault.service: fault for fault in faults}.values())


def _unavailable(away: tuple[Unavailable, ...], request_id: str, cost: Cost | None) -> Response:
    extensions = told(ExtensionCode.UNAVAILABLE, requestId=request_id, retryAfter=AWAY_SECONDS)
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
        message, code = of_variables(message), ExtensionCode.BAD_USER_INPUT
    if code is None:
        message = "Something went wrong on our side. Quote the request id."
        code = ExtensionCode.INTERNAL_SERVER_ERROR
    shown: Json = {"message": message}
    if error.locations:
        shown["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    shown["extensions"] = told(code, requestId=request_id)
    return shown


def _code(error: GraphQLError) -> ExtensionCode | None:
    """The code that somebody gave the error on purpose; None for a bug's."""
    if (code := code_of(error)) is not None:
        return code
    cause = _cause(error)
    return code_of(cause) if isinstance(cause, GraphQLError) else None


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
