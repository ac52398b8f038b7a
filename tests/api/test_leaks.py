"""Whatever is wrong with a request, its errors have a code and a request id, and tell nothing of the inside."""

import re
from contextlib import suppress

import httpx
import pytest
from graphql import GraphQLSyntaxError, parse, specified_rules, validate

from gateway.app import create_app
from gateway.settings import Settings
from schema.execution.choice import ExecutorKind
from schema.stitching import stitch
from tests.api.shop import ADMIN, GRAPHQL_RESPONSE, OPERATIONS, SP, VENDAS, Answer, Json, Shop

INSIDE = re.compile(
    r"Did you mean|Traceback|\.py\b|0x[0-9a-f]{6}|<class|\b\w+(Error|Exception)\b|asyncpg|sqlalchemy|strawberry"
    r"|\b(None|NoneType|True|False|Undefined|dict|tuple|UUID|base64|codec|byte)\b|\{'|\['"
)

# A mistake of each kind that graphql-core has words for.
TYPOS = {
    "field of the query": "{ viewr { scopes } }",
    "field of the mutation": 'mutation { sesionCreate(input: { email: "x" }) { meta { requestId } } }',
    "field of the subscription": "subscription { orderUpdatd { id } }",
    "field of a type": "{ products { nodes { skuu } } }",
    "field of an interface": '{ node(id: "x") { sku } }',
    "introspective field": "{ viewer { __typenam } }",
    "argument": "{ products(frist: 1) { nodes { id } } }",
    "argument of a directive": "{ viewer @skip(iff: true) { scopes } }",
    "missing argument": "mutation { sessionCreate { meta { requestId } } }",
    "missing argument of a directive": "{ viewer @skip { scopes } }",
    "argument twice": "{ products(first: 1, first: 2) { nodes { id } } }",
    "directive": "{ viewer @skp(if: true) { scopes } }",
    "directive of the schema": 'query @requiresScopes(scopes: [["x"]]) { viewer { scopes } }',
    "directive in the wrong place": "query Q @skip(if: true) { viewer { scopes } }",
    "directive twice": "{ viewer @skip(if: true) @skip(if: true) { scopes } }",
    "enum value": "{ products(sort: PRICE_AS) { nodes { id } } }",
    "enum value as a string": '{ products(sort: "NAME") { nodes { id } } }',
    "enum value as a number": "{ products(sort: 1) { nodes { id } } }",
    "enum value of an input": (
        'mutation { priceSet(input: { sku: "x", source: BUYR, amount: "1" }) { meta { requestId } } }'
    ),
    "input field": '{ products(filter: { serch: "x" }) { nodes { id } } }',
    "missing input field": 'mutation { sessionCreate(input: { email: "x" }) { meta { requestId } } }',
    "input field twice": '{ products(filter: { search: "a", search: "b" }) { nodes { id } } }',
    "input that is a number": "{ products(filter: 1) { nodes { id } } }",
    "decimal": '{ products(filter: { minPrice: "ten" }) { nodes { id } } }',
    "decimal that is an object": "{ products(filter: { minPrice: { a: 1 } }) { nodes { id } } }",
    "decimal that is not a number": '{ products { nodes { price(quantity: "NaN") { source } } } }',
    "date": (
        'mutation { priceSet(input: { sku: "x", source: STATE, amount: "1", validFrom: "tomorrow" })'
        " { meta { requestId } } }"
    ),
    "integer": "{ products(first: 1.5) { nodes { id } } }",
    "large integer": "{ products(first: 99999999999) { nodes { id } } }",
    "item of a list": "{ products(filter: { skus: [1, { a: 2 }] }) { nodes { id } } }",
    "null for what may be none": "mutation { sessionCreate(input: null) { meta { requestId } } }",
    "type of a variable": "query ($f: ProductFiltr) { products(filter: $f) { nodes { id } } }",
    "output type of a variable": "query ($f: Product) { viewer { scopes } }",
    "undefined variable": "{ products(first: $n) { nodes { id } } }",
    "unused variable": "query ($n: Int) { viewer { scopes } }",
    "variable twice": "query ($n: Int, $n: Int) { products(first: $n) { nodes { id } } }",
    "variable of another type": "query ($n: String) { products(first: $n) { nodes { id } } }",
    "default of a variable": 'query ($n: Int = "x") { products(first: $n) { nodes { id } } }',
    "enum default of a variable": "query ($s: ProductSort = NAM) { products(sort: $s) { nodes { id } } }",
    "undefined fragment": "{ ...Nope }",
    "unused fragment": "fragment F on Viewer { scopes } { viewer { scopes } }",
    "fragment twice": "fragment F on Viewer { scopes } fragment F on Viewer { scopes } { viewer { ...F } }",
    "fragment of itself": "fragment F on Viewer { ...F } { viewer { ...F } }",
    "type of a fragment": "fragment F on Viewr { scopes } { viewer { ...F } }",
    "type of an inline fragment": '{ node(id: "x") { ... on Prodct { id } } }',
    "impossible fragment": '{ node(id: "x") { ... on Money { amount } } }',
    "fragment on an input": "{ viewer { ... on ProductFilter { search } } }",
    "no selection": "{ viewer }",
    "selection of a leaf": "{ viewer { scopes { x } } }",
    "conflict": "{ a: products(first: 1) { nodes { id } } a: viewer { scopes } }",
    "operation twice": "query A { viewer { scopes } } query A { viewer { scopes } }",
    "anonymous among others": "query A { viewer { scopes } } { viewer { scopes } }",
    "deep introspection": "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
    "several root fields of a subscription": "subscription { a: orderUpdated { id } b: orderUpdated { id } }",
    "definition": "type A { b: Int }",
    "operation type": "quer { viewer { scopes } }",
    "end": "{",
    "string": '{ viewer(a: "x) { scopes } }',
    "character": "{ viewer ? }",
    "escape": '{ product(sku: "\\q") { id } }',
}


