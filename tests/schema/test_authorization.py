"""Authority by directive: which positions of an operation are denied, to whom, under which variables."""

from uuid import UUID

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, parse, validate

from contexts.identity.api import Principal
from schema import authorization
from schema.execution.collect_fields import plan_operation
from schema.stitching import stitch


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return stitch()._schema


def principal(*scopes: str) -> Principal:
    return Principal(UUID(int=1), UUID(int=2), None, frozenset(), frozenset(scopes))


BUYER = principal("price:read", "order:read", "cart:write")


def denials(
    schema: GraphQLSchema, text: str, who: Principal | None, **variables: object
) -> list[tuple[list[str | int] | None, object]]:
    document = parse(text)
    assert validate(schema, document) == []
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    found = authorization.denials(plan_operation(schema, document, operation), who, variables)
    return [(error.path, (error.extensions or {})["code"]) for error in found.positions.values()]


def test_one_error_per_position_with_response_keys(schema: GraphQLSchema) -> None:
    text = "{ shelf: products { nodes { sku cost: price { source } } edges { node { price { source } } } } }"
    assert denials(schema, text, None) == [
        (["shelf", "nodes", "cost"], "UNAUTHENTICATED"),
        (["shelf", "edges", "node", "price"], "UNAUTHENTICATED"),
    ]
    assert denials(schema, text, principal("catalog:write")) == [
        (["shelf", "nodes", "cost"], "FORBIDDEN"),
        (["shelf", "edges", "node", "price"], "FORBIDDEN"),
    ]
    assert denials(schema, text, BUYER) == []


def test_each_guard_is_looked_at_by_itself(schema: GraphQLSchema) -> None:
    """What lies below a denied position is never met: tests/execution/test_denials.py."""
    text = "{ products { nodes { price { source explanation { reason } } } } }"
    paths = [["products", "nodes", "price"], ["products", "nodes", "price", "explanation"]]
    assert denials(schema, text, None) == [(path, "UNAUTHENTICATED") for path in paths]
    assert denials(schema, text, BUYER) == [(paths[1], "FORBIDDEN")]


def test_signed_in_is_enough_for_authenticated(schema: GraphQLSchema) -> None:
    text = "{ products { nodes { availability { status available } } } }"
    path = ["products", "nodes", "availability", "available"]
    assert denials(schema, text, None) == [(path, "UNAUTHENTICATED")]
    assert denials(schema, text, principal()) == []


def test_the_outer_list_is_or(schema: GraphQLSchema) -> None:
    text = 'mutation { orderCancel(input: { id: "x", idempotencyKey: "k" }) { meta { requestId } } }'
    assert denials(schema, text, principal("order:cancel")) == []
    assert denials(schema, text, principal("order:manage")) == []
    assert denials(schema, text, principal("order:read")) == [(["orderCancel"], "FORBIDDEN")]


def test_fragments_hide_nothing(schema: GraphQLSchema) -> None:
    text = """
      { products { ...Page } }
      fragment Page on ProductConnection { nodes { ...Card ... on Node { ... on Product { p2: price { source } } } } }
      fragment Card on Product { ... { price { source } } }
    """
    assert denials(schema, text, None) == [
        (["products", "nodes", "price"], "UNAUTHENTICATED"),
        (["products", "nodes", "p2"], "UNAUTHENTICATED"),
    ]


def test_behind_an_interface_each_possible_type_counts(schema: GraphQLSchema) -> None:
    text = '{ node(id: "x") { id ... on Product { price { source } } ... on Order { number } } }'
    assert denials(schema, text, None) == [(["node", "price"], "UNAUTHENTICATED")]


@pytest.mark.parametrize(
    ("directive", "show", "hide"),
    [("@include(if: $v)", True, False), ("@skip(if: $v)", False, True)],
)
def test_skip_and_include_are_read_per_request(
    schema: GraphQLSchema, directive: str, show: bool, hide: bool
) -> None:
    expected = [(["products", "nodes", "price"], "UNAUTHENTICATED")]
    for text in (
        f"query ($v: Boolean!) {{ products {{ nodes {{ sku price {directive} {{ source }} }} }} }}",
        f"query ($v: Boolean!) {{ products {{ nodes {{ sku ... {directive} {{ price {{ source }} }} }} }} }}",
        f"query ($v: Boolean!) {{ categories {{ id }} products {directive} {{ nodes {{ price {{ source }} }} }} }}",
        f"query ($v: Boolean!) {{ products {{ nodes {{ sku ...F {directive} }} }} }}"
        " fragment F on Product { price { source } }",
    ):
        assert denials(schema, text, None, v=show) == expected
        assert denials(schema, text, None, v=hide) == []


def test_a_position_asked_for_twice_is_there_if_either_is(schema: GraphQLSchema) -> None:
    text = """query ($a: Boolean!, $b: Boolean!) {
      products { nodes { sku price @include(if: $a) { source } ...F @include(if: $b) } }
    } fragment F on Product { price { source } }"""
    expected = [(["products", "nodes", "price"], "UNAUTHENTICATED")]
    assert denials(schema, text, None, a=False, b=False) == []
    assert denials(schema, text, None, a=True, b=False) == expected
    assert denials(schema, text, None, a=False, b=True) == expected


def test_the_same_fragment_spread_under_two_conditions(schema: GraphQLSchema) -> None:
    text = """query ($a: Boolean!, $b: Boolean!) {
      products { nodes { sku ...F @include(if: $a) ...F @include(if: $b) } }
    } fragment F on Product { price { source } }"""
    assert denials(schema, text, None, a=False, b=True) == [
        (["products", "nodes", "price"], "UNAUTHENTICATED")
    ]


def test_literal_directives_leave_a_selection_out_for_good(schema: GraphQLSchema) -> None:
    text = "{ products { nodes { sku price @skip(if: true) { source } } } }"
    assert denials(schema, text, None) == []
    text = "{ products { nodes { sku price @include(if: true) { source } } } }"
    assert len(denials(schema, text, None)) == 1
