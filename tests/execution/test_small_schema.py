"""The algorithms one by one, on a schema of their own: each answer is written down and both executors give it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from random import Random
from types import MappingProxyType
from typing import Annotated, Any, cast

import pytest
import strawberry

from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Info, RequestContext
from resolvers.vocabulary.fields import computed
from resolvers.vocabulary.node import represents
from schema.operations import Response
from tests.execution.both import executors, run
from tests.execution.comparison import difference
from tests.execution.documents import Request
from tests.execution.world import NOW

BOOM = ValueError("boom")
Json = Any  # Any: answers have the shape their documents give them


@dataclass
class Leafy:
    """A model: any value behind any field."""

    number: Any = 1
    below: Any = None


@dataclass
class Bushy:
    """Another model."""

    number: Any = 1


class Log(list[str]):
    """What was called, in order."""


def _number(root: Leafy) -> object:
    return root.number


def _stops(root: Leafy) -> object:
    return next(each for each in [1, 2, 3] if each == root.number)


@strawberry.interface
class Plant:
    number: int | None = computed(_number, description="-")


@strawberry.type
class Leaf(Plant):
    is_type_of = represents(Leafy)

    number: int | None = computed(_number, description="-")
    surely: int = computed(_number, description="-")
    stops: int | None = computed(_stops, description="-")
    below: "Leaf | None" = strawberry.field(description="-")

    @batch(graphql_type=int, description="-")
    async def counted(plants: Sequence[Leafy], info: Info, by: int = 1) -> Sequence[int | None]:
        _log(info).append(f"counted {len(plants)}")
        return [plant.number if plant.number is None else plant.number * by for plant in plants]

    @batch(graphql_type=int | None, description="-")
    async def answered(plants: Sequence[Leafy], info: Info, how: str) -> Sequence[int | BaseException]:
        match how:
            case "raises":
                raise BOOM
            case "short":
                return [1] * (len(plants) - 1)
            case "long":
                return [1] * (len(plants) + 1)
            case "not at all":
                return cast(Sequence[int], None)
            case _:
                return [BOOM if plant.number == 2 else plant.number for plant in plants]


@strawberry.type
class Bush(Plant):
    is_type_of = represents(Bushy)

    number: int | None = computed(_number, description="-")
    thorns: int = computed(_number, description="-")


Growth = Annotated[Leaf | Bush, strawberry.union("Growth", description="-")]


@dataclass(slots=True)
class Root:
    """What the root fields answer with."""

    value: Any
    log: Log = field(default_factory=Log)


def _log(info: Info) -> Log:
    return cast(Root, info.context.contexts).log


def _root(kind: object) -> Any:
    async def resolve(info: Info) -> object:
        return cast(Root, info.context.contexts).value

    return strawberry.field(resolver=resolve, graphql_type=kind, description="-")


@strawberry.type
class Query:
    nn: list[list[int]] = _root(list[list[int]])
    no: list[list[int | None]] = _root(list[list[int | None]])
    on: list[list[int] | None] = _root(list[list[int] | None])
    oo: list[list[int | None] | None] = _root(list[list[int | None] | None])
    opt_nn: list[list[int]] | None = _root(list[list[int]] | None)
    opt_no: list[list[int | None]] | None = _root(list[list[int | None]] | None)
    opt_on: list[list[int] | None] | None = _root(list[list[int] | None] | None)
    opt_oo: list[list[int | None] | None] | None = _root(list[list[int | None] | None] | None)
    leaves: list[list[Leaf]] | None = _root(list[list[Leaf]] | None)
    open_leaves: list[list[Leaf | None] | None] | None = _root(list[list[Leaf | None] | None] | None)
    plants: list[Plant | None] | None = _root(list[Plant | None] | None)
    sure_plants: list[Plant] | None = _root(list[Plant] | None)
    growths: list[Growth | None] | None = _root(list[Growth | None] | None)


@strawberry.type
class Mutation:
    @strawberry.field(description="-")  # type: ignore[untyped-decorator]  # strawberry leaves it open
    async def step(self, info: Info, name: str, fails: bool = False) -> int | None:
        _log(info).append(f"{name} begins")
        if fails:
            raise ValueError(name)
        _log(info).append(f"{name} ends")
        return len(name)

    @strawberry.field(description="-")  # type: ignore[untyped-decorator]  # strawberry leaves it open
    async def sure_step(self, info: Info, name: str, fails: bool = False) -> int:
        _log(info).append(name)
        return cast(int, None) if fails else len(name)


PAIR = executors(strawberry.Schema(query=Query, mutation=Mutation, types=[Leaf, Bush]))
LISTS = ["nn", "no", "on", "oo", "optNn", "optNo", "optOn", "optOo"]


async def answers(text: str, value: object, **variables: Json) -> tuple[Response, Root, Root]:
    """Our answer, after graphql-core's was found equal; and what each executor called: ours, theirs."""
    request = Request(text, None, variables)
    roots = Root(value), Root(value)
    stock, breadth = [
        await run(operations, request, RequestContext(cast(Any, root), None, "request", NOW))
        for operations, root in zip(PAIR, roots, strict=True)
    ]
    assert (found := difference(stock, breadth)) is None, found
    return breadth, roots[1], roots[0]


