"""One schema from the contexts' contributions."""

from collections.abc import Sequence

import strawberry
from graphql import GraphQLError, GraphQLSchema, Undefined, build_schema, find_breaking_changes
from strawberry.printer import print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition, get_object_definition
from strawberry.types.field import StrawberryField

from resolvers import catalog, identity, orders, pricing
from resolvers.vocabulary import errors
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.contribution import Contribution, NodeFinder
from resolvers.vocabulary.directives import PUBLIC
from resolvers.vocabulary.errors import BadUserInput
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.node import Node, parse_node_id
from resolvers.vocabulary.scalars import SCALARS
from schema.one_of import tell_one_of

CONTRIBUTIONS = (identity.contribution, catalog.contribution, pricing.contribution, orders.contribution)
ERRORS = (
    errors.InvalidInputError,
    errors.NotFoundError,
    errors.ForbiddenError,
    errors.ConflictError,
    errors.VersionConflictError,
)


class StitchingError(Exception):
    """Two contexts claim the same name, or one extends a type that is not there. Found at start-up."""


def _definition(type_: type) -> StrawberryObjectDefinition:
    definition = get_object_definition(type_)
    if definition is None:
        raise StitchingError(f"{type_.__name__} is not a GraphQL type")
    return definition


def _add_fields(target: StrawberryObjectDefinition, additions: Sequence[StrawberryField]) -> None:
    taken = {field.python_name: field for field in target.fields}
    for field in additions:
        if (present := taken.get(field.python_name)) is field:
            continue  # an extended type stays extended when a process stitches a second schema
        if present is not None:
            raise StitchingError(f"{target.name}.{field.python_name} is contributed twice")
        taken[field.python_name] = field
        target.fields.append(field)


def _merge(name: str, description: str, parts: Sequence[type]) -> type | None:
    """One root type with the fields of all parts."""
    if not parts:
        return None
    root = strawberry.type(type(name, (), {}), description=description)
    for part in parts:
        _add_fields(_definition(root), _definition(part).fields)
    return root


def _node_query(finders: dict[str, NodeFinder]) -> type:
    @strawberry.type
    class Query:
        @root_field(
            type=Node | None,
            description="Any object by its id; null when there is none, or none the caller may see.",
            guard=PUBLIC,
        )
        async def node(self, info: Info, id: strawberry.ID) -> object | None:
            decoded = parse_node_id(id)
            if decoded is None or (find := finders.get(decoded.type_name)) is None:
                raise BadUserInput("`id` is not an id of this schema.")
            return await find(info, decoded.id)

    return Query


def stitch(contributions: Sequence[Contribution] = CONTRIBUTIONS) -> strawberry.Schema:
    """The schema. Contributions come in the context map's order: suppliers before consumers."""
    finders: dict[str, NodeFinder] = {}
    for contribution in contributions:
        for target, extension in contribution.extensions.items():
            _add_fields(_definition(target), _definition(extension).fields)
        if taken := finders.keys() & contribution.nodes.keys():
            raise StitchingError(f"two contexts find nodes of type {sorted(taken)}")
        finders |= contribution.nodes

    queries = [_node_query(finders), *(part.query for part in contributions if part.query)]
    query = _merge("Query", "What can be read.", queries)
    assert query is not None
    schema = strawberry.Schema(
        query=query,
        mutation=_merge(
            "Mutation",
            "What can be changed. Every answer is `{ data, meta, error }`; refusals are data.",
            [part.mutation for part in contributions if part.mutation],
        ),
        subscription=_merge(
            "Subscription",
            "What can be watched, over graphql-transport-ws.",
            [part.subscription for part in contributions if part.subscription],
        ),
        types=[*ERRORS, *(type_ for part in contributions for type_ in part.types)],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    _drop_null_defaults(schema._schema)
    tell_one_of(schema._schema)
    return schema


def _drop_null_defaults(schema: GraphQLSchema) -> None:
    """An argument that may be left out says so by its type; `= null` would only be noise in the SDL."""
    for type_ in schema.type_map.values():
        for field in getattr(type_, "fields", {}).values():
            for spec in (field, *getattr(field, "args", {}).values()):
                if getattr(spec, "default_value", Undefined) is None:
                    spec.default_value = Undefined


def sdl() -> str:
    """The schema in GraphQL's own language, as committed in graphql/schema.graphql."""
    return print_schema(stitch()) + "\n"


def breaking_changes(before: str, after: str) -> list[str]:
    """What of a change of the SDL breaks clients, a sentence each; nothing when there was no schema before."""
    try:
        old = build_schema(before)
    except GraphQLError:
        return []
    return [change.description for change in find_breaking_changes(old, build_schema(after))]
