"""Executing operations, on a schema of its own: what bugs look like from outside, what a batch is called with."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
import strawberry

from contexts.shared.unavailable import Unavailable
from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Contexts, Info, RequestContext
from resolvers.vocabulary.contribution import Contribution
from resolvers.vocabulary.directives import AUTHENTICATED, PUBLIC
from resolvers.vocabulary.errors import BadUserInput
from resolvers.vocabulary.fields import computed, root_field
from schema.cost import Bill
from schema.documents import Documents
from schema.execution.choice import ExecutorKind
from schema.limits import Limits
from schema.operations import Operation, Operations, Response
from schema.stitching import stitch

SECRET = "password=hunter2 at /srv/prumo/orders.py"
calls: list[tuple[int, int]] = []


@dataclass(frozen=True, slots=True)
class Brick:
    """A model."""

    weight: int | None


def _explode(root: Brick) -> int:
    raise RuntimeError(SECRET)


@strawberry.type(description="A guarded type.")
class Vault:
    """Every field of it needs a sign-in, for the type says so."""

    gold: int | None = strawberry.field(description="How much.")


@strawberry.type(description="A brick.")
class BrickType:
    """Resolved from Brick."""

    weight: int = strawberry.field(description="In grams.")
    broken: int | None = computed(_explode, description="Always a bug.")

    @batch(graphql_type=int | None, description="Weight times n.")
    async def times(bricks: Sequence[Brick], info: Info, n: int = 1) -> list[int | BaseException]:
        calls.append((len(bricks), n))
        return [BadUserInput("too heavy") if brick.weight is None else brick.weight * n for brick in bricks]

    @batch(graphql_type=int | None, description="How many of these, by a list.")
    async def among(bricks: Sequence[Brick], info: Info, weights: list[int]) -> list[int]:
        return [weights.count(brick.weight or 0) for brick in bricks]

    @batch(graphql_type=int | None, description="A bug of the whole call.")
    async def lost(bricks: Sequence[Brick], info: Info) -> list[int]:
        raise RuntimeError(SECRET)

    @batch(graphql_type=int | None, description="What needs a service that is away.")
    async def away(bricks: Sequence[Brick], info: Info, n: int = 1) -> list[int]:
        raise Unavailable("kiln", ConnectionError(SECRET))


@strawberry.type
class Query:
    @root_field(type=list[BrickType] | None, description="Bricks.", guard=PUBLIC)
    async def bricks(self, missing: bool = False) -> list[Brick]:
        return [Brick(weight) for weight in ((1, None, 3) if missing else (1, 2, 3))]

    @root_field(type=int | None, description="A bug.", guard=PUBLIC)
    async def bug(self) -> int:
        raise RuntimeError(SECRET)

    @root_field(type=int | None, description="A required argument.", guard=PUBLIC)
    async def echo(self, n: int) -> int:
        return n

    @root_field(type=Vault | None, description="Open, what it leads to is not.", guard=PUBLIC)
    async def vault(self) -> SimpleNamespace:
        return SimpleNamespace(gold=7)


@strawberry.type
class Mutation:
    @root_field(type=int | None, description="Fires a brick, if the kiln is there.", guard=PUBLIC)
    async def fire(self, info: Info, kiln: bool) -> int:
        if not kiln:
            raise Unavailable("kiln", ConnectionError(SECRET))
        calls.append((1, 1))
        return 1


@pytest.fixture(params=list(ExecutorKind), scope="module")
def operations(request: pytest.FixtureRequest) -> Operations:
    schema = stitch([Contribution(query=Query, mutation=Mutation)])
    cast(Any, Vault).__strawberry_definition__.directives = AUTHENTICATED
    return Operations(schema, Documents(schema._schema, Limits()), request.param)


async def ask(operations: Operations, text: str, **variables: object) -> Response:
    operation = operations.select(text, None, "request-1", Bill())
    assert isinstance(operation, Operation)
    context = RequestContext(cast(Contexts, None), None, "request-1", datetime.now(UTC))
    return await operations.execute(operation, variables, context)


async def test_a_bug_is_masked_and_logged_with_the_request_id(
    operations: Operations, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = await ask(operations, "{ bug bricks { broken } }")
    assert response.data == {"bug": None, "bricks": [{"broken": None}] * 3}
    assert [error["path"] for error in response.errors] == [
        ["bug"],
        ["bricks", 0, "broken"],
        ["bricks", 1, "broken"],
        ["bricks", 2, "broken"],
    ]
    assert SECRET not in str(response)
    assert {error["extensions"]["code"] for error in response.errors} == {"INTERNAL_SERVER_ERROR"}
    assert {error["extensions"]["requestId"] for error in response.errors} == {"request-1"}
    assert SECRET in caplog.text
    assert [cast(Any, record).request_id for record in caplog.records] == ["request-1"] * 4


async def test_a_bug_of_a_whole_batch_is_logged_once(
    operations: Operations, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        response = await ask(operations, "{ bricks { lost } }")
    assert len(response.errors) == 3, "each position has its error, as the specification says"
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.getMessage() == "resolver failed at ['bricks', 0, 'lost'] and 2 positions more"


async def test_a_service_that_is_away_is_one_error_and_no_data(
    operations: Operations, caplog: pytest.LogCaptureFixture
) -> None:
    response = await ask(operations, "{ bricks { weight a: away b: away(n: 2) c: away(n: 3) } }")
    (error,) = response.errors
    assert error["extensions"] == {"code": "UNAVAILABLE", "requestId": "request-1", "retryAfter": 2}
    assert (response.executed, response.retry_after) == (False, 2)
    assert [fault.service for fault in response.away] == ["kiln"]
    assert SECRET not in str(response.body())
    assert caplog.records == []


async def test_a_bug_beside_a_service_that_is_away_is_logged_all_the_same(
    operations: Operations, caplog: pytest.LogCaptureFixture
) -> None:
    response = await ask(operations, "{ bug bricks { away } }")
    assert [error["extensions"]["code"] for error in response.errors] == ["UNAVAILABLE"]
    assert [record.getMessage() for record in caplog.records] == ["resolver failed at ['bug']"]


async def test_no_mutation_is_executed_after_one_that_met_a_service_away(operations: Operations) -> None:
    """Ours; graphql-core's executor goes on, as the specification says."""
    calls.clear()
    response = await ask(
        operations, "mutation { a: fire(kiln: true) b: fire(kiln: false) c: fire(kiln: true) }"
    )
    assert [error["extensions"]["code"] for error in response.errors] == ["UNAVAILABLE"]
    assert len(calls) == (1 if operations.executor is ExecutorKind.BREADTH else 2)


