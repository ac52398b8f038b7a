"""The schema as a whole: nothing bare, nothing undescribed, stitched without collisions, as committed."""

from pathlib import Path

import pytest
import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
)

from resolvers.catalog.types import Product
from resolvers.vocabulary.contribution import Contribution
from resolvers.vocabulary.directives import PUBLIC, Public
from resolvers.vocabulary.fields import root_field
from schema.declarations import guard_of
from schema.stitching import CONTRIBUTIONS, StitchingError, sdl, stitch

OPERATIONS = Path("graphql/operations")


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return stitch()._schema


def own_types(
    schema: GraphQLSchema,
) -> list[GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType]:
    return [
        type_
        for name, type_ in schema.type_map.items()
        if not name.startswith("__")
        and isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)
    ]


def bare_root_fields(schema: GraphQLSchema) -> list[str]:
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    return [
        f"{root.name}.{name}"
        for root in roots
        if root is not None
        for name, field in root.fields.items()
        if guard_of(field) is None
    ]


def test_no_root_field_is_bare(schema: GraphQLSchema) -> None:
    assert bare_root_fields(schema) == []


def open_fields(schema: GraphQLSchema) -> list[str]:
    """What whoever reaches an object may read of it: no guard on the field, nor on its type."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    return sorted(
        f"{type_.name}.{name}"
        for type_ in own_types(schema)
        if isinstance(type_, GraphQLObjectType) and type_ not in roots and guard_of(type_) is None
        for name, field in type_.fields.items()
        if guard_of(field) is None
    )


def test_a_new_field_without_a_directive_fails_the_build(schema: GraphQLSchema) -> None:
    """Who adds a field guards it, or adds its line here and says with it that the object's own reach is enough."""
    known = Path(__file__).with_name("open_fields.txt").read_text().splitlines()
    assert open_fields(schema) == known


def test_a_bare_root_field_would_be_found() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def forgotten(self) -> int:
            return 1

    assert bare_root_fields(stitch([Contribution(query=Query)])._schema) == ["Query.forgotten"]


def test_guarded_fields_are_nullable(schema: GraphQLSchema) -> None:
    """A denied field is null, so its type must allow null."""
    wrong = [
        f"{type_.name}.{name}"
        for type_ in own_types(schema)
        if isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items()
        if not isinstance(guard_of(field), Public | None) and isinstance(field.type, GraphQLNonNull)
    ]
    assert wrong == []


def test_everything_has_a_description(schema: GraphQLSchema) -> None:
    missing = []
    for type_ in own_types(schema):
        if not type_.description:
            missing.append(type_.name)
        for name, field in type_.fields.items():
            if not field.description:
                missing.append(f"{type_.name}.{name}")
            missing += [
                f"{type_.name}.{name}({argument})"
                for argument, spec in getattr(field, "args", {}).items()
                if argument not in {"input", "id"} and not spec.description
            ]
    for name, enum in schema.type_map.items():
        if isinstance(enum, GraphQLEnumType) and not name.startswith("__"):
            missing += [f"{name}.{value}" for value, spec in enum.values.items() if not spec.description]
    assert missing == []


def test_mutations_are_noun_then_verb_with_one_input_and_a_payload(schema: GraphQLSchema) -> None:
    assert schema.mutation_type is not None
    for name, field in schema.mutation_type.fields.items():
        payload = str(field.type).rstrip("!")
        assert payload.endswith("Payload")
        for argument, spec in field.args.items():
            assert (argument, str(spec.type)) == ("input", f"{name[0].upper()}{name[1:]}Input!") or (
                name in {"orderConfirm", "orderCancel"} and str(spec.type) == "OrderTransitionInput!"
            )


def test_the_committed_sdl_is_the_schema() -> None:
    assert Path("graphql/schema.graphql").read_text() == sdl()


def test_stitching_twice_gives_the_same_schema() -> None:
    assert sdl() == sdl()


def test_two_contexts_cannot_claim_one_root_field() -> None:
    @strawberry.type
    class Query:
        @root_field(type=int, description="Taken.", guard=PUBLIC)
        async def products(self) -> int:
            return 1

    with pytest.raises(StitchingError, match=r"Query\.products"):
        stitch([*CONTRIBUTIONS, Contribution(query=Query)])


def test_an_extension_cannot_replace_a_field() -> None:
    @strawberry.type
    class Names:
        @root_field(type=str, description="Taken.", guard=PUBLIC)
        async def name(self) -> str:
            return ""

    with pytest.raises(StitchingError, match=r"Product\.name"):
        stitch([*CONTRIBUTIONS, Contribution(extensions={Product: Names})])
