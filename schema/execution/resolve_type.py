"""ResolveAbstractType, and whether an object is of the type it is shown as."""

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError, GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema
from graphql.execution import default_type_resolver
from graphql.pyutils import inspect
from graphql.type import GraphQLAbstractType

from resolvers.vocabulary.node import Represents
from schema.execution.plan import FieldPlan


def fits_all(type_: GraphQLObjectType, values: Sequence[object]) -> bool:
    """Whether all values are known at a glance to be of the type; if not, each has to be asked."""
    is_type_of = type_.is_type_of
    if is_type_of is None:
        return True
    return isinstance(is_type_of, Represents) and all(
        issubclass(kind, is_type_of.models) for kind in set(map(type, values))
    )


def ensure_fits(type_: GraphQLObjectType, value: object, info: GraphQLResolveInfo[Any]) -> None:
    """Raises for a value that is not of the type."""
    if type_.is_type_of is not None and not type_.is_type_of(value, info):
        raise GraphQLError(f"Expected value of type '{type_}' but got: {inspect(value)}.")


def runtime_type(
    schema: GraphQLSchema,
    plan: FieldPlan,
    abstract: GraphQLAbstractType,
    value: object,
    info: GraphQLResolveInfo[Any],
) -> GraphQLObjectType:
    """The object type of a value of an interface or union; raises when it is none of the possible ones."""
    name = (abstract.resolve_type or default_type_resolver)(value, info, abstract)
    found = schema.type_map.get(name) if isinstance(name, str) else None
    if not isinstance(found, GraphQLObjectType) or not schema.is_sub_type(abstract, found):
        raise GraphQLError(
            f"Abstract type '{abstract}' must resolve to one of its Object types at runtime"
            f" for field '{plan.parent}.{plan.name}', not to {inspect(name)}."
        )
    return found