def paths(response: Response) -> list[Json]:
    return sorted((error["path"] for error in response.errors), key=repr)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("nn", None),
        ("no", [[1, None], [2]]),
        ("on", [None, [2]]),
        ("optNn", None),
        ("optOn", [None, [2]]),
    ],
)
@pytest.mark.parametrize("missing", [None, BOOM, "seven"])
async def test_null_propagates_through_nested_lists(name: str, data: Json, missing: object) -> None:
    found, _, _ = await answers(f"{{ {name} }}", [[1, missing], [2]])
    assert found.data == (None if name == "nn" else {name: data})
    failed = name not in {"no"} or missing is not None
    assert paths(found) == ([[name, 0, 1]] if failed else [])


@pytest.mark.parametrize("missing", [None, BOOM, 7, "text", {}, bytearray(b"x"), MappingProxyType({1: 1})])
async def test_a_list_that_is_none(missing: object) -> None:
    found, _, _ = await answers("{ on optNo }", [[1], missing])
    assert found.data == {"on": [[1], None], "optNo": None}
    assert paths(found) == ([] if missing is None else [["on", 1]]) + [["optNo", 1]]


async def test_any_nested_value_in_any_nested_list() -> None:
    random = Random(1)
    item: list[Any] = [1, 1, 1, 2, None, BOOM, "x", 2**40]

    def nested() -> Any:
        inner = [item[random.randrange(len(item))] for _ in range(random.randrange(4))]
        return random.choice([inner, inner, inner, tuple(inner), None, BOOM, 7])

    for _ in range(60):
        value = random.choice([[nested() for _ in range(random.randrange(4))], None, BOOM, iter])
        for name in LISTS:
            await answers(f"{{ {name} }}", value)
        await answers("{ optNn optNo optOn optOo __typename }", value)


async def test_objects_in_nested_lists() -> None:
    value = [[Leafy(1), Leafy(None, Leafy(3))], [], [Leafy(4)]]
    found, ours, _ = await answers(
        "{ leaves { number below { surely } } openLeaves { counted(by: 2) } }", value
    )
    assert found.data == {
        "leaves": [
            [{"number": 1, "below": None}, {"number": None, "below": {"surely": 3}}],
            [],
            [{"number": 4, "below": None}],
        ],
        "openLeaves": [[{"counted": 2}, None], [], [{"counted": 8}]],
    }
    assert paths(found) == [["openLeaves", 0, 1, "counted"]]
    assert ours.log == ["counted 3"]


async def test_an_object_of_another_model_is_an_error() -> None:
    value = [[Leafy(1, Bushy()), Leafy(2, Leafy(3)), Bushy()]]
    found, _, _ = await answers("{ openLeaves { below { number } } leaves { __typename } }", value)
    assert found.data == {
        "openLeaves": [[{"below": None}, {"below": {"number": 3}}, None]],
        "leaves": None,
    }
    assert paths(found) == [["leaves", 0, 2], ["openLeaves", 0, 0, "below"], ["openLeaves", 0, 2]]


async def test_a_non_null_field_takes_its_list_along() -> None:
    value = [[Leafy(1)], [Leafy(None), Leafy(None)]]
    found, _, _ = await answers("{ leaves { surely } openLeaves { below { surely } surely } }", value)
    assert found.data == {"leaves": None, "openLeaves": [[{"below": None, "surely": 1}], [None, None]]}
    below_nulls = [["leaves", 1, 0, "surely"], ["leaves", 1, 1, "surely"]]
    assert paths(found) == [*below_nulls, ["openLeaves", 1, 0, "surely"], ["openLeaves", 1, 1, "surely"]]


