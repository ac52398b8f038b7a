"""Declaring fields whose Python value is a context's model and whose GraphQL type says how it is shown."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import strawberry

from resolvers.vocabulary.directives import Guard

COMPUTED = "computed"
"""Metadata of a field: the plain function that answers it, for an executor that calls it directly."""

ROOT = "root"
"""Metadata of a field of Query or Mutation: the async function that answers it, for the same executor."""

WORK = "work"
"""Metadata of a field: the points it costs beside its objects, whatever is found."""

Work = Callable[[Callable[[str], object]], int]
"""Points for what a field makes the database do, told by its coerced arguments, asked for by name."""

Resolver = TypeVar("Resolver", bound=Callable[..., object])


def root_field(
    *, type: object, description: str, guard: Sequence[Guard], work: Work | None = None
) -> Callable[[Resolver], Resolver]:
    """A field of Query or Mutation. The guard is no option: what is open to all says so with PUBLIC."""

    def declare(resolver: Resolver) -> Resolver:
        field = strawberry.field(
            resolver=resolver,
            graphql_type=type,
            description=description,
            directives=list(guard),
            metadata={ROOT: resolver} if work is None else {ROOT: resolver, WORK: work},
        )
        return cast(Resolver, field)  # strawberry reads the field off the class; callers never see it

    return declare


def computed(
    by: Callable[[Any], object], *, description: str, guard: Sequence[Guard] = ()
) -> Any:  # Any: it stands in the place of an annotated attribute, whose annotation is the GraphQL type
    """A field that a plain function of the model answers, without I/O."""

    def resolve(root: object) -> object:
        return by(root)

    return strawberry.field(
        resolver=resolve, description=description, directives=list(guard), metadata={COMPUTED: by}
    )


def root_subscription(
    *, type: object, description: str, guard: Sequence[Guard]
) -> Callable[[Resolver], Resolver]:
    """A field of Subscription; its resolver is an async generator of events."""

    def declare(resolver: Resolver) -> Resolver:
        field = strawberry.subscription(
            resolver=resolver, graphql_type=type, description=description, directives=list(guard)
        )
        return cast(Resolver, field)  # strawberry reads the field off the class; callers never see it

    return declare