def discreet(answer: Answer) -> None:
    assert answer.body["errors"], answer.body
    for error in answer.body["errors"]:
        assert set(error) <= {"message", "locations", "path", "extensions"}
        assert set(error["extensions"]) == {"code", "requestId"}
        assert error["extensions"]["code"] != "INTERNAL_SERVER_ERROR"
        assert error["extensions"]["requestId"] == answer.headers["x-request-id"]
        assert not INSIDE.search(error["message"]), error["message"]


@pytest.mark.parametrize("document", TYPOS.values(), ids=TYPOS)
async def test_a_mistake_in_a_document(shop: Shop, document: str) -> None:
    answer = await shop.post({"query": document}, {"accept": GRAPHQL_RESPONSE})
    assert answer.status == 400
    assert set(answer.codes) <= {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}
    assert "data" not in answer.body
    discreet(answer)


def test_the_mistakes_above_reach_every_rule() -> None:
    """So that no rule of a newer graphql-core says what nobody has read."""
    schema = stitch()._schema
    parsed = []
    for document in TYPOS.values():
        with suppress(GraphQLSyntaxError):
            parsed.append(parse(document))
    silent = {
        rule.__name__
        for rule in specified_rules
        if not any(validate(schema, document, [rule]) for document in parsed)
    }
    # We have all three kinds of operations, and neither @defer nor @stream.
    assert silent == {"KnownOperationTypesRule"} | {
        name for rule in specified_rules if "Stream" in (name := rule.__name__)
    }


PRICE_SET = "mutation ($input: PriceSetInput!) { priceSet(input: $input) { meta { requestId } } }"
LISTING = "query ($first: Int, $sort: ProductSort, $filter: ProductFilter) { products(first: $first, sort: $sort, filter: $filter) { nodes { id } } }"  # noqa: E501
PRICE = {"sku": "x", "source": "STATE", "amount": "1"}


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        (LISTING, {"sort": "PRICE_AS"}),
        (LISTING, {"sort": 1}),
        (LISTING, {"sort": ["NAME"]}),
        (LISTING, {"first": "1"}),
        (LISTING, {"first": 1.5}),
        (LISTING, {"first": 2**40}),
        (LISTING, {"first": True}),
        (LISTING, {"first": {}}),
        (LISTING, {"filter": {"serch": "x"}}),
        (LISTING, {"filter": "x"}),
        (LISTING, {"filter": {"minPrice": "ten"}}),
        (LISTING, {"filter": {"minPrice": True}}),
        (LISTING, {"filter": {"skus": [1]}}),
        (LISTING, {"filter": {"skus": [None]}}),
        (LISTING, {"filter": {"inStock": "yes"}}),
        (PRICE_SET, {}),
        (PRICE_SET, {"input": None}),
        (PRICE_SET, {"input": {}}),
        (PRICE_SET, {"input": {**PRICE, "source": "BUYR"}}),
        (PRICE_SET, {"input": {**PRICE, "amout": "1"}}),
        (PRICE_SET, {"input": {**PRICE, "amount": None}}),
        (PRICE_SET, {"input": {**PRICE, "validFrom": "tomorrow"}}),
        (PRICE_SET, {"input": {**PRICE, "validFrom": 7}}),
        (PRICE_SET, {"input": {**PRICE, "accountId": [7]}}),
    ],
)
async def test_a_mistake_in_the_variables(shop: Shop, document: str, variables: Json) -> None:
    answer = await shop.ask(document, variables)
    assert (answer.status, set(answer.codes), "data" in answer.body) == (400, {"BAD_USER_INPUT"}, False)
    discreet(answer)


