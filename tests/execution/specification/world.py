"""The schema of these tests, and how a document is answered by both executors."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, cast

import strawberry

from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Info, RequestContext
from resolvers.vocabulary.contribution import Contribution
from resolvers.vocabulary.directives import PUBLIC
from resolvers.vocabulary.fields import computed, root_field
from resolvers.vocabulary.node import represents
from schema.cost import Bill
from schema.operations import Response
from schema.stitching import stitch
from tests.execution.both import executors
from tests.execution.comparison import difference
from tests.execution.world import NOW

Json = Any  # Any: answers have the shape their documents give them

BOOM = ValueError("boom")


@dataclass
class Dog:
    """A model: any value behind any field."""

    value: Any = None
    owner: Any = None


@dataclass
class Cat:
    """Another."""

    value: Any = None
    owner: Any = None


@dataclass
class Human:
    """One that is no pet."""

    value: Any = None
    owner: Any = None


@dataclass(slots=True)
class Root:
    """What the root fields answer with, and what was called, in order."""

    value: Any = None
    log: list[str] = field(default_factory=list)


def _root(info: Info) -> Root:
    return cast(Root, info.context.contexts)


def _value(model: Any) -> Any:
    if isinstance(model.value, Raised):
        raise model.value.error
    return model.value


@dataclass(frozen=True, slots=True)
class Raised:
    """A value that is raised instead of returned."""

    error: Exception = BOOM


@strawberry.enum(description="-")
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.input(description="-")
class Example:
    """The specification's `ExampleInputObject`: one field that may be null, one that may not."""

    a: strawberry.Maybe[str | None]
    b: int


@strawberry.input(description="-")
class Defaulted:
    size: int = 10
    colour: Colour | None = Colour.RED
    inner: Example | None = None


@strawberry.input(one_of=True, description="-")
class OneOf:
    """The specification's `ExampleOneOfInputObject`."""

    a: strawberry.Maybe[str]
    b: strawberry.Maybe[int]


@strawberry.interface(description="-")
class Pet:
    name: str | None = computed(_value, description="-")


@strawberry.type(name="Dog", description="-")
class DogType(Pet):
    is_type_of = represents(Dog)

    barks: bool | None = computed(lambda dog: True, description="-")
    surely: str = computed(_value, description="-")
    friends: list[Pet] | None = computed(_value, description="-")
    sure_friend: Pet = computed(_value, description="-")
    owner: "HumanType | None" = strawberry.field(description="-")

    @batch(graphql_type=str, description="-")
    async def batched(dogs: Sequence[Dog], info: Info, by: int = 1) -> Sequence[Any]:
        _root(info).log.append(f"batched {len(dogs)}")
        return [BOOM if isinstance(dog.value, Raised) else dog.value for dog in dogs]


@strawberry.type(name="Cat", description="-")
class CatType(Pet):
    is_type_of = represents(Cat)

    meows: bool | None = computed(lambda cat: True, description="-")


@strawberry.type(name="Human", description="-")
class HumanType:
    is_type_of = represents(Human)

    name: str | None = computed(_value, description="-")
    surely: str = computed(_value, description="-")


Animal = Annotated[DogType | CatType, strawberry.union("Animal", description="-")]


def _answers(kind: object) -> Any:
    @root_field(type=kind, description="-", guard=PUBLIC)
    async def resolve(self: object, info: Info) -> Any:
        value = _root(info).value
        if isinstance(value, Raised):
            raise value.error
        return value

    return resolve


def _echoes(kind: Any, default: Any = strawberry.UNSET) -> Any:
    """A field that shows what its one argument was coerced to; "absent" when there was none."""

    async def resolve(self: object, info: Info, value: Any = default) -> str:
        _root(info).log.append("echo")
        return "absent" if value is strawberry.UNSET else repr(value)

    async def required(self: object, info: Info, value: Any) -> str:
        _root(info).log.append("echo")
        return repr(value)

    made = required if default is REQUIRED else resolve
    made.__annotations__["value"] = kind
    return root_field(type=str | None, description="-", guard=PUBLIC)(made)


REQUIRED = object()