async def test_one_call_for_all_objects_and_each_argument(operations: Operations) -> None:
    calls.clear()
    response = await ask(operations, "{ bricks { weight a: times(n: 2) b: times(n: 10) c: times } }")
    assert response.errors == []
    assert response.data == {"bricks": [{"weight": w, "a": w * 2, "b": w * 10, "c": w} for w in (1, 2, 3)]}
    assert sorted(calls) == [(3, 1), (3, 2), (3, 10)]


async def test_arguments_that_are_lists(operations: Operations) -> None:
    text = "query ($w: [Int!]!) { bricks { a: among(weights: [1, 1, 3]) b: among(weights: $w) } }"
    response = await ask(operations, text, w=[2])
    assert response.data == {"bricks": [{"a": 2, "b": 0}, {"a": 0, "b": 1}, {"a": 1, "b": 0}]}


async def test_an_exception_as_a_value_is_that_object_s_error(operations: Operations) -> None:
    response = await ask(operations, "{ bricks(missing: true) { times } }")
    assert response.data == {"bricks": [{"times": 1}, {"times": None}, {"times": 3}]}
    assert [(error["path"], error["message"], error["extensions"]["code"]) for error in response.errors] == [
        (["bricks", 1, "times"], "too heavy", "BAD_USER_INPUT")
    ]


async def test_a_null_where_none_may_be_nulls_the_parent(operations: Operations) -> None:
    response = await ask(operations, "{ bricks(missing: true) { weight } }")
    assert response.data == {"bricks": None}
    assert [error["path"] for error in response.errors] == [["bricks", 1, "weight"]]


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("query ($n: Int = 1) { echo(n: $n) }", {"n": None}),
        ("query ($v: Boolean = true) { echo(n: 1) @include(if: $v) }", {"v": None}),
        ("query ($v: Boolean = true) { bricks { weight @skip(if: $v) } }", {"v": None}),
    ],
)
async def test_a_null_that_no_type_rules_out_is_the_client_s_mistake(
    operations: Operations, text: str, variables: dict[str, object]
) -> None:
    response = await ask(operations, text, **variables)
    assert [error["extensions"]["code"] for error in response.errors] == ["BAD_USER_INPUT"]


async def test_a_guard_on_a_type_guards_its_fields(operations: Operations) -> None:
    response = await ask(operations, "{ vault { gold } }")
    assert response.data == {"vault": {"gold": None}}
    assert [(error["path"], error["extensions"]["code"]) for error in response.errors] == [
        (["vault", "gold"], "UNAUTHENTICATED")
    ]


async def test_the_plan_is_made_once_and_serves_other_variables(operations: Operations) -> None:
    text = "query ($v: Boolean!, $n: Int!) { bricks { b: times(n: $n) @include(if: $v) weight b: times(n: $n) } }"
    first = await ask(operations, text, v=True, n=2)
    second = await ask(operations, text, v=False, n=3)
    assert str(first.data) == str({"bricks": [{"b": w * 2, "weight": w} for w in (1, 2, 3)]})
    assert str(second.data) == str({"bricks": [{"weight": w, "b": w * 3} for w in (1, 2, 3)]})
