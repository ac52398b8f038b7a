"""ResolveFieldValue, for all objects of a level at once: a field's column of values.

A value that could not be resolved is the exception itself, in its place.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from operator import attrgetter
from typing import Any, TypeVar

from graphql import GraphQLField, GraphQLObjectType, GraphQLResolveInfo, get_nullable_type, is_leaf_type
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument, convert_argument
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

from contexts.shared.tracing import span
from resolvers.vocabulary.batch import BATCH
from resolvers.vocabulary.errors import RefusedArgument
from resolvers.vocabulary.fields import COMPUTED, ROOT
from schema.declarations import strawberry_argument, strawberry_field

Column = list[Any]  # Any: one field's values, of whatever the contexts' models hold
Result = TypeVar("Result")
Arguments = Mapping[str, Any]  # Any: coerced by GraphQL, of the types the resolver declares


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of the model, or a plain function of it: no I/O, no arguments."""

    of: Callable[[Any], object]

    def column(self, objects: Sequence[object]) -> Column:
        """One value for each object."""
        try:
            values = list(map(self.of, objects))
        except Exception:
            values = []
        # A short column is one that failed too: `map` takes a StopIteration for the end of the objects.
        return values if len(values) == len(objects) else [_attempt(self.of, each) for each in objects]


@dataclass(frozen=True, slots=True)
class Constant:
    """The same for every object: `__typename`."""

    value: str

    def column(self, objects: Sequence[object]) -> Column:
        """One value for each object."""
        return [self.value] * len(objects)


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a resolver, by the names their arguments have in GraphQL."""

    names: Mapping[str, str]
    made: Mapping[str, StrawberryArgument]
    """Those whose coerced value has yet to be made into an input object, or a list of one's own."""

    @classmethod
    def of(cls, definition: GraphQLField) -> "Parameters":
        """Of a field that strawberry declared."""
        declared = {name: strawberry_argument(argument) for name, argument in definition.args.items()}
        return cls(
            {name: argument.python_name for name, argument in declared.items()},
            {
                name: argument
                for name, argument in declared.items()
                if not is_leaf_type(get_nullable_type(definition.args[name].type))
            },
        )

    def keywords(self, coerced: Arguments, converter: GraphQLCoreConverter, info: Info) -> Arguments:
        """What the resolver is called with."""
        return {
            self.names[name]: value
            if name not in self.made
            else convert_argument(
                value, self.made[name].type, converter.scalar_registry, converter.config, info, path=(name,)
            )
            for name, value in coerced.items()
        }


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch resolver: called once with all objects. `name`: the field's place in the schema, `Product.price`."""

    name: str
    resolve_all: Callable[..., Awaitable[Sequence[object]]]
    field: StrawberryField
    parameters: Parameters

    async def column(self, objects: Sequence[object], info: Info, arguments: Arguments) -> Column:
        """One value for each object; if the call fails, it fails for each."""
        try:
            with span(self.name, {"prumo.objects": len(objects)}):
                values = list(await self.resolve_all(objects, info, **arguments))
        except RefusedArgument as error:
            error.of_every_object = True
            return [error] * len(objects)
        except Exception as error:
            return [error] * len(objects)
        if len(values) != len(objects):
            wrong = f"{self.field.name} answered with {len(values)} values for {len(objects)} objects"
            return [RuntimeError(wrong)] * len(objects)
        return values


@dataclass(frozen=True, slots=True)
class AtRoot:
    """The resolver of a field of Query or Mutation, where there is one object."""

    resolve: Callable[..., Awaitable[object]]
    field: StrawberryField
    parameters: Parameters

    async def column(self, objects: Sequence[object], info: Info, arguments: Arguments) -> Column:
        """One value."""
        return [await _outcome(self.resolve(each, info, **arguments)) for each in objects]


@dataclass(frozen=True, slots=True)
class PerObject:
    """Any other resolver, called as graphql-core would: introspection's, above all.

    `awaits`: it may answer with an awaitable.
    """

    resolve: Callable[..., object]
    awaits: bool

    def column(
        self, objects: Sequence[object], info: GraphQLResolveInfo[Any], arguments: Arguments
    ) -> Column:
        """One value, or awaitable of one, for each object."""
        return [_attempt(self.resolve, each, info, **arguments) for each in objects]

    async def settled(self, values: Column) -> Column:
        """The values, those that have to be awaited awaited together."""
        waiting = [index for index, value in enumerate(values) if isawaitable(value)]
        if len(waiting) == 1:
            values[waiting[0]] = await _outcome(values[waiting[0]])
        elif waiting:
            outcomes = await all_of(_outcome(values[index]) for index in waiting)
            for index, outcome in zip(waiting, outcomes, strict=True):
                values[index] = outcome
        return values


FieldResolver = Attribute | Constant | Batch | AtRoot | PerObject


def field_resolver(parent: GraphQLObjectType, name: str, definition: GraphQLField) -> FieldResolver:
    """How a field is resolved, told by how it was declared."""
    if name == "__typename":
        return Constant(parent.name)
    declared = strawberry_field(definition)
    if declared is None:
        assert definition.resolve is not None or parent.name.startswith("__")
        return PerObject(definition.resolve or _own_attribute(name), awaits=False)
    if (resolve_all := declared.metadata.get(BATCH)) is not None:
        return Batch(f"{parent.name}.{name}", resolve_all, declared, Parameters.of(definition))
    if (resolve := declared.metadata.get(ROOT)) is not None and _takes_info(declared):
        return AtRoot(resolve, declared, Parameters.of(definition))
    if (function := declared.metadata.get(COMPUTED)) is not None:
        return Attribute(function)
    if declared.is_basic_field and declared.python_name is not None:
        return Attribute(attrgetter(declared.python_name))
    assert definition.resolve is not None
    return PerObject(definition.resolve, awaits=True)


def _takes_info(declared: StrawberryField) -> bool:
    return declared.base_resolver is not None and declared.base_resolver.info_parameter is not None


def _own_attribute(name: str) -> Callable[..., object]:
    def resolve(source: object, info: object) -> object:
        value = getattr(source, name, None)
        return value(info) if callable(value) else value

    return resolve


def _attempt(function: Callable[..., object], *arguments: object, **named: object) -> object:
    try:
        return function(*arguments, **named)
    except Exception as error:
        return error


async def all_of(awaitables: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """The results of all, awaited together.

    Errors are values by now. What is raised ends the operation, a cancellation above all, and then nothing of it
    may go on: the others are cancelled, and have ended when this does.
    """
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raise


async def _outcome(awaitable: Awaitable[object]) -> object:
    try:
        return await awaitable
    except Exception as error:
        return error