@strawberry.type
class Query:
    int_value: int | None = _answers(int | None)
    float_value: float | None = _answers(float | None)
    text: str | None = _answers(str | None)
    flag: bool | None = _answers(bool | None)
    id_value: strawberry.ID | None = _answers(strawberry.ID | None)
    colour: Colour | None = _answers(Colour | None)
    decimal: Decimal | None = _answers(Decimal | None)
    moment: datetime | None = _answers(datetime | None)
    surely: int = _answers(int)
    numbers: list[int | None] | None = _answers(list[int | None] | None)
    sure_items: list[int] | None = _answers(list[int] | None)
    sure_numbers: list[int] = _answers(list[int])
    sure_list: list[int | None] = _answers(list[int | None])
    nested: list[list[int | None] | None] | None = _answers(list[list[int | None] | None] | None)
    dog: DogType | None = _answers(DogType | None)
    sure_dog: DogType = _answers(DogType)
    pet: Pet | None = _answers(Pet | None)
    animal: Animal | None = _answers(Animal | None)
    pets: list[Pet | None] | None = _answers(list[Pet | None] | None)

    of_int: str | None = _echoes(int | None)
    of_float: str | None = _echoes(float | None)
    of_text: str | None = _echoes(str | None)
    of_flag: str | None = _echoes(bool | None)
    of_id: str | None = _echoes(strawberry.ID | None)
    of_colour: str | None = _echoes(Colour | None)
    of_decimal: str | None = _echoes(Decimal | None)
    of_moment: str | None = _echoes(datetime | None)
    of_list: str | None = _echoes(list[int | None] | None)
    of_sure_items: str | None = _echoes(list[int] | None)
    of_nested: str | None = _echoes(list[list[int | None] | None] | None)
    of_example: str | None = _echoes(Example | None)
    of_defaulted: str | None = _echoes(Defaulted | None)
    of_one_of: str | None = _echoes(OneOf | None)
    of_sure_one_of: str | None = _echoes(OneOf, REQUIRED)
    of_one_ofs: str | None = _echoes(list[OneOf] | None)
    required: str | None = _echoes(int, REQUIRED)
    defaulted: str | None = _echoes(int | None, 7)
    sure_defaulted: str | None = _echoes(int, 7)

    @root_field(type=int | None, description="-", guard=PUBLIC)
    async def slow(self, info: Info, name: str) -> int:
        _root(info).log.append(f"{name} begins")
        await asyncio.sleep(0)
        _root(info).log.append(f"{name} ends")
        return 1


@strawberry.type(description="-")
class Counter:
    number: int = strawberry.field(description="-")


@strawberry.type
class Mutation:
    @root_field(type=int | None, description="-", guard=PUBLIC)
    async def step(self, info: Info, name: str, fails: bool = False) -> int:
        _root(info).log.append(f"{name} begins")
        await asyncio.sleep(0)
        if fails:
            raise BOOM
        _root(info).log.append(f"{name} ends")
        return len(_root(info).log)

    @root_field(type=int, description="-", guard=PUBLIC)
    async def sure_step(self, info: Info, name: str, fails: bool = False) -> Any:
        _root(info).log.append(name)
        return None if fails else 1

    @root_field(type=Counter, description="-", guard=PUBLIC)
    async def count(self, info: Info) -> Counter:
        _root(info).log.append("counted")
        return Counter(number=_root(info).log.count("counted"))


SCHEMA = stitch([Contribution(query=Query, mutation=Mutation, types=[DogType, CatType])])
PAIR = executors(SCHEMA)


@dataclass(frozen=True, slots=True)
class Answer:
    """What both executors answered, alike."""

    response: Response
    log: list[str]

    @property
    def data(self) -> Json:
        return self.response.data

    @property
    def paths(self) -> list[Json]:
        """The paths of the errors, in a certain order."""
        return sorted((error.get("path") for error in self.response.errors), key=repr)

    @property
    def codes(self) -> set[str]:
        return {error["extensions"]["code"] for error in self.response.errors}

    @property
    def is_request_error(self) -> bool:
        """Refused before anything was executed: no `data` in the answer, no path in an error."""
        body = self.response.body()
        return (
            "data" not in body
            and bool(body["errors"])
            and not any("path" in each for each in body["errors"])
            and not self.log
        )


async def answered(
    text: str, value: object = None, operation_name: str | None = None, /, **variables: Json
) -> Answer:
    """The answer to a document; `value` is what the root fields answer with."""
    responses: list[Response] = []
    roots = Root(value), Root(value)
    for operations, root in zip(PAIR, roots, strict=True):
        context = RequestContext(cast(Any, root), None, "request", NOW)
        found = operations.select(text, operation_name, "request", Bill())
        if not isinstance(found, Response):
            # The document is new to one of the executors only.
            found = await operations.execute(replace(found, bill=Bill()), variables, context)
        responses.append(found)
    assert (found_difference := difference(*responses)) is None, found_difference
    assert sorted(roots[0].log) == sorted(roots[1].log) or any("batched" in each for each in roots[0].log)
    return Answer(responses[1], roots[1].log)


async def echoed(name: str, literal: str, **variables: Json) -> str | None:
    """What an argument literal was coerced to; None when the request was refused."""
    found = await answered(f"{{ {name}(value: {literal}) }}", **variables)
    if found.is_request_error:
        return None
    assert not found.response.errors, found.response.errors
    return cast(str, found.data[name])


async def sent(name: str, type_: str, value: Json) -> str | None:
    """What a variable's value was coerced to; None when the request was refused."""
    found = await answered(f"query ($v: {type_}) {{ {name}(value: $v) }}", v=value)
    if found.is_request_error:
        return None
    assert not found.response.errors, found.response.errors
    return cast(str, found.data[name])
