"""Batch resolvers: a field that needs more than an attribute is resolved once for all parents of a level.

    @batch(graphql_type=ResolvedPrice | None, description="…")
    async def price(products: Sequence[catalog.Product], info: Info, quantity: Decimal | None = None) -> Sequence[…]

The function takes all parents and answers with as many values in the same order; an exception *as a value* is one
object's error, and a RefusedArgument that is raised is one for all of them. The function itself is kept in the field's
metadata under BATCH for an executor that works level by level; for graphql-core's, which resolves one object at a
time, a loader is derived here.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Concatenate, ParamSpec, TypeVar, cast

import strawberry
from strawberry.dataloader import DataLoader
from strawberry.types.field import StrawberryField

from resolvers.vocabulary.asked import Interrupted
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import Guard
from resolvers.vocabulary.errors import RefusedArgument
from resolvers.vocabulary.fields import WORK, Work

Parent = TypeVar("Parent")
Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")

BATCH = "batch"

BatchResolver = Callable[
    Concatenate[Sequence[Parent], Info, Arguments], Awaitable[Sequence[Value | BaseException]]
]


def batch(
    *, graphql_type: object, description: str, guard: Sequence[Guard] = (), work: Work | None = None
) -> Callable[[BatchResolver[Parent, Arguments, Value]], StrawberryField]:
    """Declare a field by its batch resolver; `graphql_type` is the type of one value in the SDL."""

    def declare(resolve_all: BatchResolver[Parent, Arguments, Value]) -> StrawberryField:
        async def resolve_one(root: Parent, info: Info, **arguments: object) -> Value:
            async def load(parents: list[Parent]) -> Sequence[Value | Exception]:
                # The loader hands on what is an Exception, and leaves everybody waiting for ever for anything else.
                try:
                    values = await resolve_all(parents, info, **arguments)  # type: ignore[call-arg, arg-type]  # the signature below says they fit
                except RefusedArgument as error:
                    error.of_every_object = True
                    raise
                except asyncio.CancelledError as error:
                    raise Interrupted(f"{resolve_all.__qualname__} was cancelled") from error
                return [as_error(value) if isinstance(value, BaseException) else value for value in values]

            key = (resolve_all, _frozen(arguments))
            # No cache: parents are compared by identity, two equal rows are two positions.
            loader: DataLoader[Parent, Value] = info.context.loader(
                key, lambda: DataLoader(load, cache=False)
            )
            return await loader.load(root)

        signature = inspect.signature(resolve_all)
        _, info_parameter, *arguments = signature.parameters.values()
        root = inspect.Parameter("root", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        resolve_one.__signature__ = signature.replace(  # type: ignore[attr-defined]  # read by inspect, unknown to typing
            parameters=[root, info_parameter, *arguments], return_annotation=graphql_type
        )
        resolve_one.__name__ = resolve_all.__name__
        resolve_one.__module__ = resolve_all.__module__
        return cast(
            StrawberryField,
            strawberry.field(
                resolver=cast(Callable[..., object], resolve_one),
                description=description,
                directives=list(guard),
                metadata={BATCH: resolve_all} if work is None else {BATCH: resolve_all, WORK: work},
            ),
        )

    return declare


def as_error(value: BaseException) -> Exception:
    """The error that an exception *as a value* stands for, as a future or a response can have it.

    A cancellation that is returned is nobody's cancellation, and a StopIteration ends nothing: they are bugs.
    """
    if isinstance(value, Exception) and not isinstance(value, StopIteration):
        return value
    return TypeError(f"Unexpected error value: {value!r}")


def _frozen(value: object) -> Hashable:
    """Something hashable that is equal exactly for equal arguments: lists and input objects are not."""
    if isinstance(value, Mapping):
        return tuple((name, _frozen(each)) for name, each in sorted(value.items()))
    if isinstance(value, list | tuple):
        return tuple(_frozen(each) for each in value)
    if isinstance(value, strawberry.Some):
        return strawberry.Some, _frozen(value.value)
    if is_dataclass(value):
        return type(value), _frozen(vars(value))
    assert isinstance(value, Hashable)
    return value
