"""From graphql-core's schema back to the declarations behind it."""

from graphql import GraphQLArgument, GraphQLField, GraphQLObjectType
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from resolvers.vocabulary.directives import Guard

_BEHIND = "strawberry-definition"


def strawberry_field(definition: GraphQLField) -> StrawberryField | None:
    """The field as it was declared; None for introspection's own."""
    found = (definition.extensions or {}).get(_BEHIND)
    return found if isinstance(found, StrawberryField) else None


def strawberry_argument(definition: GraphQLArgument) -> StrawberryArgument:
    """The argument as a field of ours declared it."""
    found = (definition.extensions or {})[_BEHIND]
    assert isinstance(found, StrawberryArgument)
    return found


def guard_of(thing: GraphQLField | GraphQLObjectType) -> Guard | None:
    """The directive a field or type carries; None when it carries none."""
    declared = (thing.extensions or {}).get(_BEHIND)
    if not isinstance(declared, StrawberryField | StrawberryObjectDefinition):
        return None
    guards = [directive for directive in declared.directives or () if isinstance(directive, Guard)]
    if len(guards) > 1:
        raise ValueError(f"more than one guard: {guards}")
    return guards[0] if guards else None
