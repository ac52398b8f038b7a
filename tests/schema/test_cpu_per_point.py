"""A point stands for CPU: no request gets much more of it for a point than an ordinary listing does."""

import time
from collections.abc import Callable
from itertools import count

import orjson
import pytest

from gateway.http.graphql_request import GraphQLRequest, read_post
from resolvers.vocabulary.context import RequestContext
from schema.cost import Bill
from schema.documents import Documents
from schema.limits import Limits
from schema.operations import Operation, Operations
from schema.stitching import stitch
from tests.execution.world import World

pytestmark = pytest.mark.thorough

BY_SKUS = "query ($a: [String!]) { products(filter: { skus: $a }) { nodes { id } } }"
LISTING = "query Products { products { nodes { id sku name slug unit category { id name } image { url } } } }"
MOST = 50
"""Times the listing's CPU for a point. The listing is of a fake world: with a database it takes four times as much."""


@pytest.fixture(scope="module")
def operations() -> Operations:
    schema = stitch()
    return Operations(schema, Documents(schema._schema, Limits()))


async def answered(operations: Operations, body: bytes, context: RequestContext) -> int:
    """As the endpoint does; the points that it cost."""
    bill = operations.arrive(None, "192.0.2.1", len(body), "request-1")
    assert isinstance(bill, Bill)
    request = read_post(body)
    if not isinstance(request, GraphQLRequest):
        return bill.spent
    response = operations.select(request.document, request.operation_name, "request-1", bill)
    if isinstance(response, Operation):
        response = await operations.execute(response, request.variables, context)
    orjson.dumps(response.body())
    assert response.cost is not None
    assert response.cost.actual is not None
    return response.cost.actual


async def seconds_a_point(operations: Operations, body: Callable[[], bytes], runs: int) -> float:
    """The least of several runs."""
    best = float("inf")
    for _ in range(runs):
        sent, context = body(), World(0, products=24).context(None)
        begun = time.thread_time()
        points = await answered(operations, sent, context)
        best = min(best, (time.thread_time() - begun) / points)
    return best


def query(text: str, **variables: object) -> bytes:
    return orjson.dumps({"query": text, "variables": variables})


def many(template: str, number: int) -> str:
    return " ".join(template.replace("%", str(each)) for each in range(number))


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "no JSON": lambda seed: b"[" * 900_000,
    "deep JSON": lambda seed: b'{"query":"{a}","variables":{"a":' + b"[" * 1_000 + b"]" * 1_000 + b"}}",
    "nothing": lambda seed: query("{ __typename }"),
    "a megabyte that nobody asks for": lambda seed: query("{ __typename }", a=["x" * 10] * 70_000),
    "a megabyte of numbers": lambda seed: query("{ __typename }", a=[1] * 450_000),
    "many values": lambda seed: query(BY_SKUS, a=["x"] * 9_990),
    "far too many": lambda seed: query(BY_SKUS, a=["x"] * 200_000),
    "values that are none": lambda seed: query(BY_SKUS, a=[{}] * 9_990),
    "an unknown id": lambda seed: orjson.dumps({"documentId": f"{seed:064x}"}),
    "too long": lambda seed: query("{" + "x" * 60_000 + "}"),
    "no document": lambda seed: query("{" + "x " * 3_900),
    "too many tokens": lambda seed: query("{" + "x " * 5_000 + "}"),
    "too many fields": lambda seed: query("{" + "x " * 3_900 + "}"),
    "unknown fields": lambda seed: query("{ viewer { " + many("x% ", 900) + "} }"),
    "unknown arguments": lambda seed: query("{ products(" + many("x%: 1 ", 1_300) + ") { totalCount } }"),
    "unknown members": lambda seed: query(
        "{ products(filter: {" + many("x%: 1 ", 1_300) + "}) { totalCount } }"
    ),
    "a list for a number": lambda seed: query("{ products(first: [" + "1 " * 3_900 + "]) { totalCount } }"),
    "unknown variables": lambda seed: query(
        "{ products(filter: {skus: [" + many("$x%", 1_900) + "]}) { totalCount } }"
    ),
    "unused variables": lambda seed: query("query (" + many("$x%: Int", 900) + ") { __typename }"),
    "unused fragments": lambda seed: query("{ __typename } " + many("fragment F% on Product { id sku }", 50)),
    "directives": lambda seed: query(
        "{" + many("a%: __typename @skip(if: true) @include(if: true) @x", 20) + "}"
    ),
    "operations": lambda seed: query(many("query Q% { viewer { scopes user { id } } }", 10) + f"#{seed}"),
    "too many operations": lambda seed: query(many("query Q% { viewer { scopes } }", 400)),
    "merging": lambda seed: query(
        many("query Q% {" + "products { nodes { id sku name slug } } " * 15 + "}", 10) + f"#{seed}"
    ),
    "merging by fragments": lambda seed: query(
        "{ products { nodes {"
        + many("...F% ", 20)
        + "} } }"
        + many("fragment F% on Product { id sku name slug }", 20)
        + f"#{seed}"
    ),
    "a long string": lambda seed: query('{ product(sku: "' + "x" * 49_000 + f'{seed}") {{ id }} }}'),
    "a block string": lambda seed: query('{ product(sku: """' + "x\n" * 24_000 + f'{seed}""") {{ id }} }}'),
    "escapes": lambda seed: query('{ product(sku: "' + "\\n" * 20_000 + f'{seed}") {{ id }} }}'),
    "spaces": lambda seed: query("{ __typename" + "\n" * 49_000 + f"}}#{seed}"),
    "comments": lambda seed: query("{ __typename }" + "#\n" * 3_900 + f"#{seed}"),
    "a new document each time": lambda seed: query("{ viewer { scopes } }" + f"#{seed}"),
    "plans of every type": lambda seed: query(
        "{" + many('a%: node(id: "x") { __typename id }', 20) + f"}}#{seed}"
    ),
}


@pytest.fixture(scope="module")
async def ordinary(operations: Operations) -> float:
    return await seconds_a_point(operations, lambda: query(LISTING), 30)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_request_pays_for_its_cpu(operations: Operations, ordinary: float, name: str) -> None:
    seeds = count(1)
    dear = await seconds_a_point(operations, lambda: HOSTILE[name](next(seeds)), 3)
    assert dear < ordinary * MOST, f"{dear * 1e6:.0f} µs a point, the listing's are {ordinary * 1e6:.0f}"
