"""Cancelled fields and what is no Exception: whoever waits gets an answer, and nothing outlives its operation."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import strawberry
from graphql import GraphQLObjectType

from contexts.pricing import api as pricing
from resolvers.vocabulary.asked import Asked, Interrupted
from resolvers.vocabulary.batch import BATCH, batch
from resolvers.vocabulary.context import Info, RequestContext
from resolvers.vocabulary.contribution import Contribution
from resolvers.vocabulary.directives import PUBLIC
from resolvers.vocabulary.fields import computed, root_field
from resolvers.vocabulary.node import represents
from schema.declarations import strawberry_field
from schema.operations import Operations, Response
from schema.stitching import stitch
from tests.execution.both import executors, run, the_schema
from tests.execution.comparison import difference
from tests.execution.documents import Request
from tests.execution.world import ACCOUNTS, BUYER, NOW, World

NO_EXCEPTIONS = [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, StopIteration]


@dataclass
class Gate:
    """A question that waits to be let through; how often it was asked, and how often it was cancelled."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    cancelled: int = 0

    async def pass_through(self) -> int:
        self.asked += 1
        self.reached.set()
        try:
            await self.opened.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.asked


async def ended(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_who_is_cancelled_takes_the_answer_from_nobody() -> None:
    gate = Gate()
    question = Asked(gate.pass_through())
    first, second = (asyncio.create_task(question.answer()) for _ in range(2))
    await gate.reached.wait()
    await ended(first)
    gate.opened.set()
    assert await second == 1 == await question.answer()
    assert (gate.asked, gate.cancelled) == (1, 0)


async def test_a_question_nobody_waits_for_is_cancelled_and_asked_again_by_the_next() -> None:
    gate = Gate()
    question = Asked(gate.pass_through())
    waiting = [asyncio.create_task(question.answer()) for _ in range(2)]
    await gate.reached.wait()
    for task in waiting:
        assert not question.given_up
        await ended(task)
    assert question.given_up and gate.cancelled == 1


async def test_who_waits_for_a_cancelled_question_is_told() -> None:
    stopped = asyncio.Event()

    async def cancelled_within() -> None:
        await stopped.wait()
        raise asyncio.CancelledError

    question = Asked(cancelled_within())
    waiting = [asyncio.create_task(question.answer()) for _ in range(3)]
    await asyncio.sleep(0)
    stopped.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in found] == [Interrupted] * 3


def with_slow_accounts(gate: Gate) -> RequestContext:
    """A request's context whose accounts are found when the gate is opened."""
    context = World(0).context(BUYER)
    accounts = context.contexts.identity.accounts

    class Slow:
        async def visible(self, *asked: Any) -> object:
            await gate.pass_through()
            return await accounts.visible(*asked)

    identity = replace(context.contexts.identity, accounts=cast(Any, Slow()))
    context.contexts = replace(context.contexts, identity=identity)
    return context


async def test_an_account_is_found_for_the_others_when_the_first_who_asked_is_cancelled() -> None:
    gate = Gate()
    context = with_slow_accounts(gate)
    first, second = (asyncio.create_task(context.account(ACCOUNTS[0])) for _ in range(2))
    await gate.reached.wait()
    await ended(first)
    gate.opened.set()
    found = await second
    assert found is not None and found.id == ACCOUNTS[0] and gate.asked == 1


async def test_an_account_is_asked_for_again_when_all_who_asked_are_cancelled() -> None:
    gate = Gate()
    context = with_slow_accounts(gate)
    first = asyncio.create_task(context.account(ACCOUNTS[0]))
    await gate.reached.wait()
    await ended(first)
    gate.opened.set()
    assert await context.account(ACCOUNTS[0]) is not None
    assert (gate.asked, gate.cancelled) == (2, 1)


@pytest.mark.parametrize("turns", [1, 20])
@pytest.mark.parametrize("leaves", [0, 1])
async def test_prices_are_found_for_the_others_when_one_field_is_cancelled(turns: int, leaves: int) -> None:
    """Wherever the first of the fields that share a statement is: still collecting lines, or waiting for prices."""
    world = World(0)
    context = world.context(BUYER)
    asked: list[int] = []

    async def resolve(perspective: pricing.Perspective, lines: Sequence[pricing.Line], at: object) -> object:
        asked.append(len(lines))
        for _ in range(40):
            await asyncio.sleep(0)
        return await context_prices(perspective, lines, NOW)

    context_prices = context.contexts.pricing.resolve
    prices = replace(context.contexts.pricing, resolve=cast(Any, resolve))
    context.contexts = replace(context.contexts, pricing=prices)
    await context.account(ACCOUNTS[0])
    product_type = the_schema()._schema.type_map["Product"]
    assert isinstance(product_type, GraphQLObjectType)
    declared = strawberry_field(product_type.fields["price"])
    assert declared is not None
    info = SimpleNamespace(context=context)
    products = [world.product(number, ACCOUNTS[0]) for number in range(4)]
    tasks = [asyncio.create_task(declared.metadata[BATCH]([product], info)) for product in products]
    for _ in range(turns):
        await asyncio.sleep(0)
    await ended(tasks.pop(leaves))
    async with asyncio.timeout(60):  # a joiner without an answer would wait for ever
        found = await asyncio.gather(*tasks)
    assert [len(each) for each in found] == [1, 1, 1]
    left = [product for index, product in enumerate(products) if index != leaves]
    alone = [await declared.metadata[BATCH]([product], info) for product in left]
    assert found == alone and any(price is not None for (price,) in found)
    assert len(asked) == 1 + len(alone)


