"""GraphQL over HTTP: media types, status codes, methods, hostile bodies."""

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Integer, func, literal, select, text
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette
from starlette.routing import Route
from structlog.testing import capture_logs

from contexts.catalog.adapters.images import S3Images
from contexts.shared.adapters.query import Query
from gateway.bootstrap import bootstrap
from gateway.embedded.postgres import Postgres
from gateway.http.capacity import Capacity
from gateway.http.graphql_endpoint import GraphQLEndpoint
from gateway.http.probes import Readiness
from gateway.settings import Settings
from gateway.stopping import Stopping
from schema.cost import Bill
from schema.documents import ById, Documents
from schema.limits import Limits
from schema.operations import Operation, Operations, Response
from schema.stitching import stitch
from tests.api.shop import GRAPHQL_RESPONSE, SP, Shop, nodes_of
from tests.conftest import copied

JSON = "application/json"
QUERY = {"query": "{ viewer { scopes } }"}


async def test_the_media_type_is_negotiated(shop: Shop) -> None:
    for accept, expected in (
        (None, JSON),
        ("*/*", JSON),
        (JSON, JSON),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, {JSON};q=0.9", GRAPHQL_RESPONSE),
        (f"{JSON}, {GRAPHQL_RESPONSE};q=0.5", JSON),
        ("text/html, application/*;q=0.1", JSON),
        ("text/event-stream, application/graphql-response+json", GRAPHQL_RESPONSE),
    ):
        response = await shop.http.post("/graphql", json=QUERY, headers={"accept": accept or ""})
        assert response.status_code == 200
        assert response.headers["content-type"] == f"{expected}; charset=utf-8", accept


# As their newest releases send them: they list what they could read, not what they want.
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream,"
    " multipart/mixed"
)
APOLLO = "application/graphql-response+json,application/json;q=0.9"
APOLLO_DEFER = "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9"
APOLLO_SUBSCRIBE = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [(URQL, JSON), (APOLLO, GRAPHQL_RESPONSE), (APOLLO_DEFER, GRAPHQL_RESPONSE), (APOLLO_SUBSCRIBE, JSON)],
    ids=["urql", "Apollo", "Apollo @defer", "Apollo subscriptions"],
)
async def test_clients_that_could_read_streams_are_answered_in_json(
    shop: Shop, accept: str, expected: str
) -> None:
    for response in (
        await shop.http.post("/graphql", json=QUERY, headers={"accept": accept}),
        await shop.http.get("/graphql", params=QUERY, headers={"accept": accept}),
    ):
        assert response.headers["content-type"] == f"{expected}; charset=utf-8"
        assert "data" in response.json()


