"""What a caller is told of denied fields: as many errors as the answer has positions with a null of that kind, under
both executors."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import strawberry

from contexts.shared.clock import SystemClock
from resolvers.vocabulary.context import Contexts, RequestContext
from resolvers.vocabulary.contribution import Contribution
from resolvers.vocabulary.directives import AUTHENTICATED, PUBLIC
from resolvers.vocabulary.fields import root_field, root_subscription
from resolvers.vocabulary.node import node_id, represents
from schema.cost import Bill
from schema.documents import Documents
from schema.execution.choice import ExecutorKind
from schema.limits import Limits
from schema.operations import Operation, Operations, Response
from schema.stitching import stitch
from tests.execution.both import both
from tests.execution.documents import Request
from tests.execution.world import ACCOUNTS, order_id, principal, product_id


@dataclass(frozen=True, slots=True)
class Cat:
    name: str | None
    claws: int = 18


@dataclass(frozen=True, slots=True)
class Dog:
    name: str | None
    bark: int = 90


def beast(name: str) -> Cat | Dog | None:
    """`cat`, `dog`; `nobody` has no name, which nulls the cat; anything else is null."""
    known: dict[str, Cat | Dog] = {"cat": Cat("cat"), "dog": Dog("dog"), "nobody": Cat(None)}
    return known.get(name)


@strawberry.interface(description="-")
class Beast:
    name: str = strawberry.field(description="-")


@strawberry.type(name="Cat", description="-")
class CatType(Beast):
    is_type_of = represents(Cat)
    claws: int | None = strawberry.field(description="-", directives=AUTHENTICATED)
    paw: int | None = strawberry.field(description="-", default=4)


@strawberry.type(name="Dog", description="-")
class DogType(Beast):
    is_type_of = represents(Dog)
    bark: int | None = strawberry.field(description="-")


@strawberry.type
class Query:
    @root_field(type=Beast | None, description="-", guard=PUBLIC)
    async def beast(self, name: str = "") -> Any:
        return beast(name)

    @root_field(type=list[Beast | None] | None, description="-", guard=PUBLIC)
    async def beasts(self, names: list[str]) -> Any:
        return [beast(name) for name in names]


@strawberry.type
class Subscription:
    @root_subscription(type=Beast | None, description="-", guard=PUBLIC)
    async def passing(self, names: list[str]) -> AsyncIterator[Any]:
        for name in names:
            yield beast(name)


@pytest.fixture(params=list(ExecutorKind), scope="module")
def operations(request: pytest.FixtureRequest) -> Operations:
    schema = stitch([Contribution(query=Query, subscription=Subscription, types=[CatType, DogType])])
    return Operations(schema, Documents(schema._schema, Limits()), request.param)


def selected(operations: Operations, text: str) -> tuple[Operation, RequestContext]:
    operation = operations.select(text, None, "request-1", Bill())
    assert isinstance(operation, Operation), operation
    return operation, RequestContext(cast(Contexts, None), None, "request-1", datetime.now(UTC))


async def ask(operations: Operations, text: str) -> Response:
    operation, context = selected(operations, text)
    return await operations.execute(operation, {}, context)


def told(response: Response) -> Sequence[list[str]]:
    assert {error["extensions"]["code"] for error in response.errors} <= {"UNAUTHENTICATED"}
    return [error["path"] for error in response.errors]


CLAWS = "fragment F on Beast { name ... on Cat { claws } }"


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ('{ beast(name: "dog") { ... on Cat { claws } ... on Dog { bark } } }', []),
        ('{ beast(name: "cat") { ... on Cat { claws } ... on Dog { bark } } }', [["beast", "claws"]]),
        ('{ beast(name: "unknown") { ... on Cat { claws } } }', []),
        ('{ beasts(names: []) { ... on Cat { claws } } }', []),
        ('{ beasts(names: ["dog", "?"]) { ... on Cat { claws } } }', []),
        ('{ beasts(names: ["dog", "cat", "cat"]) { ... on Cat { claws } } }', [["beasts", "claws"]]),
        # One fragment is one plan: it stands where a cat is, not where a dog is.
        ('{ a: beast(name: "dog") { ...F } b: beast(name: "cat") { ...F } } ' + CLAWS, [["b", "claws"]]),
        # The same key, asked of two types, of which one may have it.
        ('{ beast(name: "dog") { ... on Cat { n: claws } ... on Dog { n: bark } } }', []),
        ('{ beast(name: "cat") { ... on Cat { n: claws } ... on Dog { n: bark } } }', [["beast", "n"]]),
        ('{ beasts(names: ["cat", "dog"]) { ... on Cat { n: claws } ... on Dog { n: bark } } }', [["beasts", "n"]]),
        ('{ beast(name: "cat") { ... on Cat { one: claws two: claws } } }', [["beast", "one"], ["beast", "two"]]),
    ],
)  # fmt: skip
async def test_one_error_for_each_position_that_the_answer_has(
    operations: Operations, text: str, paths: list[list[str]]
) -> None:
    assert told(await ask(operations, text)) == paths


async def test_a_denied_field_under_a_propagated_null_is_not_told_beside_it(operations: Operations) -> None:
    """Asked before or after the field that nulls the object: the order changes nothing."""
    for fields in ("claws name", "name claws"):
        text = f'{{ beasts(names: ["nobody", "dog"]) {{ ... on Cat {{ {fields} }} ... on Dog {{ bark }} }} }}'
        response = await ask(operations, text)
        assert response.data == {"beasts": [None, {"bark": 90}]}
        assert [error["path"] for error in response.errors] == [["beasts", 0, "name"]]


async def test_each_event_of_a_subscription_is_told_of_its_own(operations: Operations) -> None:
    text = 'subscription { passing(names: ["dog", "cat", "dog"]) { ... on Cat { n: claws } ... on Dog { n: bark } } }'
    operation, context = selected(operations, text)
    answers = await operations.subscribe(operation, {}, context, SystemClock())
    assert not isinstance(answers, Response)
    assert [told(response) async for response in answers] == [[], [["passing", "n"]], []]


NODE = """
  query ($id: ID!) {
    node(id: $id) { __typename ... on Product { price { source explanation { reason } } } ... on Order { number } }
  }
"""


@pytest.mark.parametrize(
    ("scopes", "shown", "paths"),
    [
        (["order:read"], "Order", []),
        (["order:read"], "Product", [["node", "price"]]),  # and nothing of what is below it
        (["order:read", "price:read"], "Product", [["node", "price", "explanation"]]),
        (["order:read", "price:read", "price:explain"], "Product", []),
    ],
)
async def test_node_with_fragments_on_other_types(
    scopes: list[str], shown: str, paths: list[list[str]]
) -> None:
    id = node_id(shown, {"Product": product_id, "Order": order_id}[shown](0))
    found = await both(Request(NODE, None, {"id": id}), principal(ACCOUNTS[0], scopes))
    assert found.difference() is None
    assert found.breadth.data is not None and found.breadth.data["node"]["__typename"] == shown
    assert [error["path"] for error in found.breadth.errors] == paths