@pytest.mark.parametrize("how", ["raises", "short", "long", "not at all", "one fails"])
async def test_a_batch_that_fails_and_one_value_that_does(how: str) -> None:
    text = "query ($how: String!) { leaves { number answered(how: $how) } }"
    found, _, _ = await answers(text, [[Leafy(1), Leafy(2)], [Leafy(3)]], how=how)
    expected = [1, None, 3] if how == "one fails" else [None, None, None]
    assert found.data is not None
    assert [leaf["answered"] for each in found.data["leaves"] for leaf in each] == expected
    failed = [["leaves", 0, 0], ["leaves", 0, 1], ["leaves", 1, 0]]
    failed = failed[1:2] if how == "one fails" else failed
    assert paths(found) == [[*place, "answered"] for place in failed]


async def test_a_stop_iteration_is_one_objects_error() -> None:
    value = [[Leafy(1), Leafy(7), Leafy(3)]]  # once taken for the end of the column
    found, _, _ = await answers("{ leaves { stops } }", value)
    assert found.data == {"leaves": [[{"stops": 1}, {"stops": None}, {"stops": 3}]]}
    assert paths(found) == [["leaves", 0, 1, "stops"]]


@pytest.mark.parametrize(("name", "number"), [("plants", "number"), ("growths", "... on Plant { number }")])
async def test_abstract_types_keep_their_places(name: str, number: str) -> None:
    value = [Bushy(1), Leafy(2), None, Bushy(None), object(), Leafy(5), Leafy(None), BOOM]
    selected = f"__typename {number} ... on Bush {{ thorns }} ... on Leaf {{ counted }}"
    found, ours, _ = await answers(f"{{ {name} {{ {selected} }} }}", value)
    assert found.data == {
        name: [
            {"__typename": "Bush", "number": 1, "thorns": 1},
            {"__typename": "Leaf", "number": 2, "counted": 2},
            None,
            None,
            None,
            {"__typename": "Leaf", "number": 5, "counted": 5},
            None,
            None,
        ]
    }
    assert paths(found) == [[name, 3, "thorns"], [name, 4], [name, 6, "counted"], [name, 7]]
    assert ours.log == ["counted 3"]


async def test_a_list_that_must_be_whole_falls_for_one_of_another_type() -> None:
    found, _, _ = await answers("{ surePlants { number } plants { number } }", [Leafy(1), object()])
    assert found.data == {"surePlants": None, "plants": [{"number": 1}, None]}
    assert paths(found) == [["plants", 1], ["surePlants", 1]]


@pytest.mark.parametrize(("first", "second"), list(product([True, False], repeat=2)))
async def test_the_order_of_keys_depends_on_the_variables(first: bool, second: bool) -> None:
    text = """
      query ($a: Boolean!, $b: Boolean!) {
        opt: optNn @include(if: $a)
        ... @skip(if: $b) { __typename }
        oo
        ...Last @include(if: $a)
        opt: optNn
        ...Last
      }
      fragment Last on Query { on __typename @include(if: $b) }
    """
    found, _, _ = await answers(text, [[1]], a=first, b=second)
    assert found.data is not None
    keys = [*(["opt"] if first else []), *([] if second else ["__typename"]), "oo"]
    if first:
        keys += ["on", *(["__typename"] if second else [])]
    else:
        keys += ["opt", "on", *(["__typename"] if second else [])]
    assert list(found.data) == keys


async def test_mutations_run_one_after_the_other() -> None:
    found, ours, theirs = await answers(
        'mutation { b: step(name: "b") a: step(name: "aa", fails: true) c: step(name: "c") }', None
    )
    assert ours.log == theirs.log == ["b begins", "b ends", "aa begins", "c begins", "c ends"]
    assert found.data == {"b": 1, "a": None, "c": 1} and paths(found) == [["a"]]


async def test_a_mutation_without_its_non_null_answer_ends_the_operation() -> None:
    text = 'mutation { a: step(name: "a") b: sureStep(name: "b", fails: true) c: step(name: "c") }'
    found, ours, theirs = await answers(text, None)
    assert ours.log == theirs.log == ["a begins", "a ends", "b"]
    assert found.executed and found.data is None and paths(found) == [["b"]]