@pytest.mark.parametrize("accept", ["text/html", "image/png", f"{JSON};q=0", f"{JSON}; charset=latin1"])
async def test_nothing_acceptable_is_406(shop: Shop, accept: str) -> None:
    response = await shop.http.post("/graphql", json=QUERY, headers={"accept": accept})
    assert response.status_code == 406
    assert response.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { viewer { scopes } } query B { viewer { scopes } }", "OPERATION_RESOLUTION_FAILURE"),
        ("fragment A on Viewer { scopes }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ products(first: true) { nodes { id } } }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($n: Int!) { products(first: $n) { nodes { id } } }", "BAD_USER_INPUT"),
    ],
)
async def test_what_fails_before_execution_has_no_data(shop: Shop, document: str, code: str) -> None:
    """4xx for those who ask for GraphQL's own media type; 200 for plain JSON, as its clients expect."""
    for accept, status in ((GRAPHQL_RESPONSE, 400), (JSON, 200)):
        answer = await shop.post({"query": document}, {"accept": accept})
        assert (answer.status, answer.codes[0], "data" in answer.body) == (status, code, False)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (JSON, 200),
        ("application/json; charset=utf-8", 200),
        ('application/json; charset="UTF-8"', 200),
        ("application/json; charset=latin1", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/graphql", 415),
        ("", 415),
    ],
)
async def test_only_json_bodies(shop: Shop, content_type: str, status: int) -> None:
    """The types a browser sends across origins without a preflight are refused: that is the CSRF defence."""
    headers = {"content-type": content_type} if content_type else {}
    response = await shop.http.post("/graphql", content=b'{"query":"{viewer{scopes}}"}', headers=headers)
    assert response.status_code == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b'"x"',
        b"1",
        b"null",
        b"true",
        b"[]",
        b"[1]",
        b"[null]",
        b'[{"query":"{viewer{scopes}}"}]',
        b"{}",
        b'{"query":null}',
        b'{"query":1}',
        b'{"query":""}',
        b'{"query":{}}',
        b'{"query":"{viewer{scopes}}","variables":[]}',
        b'{"query":"{viewer{scopes}}","variables":"{}"}',
        b'{"query":"{viewer{scopes}}","operationName":1}',
        b'{"query":"{viewer{scopes}}","extensions":[]}',
        b'{"query":"\xff"}',
        b'\xff\xfe{"query":"{viewer{scopes}}"}',
        b'{"query":"\\ud800"}',
        b'{"query":"{viewer{scopes}}","variables":{"a":"\\ud800"}}',
        b'{"query":"{viewer{scopes}}","variables":{"a":"x\\u0000y"}}',
        b'{"query":"{product(sku:\\"\\\\u0000\\"){id}}"}',
        b'{"query":"{product(sku:\\"\\\\u{0}\\"){id}}"}',
        b'{"query":"{product(sku:\\"\\u005cu0000\\"){id}}"}',
        b'{"query":"{product(sku:\\"\\u005cu{00}\\"){id}}"}',
        b'{"query":' + b"[" * 50_000,
        b'{"query":"{viewer{scopes}}","variables":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
        b'{"query":"{viewer{scopes}}"} trailing',
        b'{"query":"{viewer{scopes}}","variables":{"n":NaN}}',
    ],
)
async def test_hostile_bodies_are_400(shop: Shop, body: bytes) -> None:
    response = await shop.http.post("/graphql", content=body, headers={"content-type": JSON})
    assert response.status_code == 400
    answer = response.json()
    assert answer["errors"][0]["extensions"]["code"] in {"BAD_REQUEST", "BAD_USER_INPUT"}
    assert "data" not in answer


async def test_a_number_of_five_thousand_digits(shop: Shop) -> None:
    body = b'{"query":"query($n:Int){products(first:$n){nodes{id}}}","variables":{"n":' + b"9" * 5_000 + b"}}"
    response = await shop.http.post("/graphql", content=body, headers={"content-type": JSON})
    assert response.status_code in {200, 400}
    assert response.json()["errors"][0]["extensions"]["code"] in {"BAD_USER_INPUT", "BAD_REQUEST"}


async def test_ten_megabytes_are_413_whether_announced_or_not(shop: Shop) -> None:
    body = b'{"query":"' + b" " * 10_000_000 + b'"}'
    announced = await shop.http.post("/graphql", content=body, headers={"content-type": JSON})
    assert (announced.status_code, announced.json()["errors"][0]["extensions"]["code"]) == (
        413,
        "PAYLOAD_TOO_LARGE",
    )
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for start in range(0, len(body), 100_000):
            sent += 100_000
            yield body[start : start + 100_000]
            await asyncio.sleep(0)

    streamed = await shop.http.post("/graphql", content=chunks(), headers={"content-type": JSON})
    assert streamed.status_code == 413


async def test_five_thousand_aliases_are_refused(shop: Shop) -> None:
    document = "{" + " ".join(f"a{n}: viewer {{ scopes }}" for n in range(5_000)) + "}"
    answer = await shop.post({"query": document}, {"accept": GRAPHQL_RESPONSE})
    assert (answer.status, answer.codes) == (400, ["QUERY_TOO_COMPLEX"])


async def test_get_is_for_queries_only(shop: Shop) -> None:
    query = "query Q($n: Int) { products(first: $n) { nodes { sku } } }"
    parameters = {"query": query, "variables": '{"n": 2}', "operationName": "Q"}
    found = await shop.http.get("/graphql", params=parameters, headers={"accept": GRAPHQL_RESPONSE})
    assert (found.status_code, len(nodes_of(found.json()["data"]["products"]))) == (200, 2)
    mutation = {"query": 'mutation { sessionRefresh(input: {refreshToken: "x"}) { meta { requestId } } }'}
    refused = await shop.http.get("/graphql", params=mutation)
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    for wrong in (
        {},
        {"query": query, "variables": "{"},
        {"query": query, "variables": "[1]"},
        {"query": "\0"},
    ):
        assert (await shop.http.get("/graphql", params=wrong)).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_other_methods_are_405(shop: Shop, method: str) -> None:
    response = await shop.http.request(method, "/graphql", json=QUERY)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_subscriptions_are_told_where_to_go(shop: Shop) -> None:
    answer = await shop.ask("subscription { orderUpdated { id } }", None, SP)
    assert (answer.status, answer.codes) == (400, ["BAD_REQUEST"])
    assert "WebSocket" in answer.body["errors"][0]["message"]