ODD = [
    "",
    " ",
    "x",
    "é",
    "0",
    "-1",
    "null",
    "A" * 5_000,
    "UHJvZHVjdA",
    "UHJvZHVjdDp4",
    "%00",
    "\U0001f9f1",
    "Ly8vLw==",
]
"""Neither ids nor cursors. The fifth from the end is the base64 of "Product", the fourth of "Product:x"."""


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", ["after", "before"])
@pytest.mark.parametrize(
    ("field", "who"), [("products", SP), ("products", None), ("orders", SP), ("auditTrail", ADMIN)]
)
async def test_what_is_no_cursor(shop: Shop, field: str, name: str, odd: str, who: str | None) -> None:
    answer = await shop.ask(
        f"query ($c: String) {{ {field}({name}: $c) {{ nodes {{ id }} }} }}", {"c": odd}, who
    )
    assert (answer.status, answer.codes) == (200, ["BAD_USER_INPUT"])
    discreet(answer)


async def test_a_cursor_of_another_listing(shop: Shop) -> None:
    cursor = "{ products(first: 1, sort: NEWEST) { pageInfo { endCursor } } }"
    other = (await shop.ask(cursor)).data["products"]["pageInfo"]["endCursor"]
    for document, who in (
        ("query ($c: String) { products(after: $c, sort: NAME) { nodes { id } } }", None),
        ("query ($c: String) { orders(after: $c) { nodes { id } } }", SP),
        ("query ($c: String) { auditTrail(after: $c) { nodes { id } } }", ADMIN),
    ):
        answer = await shop.ask(document, {"c": other}, who)
        assert answer.codes == ["BAD_USER_INPUT"]
        discreet(answer)


@pytest.mark.parametrize("odd", [*ODD, 7])
@pytest.mark.parametrize(
    ("document", "who"),
    [
        ("query ($id: ID!) { node(id: $id) { id } }", None),
        ("query ($id: ID!) { product(id: $id) { id } }", None),
        ("query ($id: ID!) { order(id: $id) { id } }", SP),
        ("query ($id: ID!) { products(onBehalfOf: $id) { nodes { id } } }", VENDAS),
    ],
)
async def test_what_is_no_id(shop: Shop, document: str, odd: Json, who: str | None) -> None:
    answer = await shop.ask(document, {"id": odd}, who)
    assert (answer.status, answer.codes) == (200, ["BAD_USER_INPUT"])
    discreet(answer)


async def test_a_request_that_is_none(shop: Shop) -> None:
    for body in (
        b"",
        b"{",
        b"[]",
        b'{"query": 1}',
        b'{"query": "{ a }", "variables": "x"}',
        b'{"documentId": "x"}',
    ):
        sent = await shop.http.post("/graphql", content=body, headers={"content-type": "application/json"})
        discreet(Answer(sent.status_code, sent.json(), sent.headers, 0))
    for parameters in ({}, {"query": "{ a }", "variables": "{"}, {"extensions": "x"}, {"documentId": "é"}):
        got = await shop.http.get("/graphql", params=parameters)
        discreet(Answer(got.status_code, got.json(), got.headers, 0))
    for token in ("x", "x.y.z", "x y"):
        answer = await shop.post({"query": "{ a }"}, {"authorization": f"Bearer {token}"})
        assert answer.codes == ["UNAUTHENTICATED"]
        discreet(answer)


async def test_what_a_caller_sent_does_not_come_back(shop: Shop) -> None:
    """An error is logged by many a client; the variables of a sign-in have a password."""
    signing_in = (OPERATIONS / "portal/SignIn.graphql").read_text()
    for wrong in (
        {"email": SP, "password": ["s3cret"]},
        {"email": SP, "password": "s3cret", "remember": 1},
        {"password": "s3cret"},
        ["s3cret"],
    ):
        answer = await shop.ask(signing_in, {"input": wrong})
        assert answer.codes == ["BAD_USER_INPUT"]
        assert "s3cret" not in str(answer.body)
        assert answer.body["errors"][0]["message"].startswith("Variable '$input' has invalid value")


async def test_both_executors_are_discreet(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"executor": ExecutorKind.STOCK}))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://prumo.test") as http:
            shop = Shop(http)
            for document in ('{ products(after: "x") { nodes { id } } }', '{ node(id: "x") { id } }'):
                discreet(await shop.ask(document))
            discreet(await shop.ask(LISTING, {"sort": "PRICE_AS"}))
