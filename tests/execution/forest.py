"""A schema of what the real one has not yet: interfaces below interfaces, @oneOf arguments; and a world behind it.

Twelve types stand behind one interface, eight of them behind a second one too, and each leads to both again. What
is at fault depends on an object's number and field alone, as in `world`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import Any, cast

import strawberry

from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.contribution import Contribution
from resolvers.vocabulary.directives import AUTHENTICATED, PUBLIC, requires
from resolvers.vocabulary.fields import computed, root_field
from resolvers.vocabulary.node import represents
from schema.stitching import stitch

TYPES = 12
ROOTED = 8


@dataclass(slots=True)
class Model:
    """What stands behind every type; each type has a model of its own."""

    world: "Forest"
    number: int


MODELS: list[type[Model]] = [type(f"Model{number}", (Model,), {"__slots__": ()}) for number in range(TYPES)]


@dataclass(slots=True)
class Forest:
    """A world: objects by number. `rate`: the share of positions that are at fault."""

    seed: int
    rate: float = 0.0

    def model(self, number: int) -> Model:
        """The object of this number; its number decides its type."""
        return MODELS[self.chance("type", number).randrange(TYPES)](self, number)

    def rooted(self, number: int) -> Model:
        """One that the second interface may have."""
        return MODELS[self.chance("rooted", number).randrange(ROOTED)](self, number)

    def some(self, many: int, chance: Random) -> list[Model]:
        """Any so many objects."""
        return [self.model(chance.randrange(50)) for _ in range(many)]

    def chance(self, *key: object) -> Random:
        """Always the same random numbers for one key."""
        return Random(repr((self.seed, *key)))

    def value(self, name: str, of: Model, well: Callable[[Random], object]) -> Any:
        """The value of a field, or a fault in its place."""
        chance = self.chance(name, of.number)
        if chance.random() < self.rate:
            return chance.choice([None, ValueError(name), KeyboardInterrupt(), object(), [None], iter])
        return well(chance)


def _raised(value: object) -> object:
    if isinstance(value, Exception):
        raise value
    return value


def _computed(name: str, well: Callable[[Random], object]) -> Callable[[Model], object]:
    return lambda of: _raised(of.world.value(name, of, well))


def _next(name: str, of: Model) -> object:
    return of.world.value(name, of, lambda chance: of.world.model(chance.randrange(50)))


@strawberry.input(one_of=True, description="-")
class Kin:
    """Told in exactly one way."""

    name: strawberry.Maybe[str]
    number: strawberry.Maybe[int]
    of: strawberry.Maybe["Kin"]


@strawberry.input(description="-")
class Search:
    kin: list[Kin] | None = None
    one: Kin | None = None


@strawberry.interface(description="-")
class Being:
    number: int | None = computed(_computed("number", lambda chance: chance.randrange(9)), description="-")
    surely: int = computed(_computed("surely", lambda chance: chance.randrange(9)), description="-")
    secret: str | None = computed(
        _computed("secret", lambda chance: "s"), description="-", guard=requires("price:read")
    )
    other: "Being | None" = computed(lambda of: _next("other", of), description="-")
    stem: "Rooted | None" = computed(
        lambda of: of.world.value("stem", of, lambda chance: of.world.rooted(chance.randrange(50))),
        description="-",
        guard=AUTHENTICATED,
    )

    @batch(graphql_type=list["Being"] | None, description="-")
    async def others(beings: Sequence[Model], info: Info, first: int | None = 2) -> Sequence[Any]:
        many = max(0, min(first or 0, 3))
        return [of.world.value("others", of, partial(of.world.some, many)) for of in beings]

    @batch(graphql_type=str | None, description="-", work=lambda argument: 7)
    async def kin(
        beings: Sequence[Model], info: Info, by: Kin, search: Search | None = None
    ) -> Sequence[Any]:
        return [of.world.value("kin", of, lambda chance: f"{chance.random()} {by} {search}") for of in beings]


@strawberry.interface(description="-")
class Rooted(Being):
    root: "Rooted | None" = computed(
        lambda of: of.world.value("root", of, lambda chance: of.world.rooted(chance.randrange(50))),
        description="-",
    )


def _type(number: int) -> type:
    own = computed(_computed("own", lambda chance: f"own {number}"), description="-")
    body = {
        "__annotations__": {f"own{number}": str | None},
        f"own{number}": own,
        "is_type_of": represents(MODELS[number]),
    }
    above = Rooted if number < ROOTED else Being
    return strawberry.type(type(f"T{number}", (above,), body), description="-")


@strawberry.type
class Query:
    @root_field(type=Being | None, description="-", guard=PUBLIC)
    async def being(self, info: Info, number: int = 1) -> Any:
        return _forest(info).model(number)

    @root_field(type=list[Being | None] | None, description="-", guard=PUBLIC)
    async def beings(self, info: Info, by: Kin | None = None, all: list[Kin] | None = None) -> Any:
        return [_forest(info).model(number) for number in range(3)]

    @root_field(type=Rooted | None, description="-", guard=PUBLIC)
    async def rooted(self, info: Info, by: Kin) -> Any:
        return _forest(info).rooted(len(repr(by)))


@strawberry.type
class Mutation:
    @root_field(type=Being | None, description="-", guard=PUBLIC)
    async def grow(self, info: Info, by: Kin) -> Any:
        return _forest(info).model(len(repr(by)))


def _forest(info: Info) -> Forest:
    return cast(Forest, info.context.contexts)


@cache
def the_forest() -> strawberry.Schema:
    """The schema, made as the real one is."""
    types = [_type(number) for number in range(TYPES)]
    return stitch([Contribution(query=Query, mutation=Mutation, types=types)])