async def test_a_browser_gets_graphiql_in_development(shop: Shop) -> None:
    headers = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    page = await shop.http.get("/graphql", headers=headers)
    assert page.headers["content-type"].startswith("text/html")
    assert "graphiql" in page.text.lower()


async def test_request_ids_are_kept_when_sane(shop: Shop) -> None:
    async def id_of(given: str | None) -> str:
        headers = {} if given is None else {"x-request-id": given}
        response = await shop.http.post("/graphql", json={"query": "{"}, headers=headers)
        assert response.json()["errors"][0]["extensions"]["requestId"] == response.headers["x-request-id"]
        id: str = response.headers["x-request-id"]
        return id

    assert await id_of("abcdef-123456") == "abcdef-123456"
    for insane in (None, "x", "a" * 100, "a b c d e f g h", "<script>alert(1)"):
        assert await id_of(insane) != insane


async def test_probes(shop: Shop) -> None:
    assert (await shop.http.get("/healthz")).json() == {"status": "ok"}
    assert (await shop.http.get("/readyz")).json() == {"status": "ready"}
    await shop.post(QUERY, {})
    await shop.operation("portal/Categories")
    told = (await shop.http.get("/metrics")).text
    for operation in ("other", "Categories"):
        assert f'prumo_graphql_requests_total{{kind="query",operation="{operation}",outcome="ok"}}' in told
    assert (await shop.http.get("/nothing")).status_code == 404


async def test_not_ready_before_the_migration_nor_without_the_database(
    postgres: Postgres, template: str, settings: Settings
) -> None:
    url = await copied(postgres, template)
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM prumo_compatibility WHERE branch = 'orders'"))
    await engine.dispose()
    for database_url, reason in (
        (url, "the database is behind this code in orders; run `prumo migrate`"),
        (
            "postgresql://127.0.0.1:1/x",
            "the database cannot be reached, or takes no writes (ConnectionRefusedError)",
        ),
    ):
        parts = settings.model_copy(update={"database_url": database_url})
        async with bootstrap(parts, store=False, listening=False) as wired_:
            app = Starlette(routes=[Route("/readyz", Readiness(wired_, Stopping(), Capacity(1, 1)).__call__)])
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://prumo.test"
            ) as http:
                answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "reason": reason})


async def test_it_is_ready_while_every_connection_for_reads_is_busy(settings: Settings) -> None:
    """Else the servers would leave the proxy one after another when there is much to do."""
    one = settings.model_copy(update={"database_pool": 1})
    asleep: Query[object] = Query(select(func.pg_sleep(literal(60, Integer))))
    async with bootstrap(one, store=False, listening=False) as parts:
        readiness = Readiness(parts, Stopping(), Capacity(1, 1))
        app = Starlette(routes=[Route("/readyz", readiness.__call__)])
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://prumo.test"
        ) as http:
            reading = asyncio.create_task(parts.database.fetch(asleep))
            try:
                assert (await http.get("/readyz")).json() == {"status": "ready"}
                assert not reading.done()
            finally:
                reading.cancel()
                await asyncio.wait([reading])


async def test_only_product_images_are_public(settings: Settings, shop: Shop) -> None:
    images = S3Images(settings.s3_endpoint or "", settings.s3_bucket, settings.s3_key, settings.s3_secret)
    async with images:
        store = await images._open()
        await store.put_object(Bucket=settings.s3_bucket, Key="invoices/1.pdf", Body=b"secret")
        await images.put("products/public.png", b"picture", "image/png")
    assert (await shop.http.get("/media/products/public.png")).content == b"picture"
    for key in ("invoices/1.pdf", "products/../invoices/1.pdf", "products/%2e%2e/invoices/1.pdf"):
        assert (await shop.http.get(f"/media/{key}")).status_code == 404, key


