"""Operations made from the SDL: the way to a field, and the least input that a mutation takes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from schema.authorization_table import GuardedField
from tests.api.shop import Json

LONGEST_WAY = 6

Guards = Mapping[tuple[str, str], GuardedField]


@dataclass(frozen=True, slots=True)
class Step:
    """One field on a way, and the type it is asked of: behind an interface that takes a fragment."""

    on: GraphQLObjectType
    name: str
    fragment: bool

    @property
    def field(self) -> GraphQLField:
        field: GraphQLField = self.on.fields[self.name]
        return field


Way = tuple[Step, ...]


def ways(schema: GraphQLSchema) -> dict[str, list[Way]]:
    """For each object type the ways from Query or Mutation to it, the shortest first, each type once on a way."""
    found: dict[str, list[Way]] = {}
    roots = [root for root in (schema.query_type, schema.mutation_type) if root is not None]
    queue: list[tuple[GraphQLObjectType, bool, Way]] = [(root, False, ()) for root in roots]
    while queue:
        type_, fragment, way = queue.pop(0)
        found.setdefault(type_.name, []).append(way)
        if len(way) == LONGEST_WAY or len(found[type_.name]) > 40:
            continue
        for name, field in type_.fields.items():
            named = get_named_type(field.type)
            on_the_way = {step.on.name for step in way} | {type_.name}
            for inner in _objects(schema, named):
                if inner.name not in on_the_way:
                    step = Step(type_, name, fragment)
                    queue.append((inner, isinstance(named, GraphQLInterfaceType), (*way, step)))
    return found


def _objects(schema: GraphQLSchema, type_: object) -> Iterator[GraphQLObjectType]:
    match type_:
        case GraphQLObjectType():
            yield type_
        case GraphQLInterfaceType():
            yield from schema.get_possible_types(type_)
        case _:
            pass


def open_way(candidates: list[Way], guards: Guards, scopes: frozenset[str] | None) -> tuple[Way, Step | None]:
    """A way on which nothing is denied to these scopes, or the shortest with the first step that is."""
    denied = [
        (way, next((step for step in way if not _allowed(step, guards, scopes)), None)) for way in candidates
    ]
    return next((each for each in denied if each[1] is None), denied[0])


def _allowed(step: Step, guards: Guards, scopes: frozenset[str] | None) -> bool:
    guard = guards.get((step.on.name, step.name))
    return guard is None or guard.allows(scopes)


Fill = Callable[[str, str, str], Json]
"""The value of an ID or String: of which field, what it is called, which type."""


def document(way: Way, fill: Fill, optional: Callable[[str, str], bool]) -> str:
    """An operation that goes the way and asks for nothing else. `optional`: which optional arguments to give."""
    kind = "mutation" if way[0].on.name == "Mutation" else "query"
    text = "{ __typename }"
    for step in reversed(way):
        selection = "" if is_leaf_type(get_named_type(step.field.type)) else f" {text}"
        asked = f"{step.name}{_arguments(step, fill, optional)}{selection}"
        text = f"{{ ... on {step.on.name} {{ {asked} }} }}" if step.fragment else f"{{ {asked} }}"
    return f"{kind} {text}"


def _arguments(step: Step, fill: Fill, optional: Callable[[str, str], bool]) -> str:
    coordinate = f"{step.on.name}.{step.name}"
    given = [
        f"{name}: {_literal(minimal(argument.type, fill, coordinate, name))}"
        for name, argument in step.field.args.items()
        if is_required_argument(argument) or optional(coordinate, name)
    ]
    return f"({', '.join(given)})" if given else ""


class Word(str):
    """An enum's value, which a literal spells without quotes."""

    __slots__ = ()


def minimal(type_: object, fill: Fill, coordinate: str, name: str, *, ids: bool = False) -> Json:
    """The least value of an input type; with `ids` also what is optional and an ID."""
    match type_:
        case GraphQLNonNull(of_type=inner):
            return minimal(inner, fill, coordinate, name, ids=ids)
        case GraphQLList(of_type=inner):
            return [minimal(inner, fill, coordinate, name, ids=ids)]
        case GraphQLInputObjectType():
            return {
                each: minimal(field.type, fill, coordinate, each, ids=ids)
                for each, field in type_.fields.items()
                if is_required_input_field(field) or (ids and get_named_type(field.type).name == "ID")
            }
        case GraphQLEnumType():
            return Word(next(iter(type_.values)))
        case _:
            named = get_named_type(type_).name  # type: ignore[call-overload]  # a scalar
            plain = {"Int": 1, "Float": 1, "Boolean": True, "DateTime": "2030-01-01T00:00:00Z"}
            return plain[named] if named in plain else fill(coordinate, name, named)


def _literal(value: Json) -> str:
    match value:
        case Word():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{name}: {_literal(each)}" for name, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_literal, value)) + "]"
        case bool():
            return "true" if value else "false"
        case str():
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        case _:
            return str(value)