# What is raised and what is returned.


@dataclass
class Thing:
    """Any value behind any field."""

    value: Any = 1


@dataclass
class Root:
    things: list[Thing]
    how: Any = None
    started: asyncio.Event = field(default_factory=asyncio.Event)
    interrupted: int = 0


def _value(thing: Thing) -> object:
    return thing.value


def _raises(thing: Thing) -> object:
    if isinstance(thing.value, BaseException):
        raise thing.value
    return thing.value


def _root(info: Info) -> Root:
    return cast(Root, info.context.contexts)


@strawberry.type
class Item:
    is_type_of = represents(Thing)

    number: int | None = computed(_value, description="-")
    text: str | None = computed(_value, description="-")
    surely: int = computed(_value, description="-")
    numbers: list[int | None] | None = computed(lambda thing: [1, thing.value], description="-")
    whole: list[int] | None = computed(_value, description="-")
    other: "Item | None" = computed(_value, description="-")
    raised: int | None = computed(_raises, description="-")

    @batch(graphql_type=int | None, description="-")
    async def batched(things: Sequence[Thing], info: Info) -> Sequence[Any]:
        return [thing.value for thing in things]

    @batch(graphql_type=int | None, description="-")
    async def stops(things: Sequence[Thing], info: Info) -> Sequence[Any]:
        if isinstance(_root(info).how, BaseException):
            raise _root(info).how
        return [1 for _ in things]

    @batch(graphql_type=int | None, description="-")
    async def patient(things: Sequence[Thing], info: Info) -> Sequence[Any]:
        _root(info).started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            _root(info).interrupted += 1
            raise
        return []

    @batch(graphql_type=int | None, description="-")
    async def impatient(things: Sequence[Thing], info: Info) -> Sequence[Any]:
        await _root(info).started.wait()
        raise asyncio.CancelledError


@strawberry.type
class Query:
    @root_field(type=list[Item], description="-", guard=PUBLIC)
    async def items(self, info: Info) -> Any:
        return _root(info).things

    @root_field(type=int | None, description="-", guard=PUBLIC)
    async def direct(self, info: Info) -> Any:
        return _root(info).how


STOCK, BREADTH = executors(stitch([Contribution(query=Query)]))


async def answer(operations: Operations, text: str, root: Root) -> Response:
    context = RequestContext(cast(Any, root), None, "request", NOW)
    async with asyncio.timeout(60):
        return await run(operations, Request(text, None, {}), context)


@pytest.mark.parametrize("kind", NO_EXCEPTIONS)
@pytest.mark.parametrize(
    "name", ["number", "text", "surely", "numbers", "whole", "other { number }", "batched"]
)
async def test_an_exception_of_any_kind_that_is_returned_is_an_error(
    kind: type[BaseException], name: str
) -> None:
    values = [7, kind("k")] if name not in {"whole", "other { number }"} else [None, kind("k")]
    stock, breadth = [
        await answer(each, f"{{ items {{ {name} }} }}", Root([Thing(value) for value in values]))
        for each in (STOCK, BREADTH)
    ]
    assert difference(stock, breadth) is None
    key = name.split()[0]
    below = [1] if name == "numbers" else []
    places = [["items", 1, key, *below]]
    assert [error["path"] for error in breadth.errors] == places
    assert {error["extensions"]["code"] for error in breadth.errors} == {"INTERNAL_SERVER_ERROR"}


@pytest.mark.parametrize("kind", NO_EXCEPTIONS)
async def test_one_that_a_root_field_returns_is_an_error(kind: type[BaseException]) -> None:
    stock, breadth = [await answer(each, "{ direct }", Root([], kind("k"))) for each in (STOCK, BREADTH)]
    assert difference(stock, breadth) is None
    assert breadth.data == {"direct": None} and [error["path"] for error in breadth.errors] == [["direct"]]


async def test_a_cancellation_that_a_plain_field_raises_is_no_error_of_the_field() -> None:
    for each in (STOCK, BREADTH):
        with pytest.raises(asyncio.CancelledError):
            await answer(each, "{ items { raised } }", Root([Thing(asyncio.CancelledError())]))


async def test_a_batch_that_is_cancelled_ends_the_operation_under_our_executor() -> None:
    with pytest.raises(asyncio.CancelledError):
        await answer(BREADTH, "{ items { stops } }", Root([Thing()], asyncio.CancelledError()))


async def test_a_loader_whose_batch_is_cancelled_answers_everybody() -> None:
    root = Root([Thing(), Thing()], asyncio.CancelledError())
    found = await answer(STOCK, "{ items { stops } }", root)
    assert [error["path"] for error in found.errors] == [["items", 0, "stops"], ["items", 1, "stops"]]


async def test_fields_beside_a_cancelled_one_do_not_go_on() -> None:
    root = Root([Thing()])
    with pytest.raises(asyncio.CancelledError):
        await answer(BREADTH, "{ items { patient impatient } }", root)
    assert root.interrupted == 1


async def test_an_operation_that_is_cancelled_ends_all_its_fields() -> None:
    for each in (STOCK, BREADTH):
        root = Root([Thing()])
        task = asyncio.create_task(answer(each, "{ items { a: patient b: patient } }", root))
        await root.started.wait()
        await ended(task)
        await asyncio.sleep(0)  # a loader's own task is told by its futures, one turn later
        await asyncio.sleep(0)
        assert root.interrupted >= 1