class BrokenOperations(Operations):
    """Has bugs where no resolver is to blame."""

    def select(
        self, asked: str | ById, operation_name: str | None, request_id: str, bill: Bill
    ) -> Operation | Response:
        if operation_name == "NotJson":
            return Response(errors=[], data={"viewer": object()})
        raise RuntimeError("the inside")


@pytest.mark.parametrize("name", ["NotPrepared", "NotJson"])
@pytest.mark.parametrize("accept", [JSON, GRAPHQL_RESPONSE])
async def test_a_bug_outside_the_resolvers_is_masked_logged_and_counted(
    settings: Settings, caplog: pytest.LogCaptureFixture, name: str, accept: str
) -> None:
    schema = stitch()
    operations = BrokenOperations(schema, Documents(schema._schema, Limits()))
    async with bootstrap(settings, store=False, listening=False) as parts:
        endpoint = GraphQLEndpoint(operations, parts, Capacity(10, 30), max_body_bytes=1000, ide=False)
        app = Starlette(routes=[Route("/graphql", endpoint)])
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://prumo.test"
        ) as http:
            with capture_logs() as lines:
                headers = {"accept": accept, "x-request-id": "request-17"}
                asked = {"query": "{ viewer { scopes } }", "operationName": name}
                response = await http.post("/graphql", json=asked, headers=headers)
    assert response.status_code == 500
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert response.headers["x-request-id"] == "request-17"
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "request-17"}
    assert "the inside" not in response.text
    assert [(line["status"], line["codes"]) for line in lines] == [(500, ["INTERNAL_SERVER_ERROR"])]
    (logged,) = (record for record in caplog.records if record.exc_info)
    assert vars(logged)["request_id"] == "request-17"


async def test_the_log_line_tells_the_document_and_what_it_cost(shop: Shop) -> None:
    text = "query Own($n: Int) { products(first: $n) { nodes { sku } } }"
    await shop.ask(text, {"n": 3})
    with capture_logs() as lines:
        await shop.ask(text, {"n": 3})
        await shop.ask("{ viewer { nothing } }")
    told = [
        {name: line[name] for name in ("operation", "document", "outcome", "requested", "actual")}
        for line in lines
    ]
    assert told == [
        {
            "operation": "Own",
            "document": sha256(text.encode()).hexdigest()[:16],
            "outcome": "ok",
            "requested": 1 + 4,
            "actual": 1 + 4,
        },
        {"operation": "", "document": "", "outcome": "refused", "requested": 1 + 10, "actual": 1 + 10},
    ]


CATEGORIES_ID = sha256(Path("graphql/operations/portal/Categories.graphql").read_bytes()).hexdigest()


async def test_a_cacheable_answer_is_paid_for_and_does_not_tell(shop: Shop) -> None:
    with capture_logs() as lines:
        answer = await shop.http.get("/graphql", params={"documentId": CATEGORIES_ID})
    assert (answer.status_code, answer.json().keys()) == (200, {"data"})
    assert [(line["operation"], line["requested"], line["actual"]) for line in lines] == [
        ("Categories", 6, 6)
    ]


async def test_introspection_answers_in_development(shop: Shop) -> None:
    answer = await shop.ask('{ __schema { types { name } } __type(name: "Product") { fields { name } } }')
    assert {"Product", "Order"} <= {type_["name"] for type_ in answer.data["__schema"]["types"]}
    assert "price" in {field["name"] for field in answer.data["__type"]["fields"]}


async def test_metrics_are_for_those_who_ask_directly_from_our_own_network(app: Starlette) -> None:
    """A proxy in that network may pass on what a stranger asks, and tells so in one header or another."""

    async def asked(peer: str, **headers: str) -> int:
        transport = httpx.ASGITransport(app=app, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://prumo.test") as http:
            return (await http.get("/metrics", headers=headers)).status_code

    for peer in ("127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "::ffff:192.168.1.1", "fd00::1"):
        assert await asked(peer) == 200, peer
        for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
            assert await asked(peer, **{header: "10.0.0.1"}) == 403, (peer, header)
    for peer in ("192.0.2.1", "2001:db8::1", "172.32.0.1", "unknown"):
        assert await asked(peer) == 403, peer
