"""Points: what is counted, and what is not."""

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, parse, validate
from graphql.execution.values import VariableValues, get_variable_values

from schema import authorization
from schema.cost import Charge, Cost, lookups, object_cost, work_cost
from schema.execution.collect_fields import plan_operation
from schema.rate_limiter import Allowance, Bucket
from schema.stitching import stitch


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return stitch()._schema


def cost(schema: GraphQLSchema, text: str, *, anonymous: bool = False, **given: object) -> int:
    document = parse(text)
    assert validate(schema, document) == []
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    variables = get_variable_values(schema, operation.variable_definitions or (), dict(given))
    assert isinstance(variables, VariableValues)
    plan = plan_operation(schema, document, operation)
    denied = authorization.denials(plan, None, variables.coerced).fields if anonymous else frozenset()
    return work_cost(plan, variables, denied) + object_cost(plan.root, variables, denied)


def sign_ins(number: int) -> str:
    one = 'sessionCreate(input: { email: "a@b.example", password: "x" }) { data { accessToken } error { code } }'
    return "mutation {" + " ".join(f"a{each}: {one}" for each in range(number)) + "}"


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("{ viewer { scopes } }", 1),
        ("{ viewer { user { id } account { id } } }", 3),
        ("{ categories { id } }", 5),
        ("{ products(first: 10) { totalCount } }", 1 + 50),
        ('{ products(first: 1, filter: {search: "c"}) { nodes { sku } } }', 2 + 50),
        ("{ products(first: 1, filter: {search: null}) { nodes { sku } } }", 2),
        ("{ products(first: 1, sort: NAME) { nodes { sku } } }", 2),
        ("{ products(first: 1, sort: PRICE_DESC) { totalCount nodes { sku } } }", 2 + 50 + 200),
        ('{ products(first: 1, filter: {minPrice: "1"}) { nodes { sku } } }', 2 + 200),
        ("{ products(first: 10) { nodes { sku } } }", 1 + 10),
        ("{ products(last: 10) { nodes { sku } pageInfo { endCursor } } }", 1 + 10 + 1),
        ("{ products { nodes { sku } } }", 1 + 24),
        ("{ products(first: 10) { nodes { category { id } } } }", 1 + 10 * 2),
        (
            "{ products(first: 10) { nodes { price { breaks { from { value } } } } } }",
            1 + 10 * (1 + 1 + 5 * 2),
        ),
        ("{ products(first: 10) { edges { node { sku } } } }", 1 + 10 * 2),
        ("{ a: products(first: 10) { nodes { sku } } b: products(first: 1) { nodes { sku } } }", 11 + 2),
        ('{ node(id: "x") { ... on Product { category { id } image { url } } ... on Cart { version } } }', 3),
        ("{ cart { lines { product { sku } } } }", 1 + 5 * 2),
        ('{ a: product(sku: "x") { price { source } b: price(onBehalfOf: "y") { source } } }', 3 + 2),
        ('{ products(first: 9) { nodes { price(onBehalfOf: "x") { source } } } }', 1 + 9 * 2 + 2),
        ("{ products(first: 9) { nodes { price(onBehalfOf: null) { source } } } }", 1 + 9 * 2),
        (sign_ins(1), 10 + 3 + 50),
        (sign_ins(20), 20 * (10 + 3 + 50)),
    ],
)
def test_points(schema: GraphQLSchema, text: str, points: int) -> None:
    assert cost(schema, text) == points


def test_variables_decide(schema: GraphQLSchema) -> None:
    text = "query ($n: Int, $v: Boolean!) { products(first: $n) { nodes { sku category @include(if: $v) { id } } } }"
    assert cost(schema, text, n=7, v=False) == 1 + 7
    assert cost(schema, text, n=7, v=True) == 1 + 7 * 2
    assert cost(schema, text, v=False) == 1 + 24


def test_what_is_denied_costs_nothing(schema: GraphQLSchema) -> None:
    text = "{ products(first: 10) { nodes { sku price { unitPrice { amount } } } } }"
    assert (cost(schema, text), cost(schema, text, anonymous=True)) == (1 + 10 * 3, 1 + 10)


def test_a_mutation_that_is_skipped_or_denied_costs_nothing(schema: GraphQLSchema) -> None:
    skipped = "mutation ($v: Boolean!) { a: sessionRevoke @skip(if: $v) { meta { requestId } } }"
    assert cost(schema, skipped, v=True) == 0
    assert cost(schema, skipped, v=False) == 10 + 2
    denied = "mutation { sessionRevoke { meta { requestId } } }"
    assert (cost(schema, denied), cost(schema, denied, anonymous=True)) == (10 + 2, 0)


def test_what_was_not_there_is_given_back() -> None:
    bucket = Bucket(Allowance(100, 10), 100, 0.0)
    assert bucket.take(30)
    cost = Charge(requested=30, work=10, least=0, bucket=bucket).settled(objects=5)
    assert cost == Cost(30, 15, Allowance(100, 10), 85)
    assert bucket.available == 85


def test_an_event_tells_its_cost_and_gives_nothing_back() -> None:
    bucket = Bucket(Allowance(100, 10), 70, 0.0)
    assert Charge(requested=30, work=0, least=0, bucket=bucket).cost(objects=5).actual == 5
    assert bucket.available == 70


def test_nobody_pays_more_than_was_asked_for() -> None:
    """A plain list counts as five and may be longer."""
    bucket = Bucket(Allowance(100, 10), 100, 0.0)
    assert bucket.take(6)
    assert Charge(requested=6, work=0, least=0, bucket=bucket).settled(objects=40).actual == 6
    assert bucket.available == 94


def test_work_is_told_by_variables_too(schema: GraphQLSchema) -> None:
    text = """query ($f: ProductFilter, $s: ProductSort, $c: Boolean!) {
      products(first: 1, filter: $f, sort: $s) { nodes { sku } ... @include(if: $c) { totalCount } }
    }"""
    assert cost(schema, text, c=False) == 2
    assert cost(schema, text, c=True) == 2 + 50
    assert cost(schema, text, c=False, s="PRICE_ASC") == 2 + 200
    assert cost(schema, text, c=False, s="NAME", f={"maxPrice": "1"}) == 2 + 200
    assert cost(schema, text, c=False, f={"search": "c", "minPrice": "1"}) == 2 + 250
    partly = "query ($p: Decimal) { products(first: 1, filter: { minPrice: $p }) { nodes { sku } } }"
    assert (cost(schema, partly), cost(schema, partly, p="1")) == (2, 2 + 200)


def test_work_and_looking_are_never_given_back() -> None:
    bucket = Bucket(Allowance(1000, 10), 1000, 0.0)
    assert bucket.take(90)
    assert Charge(requested=90, work=50, least=20, bucket=bucket).settled(objects=0).actual == 70
    assert bucket.available == 930


def test_lookups_are_the_fields_of_the_root(schema: GraphQLSchema) -> None:
    text = 'query ($v: Boolean!) { a: product(sku: "a") { id } b: product(sku: "b") @skip(if: $v) { id } __typename }'
    document = parse(text)
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    plan = plan_operation(schema, document, operation)
    for skipped, number in ((True, 1), (False, 2)):
        variables = get_variable_values(schema, operation.variable_definitions or (), {"v": skipped})
        assert isinstance(variables, VariableValues)
        assert lookups(plan, variables, frozenset()) == number
