"""Spans: what hangs below what while many requests run at once, what they tell, and what they must not."""

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from uuid import uuid4

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from contexts.shared import tracing
from contexts.shared.adapters.database import Database, connection_of
from gateway.app import create_app
from gateway.progress import CannotRun
from gateway.seed.demo import DEMO_PASSWORD
from gateway.settings import Settings
from gateway.tracing import OpenTelemetry, wanted
from tests.api.shop import SP, Shop, nodes_of

LISTING = """query Products($n: Int) {
  products(first: $n) { totalCount nodes { sku availability { available } price { unitPrice { amount } } } }
  viewer { user { email } }
}"""


@pytest.fixture(scope="module")
def exported() -> Iterator[InMemorySpanExporter]:
    """All spans of this module; everything in it is traced."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.trace_with(OpenTelemetry(provider.get_tracer("test")))
    yield exporter
    tracing.trace_with(None)


@pytest.fixture(scope="module")
async def traced_shop(exported: InMemorySpanExporter, settings: Settings) -> AsyncIterator[Shop]:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://prumo.test") as http:
            yield Shop(http)


@pytest.fixture
def spans(exported: InMemorySpanExporter) -> InMemorySpanExporter:
    exported.clear()
    return exported


def context(span: ReadableSpan) -> SpanContext:
    found = span.get_span_context()
    assert found is not None
    return found


def by_trace(spans: InMemorySpanExporter) -> dict[int, list[ReadableSpan]]:
    found = defaultdict(list)
    for span in spans.get_finished_spans():
        found[context(span).trace_id].append(span)
    return found


def parents(spans: list[ReadableSpan]) -> dict[str, set[str | None]]:
    """The names of the spans by the names of those above them; None: one of somebody else."""
    names = {context(span).span_id: span.name for span in spans}
    found: dict[str, set[str | None]] = defaultdict(set)
    for span in spans:
        found[span.name].add(None if span.parent is None else names.get(span.parent.span_id))
    return found


async def test_spans_hang_below_their_own_request(traced_shop: Shop, spans: InMemorySpanExporter) -> None:
    token = await traced_shop.token(SP)
    await traced_shop.ask(LISTING, {"n": 1}, SP)  # planned now
    spans.clear()
    callers = {uuid4().int: number for number in range(1, 21)}

    async def ask(trace_id: int, number: int) -> None:
        headers = {
            "authorization": f"Bearer {token}",
            "traceparent": f"00-{trace_id:032x}-{number:016x}-01",
        }
        answer = await traced_shop.http.post(
            "/graphql", json={"query": LISTING, "variables": {"n": number}}, headers=headers
        )
        assert len(nodes_of(answer.json()["data"]["products"])) == number

    with capture_logs() as lines:
        await asyncio.gather(*(ask(*caller) for caller in callers.items()))
    found = by_trace(spans)
    assert found.keys() == callers.keys()
    for trace_id, trace in found.items():
        (request,) = (span for span in trace if span.kind is SpanKind.SERVER)
        assert request.parent is not None
        assert request.parent.span_id == callers[trace_id]
        assert request.attributes is not None
        assert request.attributes["prumo.outcome"] == "ok"
        assert parents(trace) == {
            "query Products": {None},
            "statement": {"query Products", "ProductConnection.totalCount", "Product.price"},
            "ProductConnection.totalCount": {"query Products"},
            "Product.price": {"query Products"},
        }
        (price,) = (span for span in trace if span.name == "Product.price")
        assert price.attributes == {"prumo.objects": callers[trace_id]}
        (line,) = (line for line in lines if line.get("trace_id") == f"{trace_id:032x}")
        assert sum(span.name == "statement" for span in trace) == line["statements"]
        at = {context(span).span_id: span for span in trace}
        for span in trace:
            if span.parent is not None and (above := at.get(span.parent.span_id)) is not None:
                assert times(above)[0] <= times(span)[0] <= times(span)[1] <= times(above)[1]


def times(span: ReadableSpan) -> tuple[int, int]:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time, span.end_time


async def test_a_write_shows_its_transaction_and_a_new_document_its_planning(
    traced_shop: Shop, spans: InMemorySpanExporter
) -> None:
    await traced_shop.token(SP)
    spans.clear()
    fresh = """mutation Fresh {
      cartLineSet(input: { sku: "CIM-0001", quantity: "3" }) { data { version } error { code } }
    }"""
    (await traced_shop.ask(fresh, who=SP)).done("cartLineSet")
    (trace,) = by_trace(spans).values()
    assert parents(trace) == {
        "mutation other": {None},
        "plan": {"mutation other"},
        "statement": {"mutation other"},
    }
    texts = [
        span.attributes["db.query.text"] for span in trace if span.attributes and span.name == "statement"
    ]
    written = next(
        place for place, each in enumerate(texts) if str(each).startswith("INSERT INTO orders.cart_lines")
    )
    assert "COMMIT" in texts[written:]


async def test_a_trace_has_nothing_of_a_person(traced_shop: Shop, spans: InMemorySpanExporter) -> None:
    for password in (DEMO_PASSWORD, "wrong-one"):
        await traced_shop.operation("portal/SignIn", {"input": {"email": SP, "password": password}})
    line = {"sku": "CIM-0002", "quantity": "4"}
    cart = (await traced_shop.operation("portal/SetCartLine", {"input": line}, SP)).done("cartLineSet")
    placing = {"idempotencyKey": "idempotency-1", "cartVersion": cart["version"]}
    (await traced_shop.operation("portal/CheckOut", {"input": placing}, SP)).done("cartCheckout")
    await traced_shop.ask('{ products(filter: { search: "argamassa" }) { nodes { sku } } }', who=SP)
    told = "".join(span.to_json() for span in spans.get_finished_spans())
    assert "db.query.text" in told
    typed = [SP, "comprador", DEMO_PASSWORD, "wrong-one", "CIM-0002", "idempotency-1", "argamassa"]
    secrets = [*typed, "127.0.0.1", "Bearer", await traced_shop.token(SP)]
    assert [secret for secret in secrets if secret in told] == []


async def test_what_fails_is_marked_without_its_message(
    exported: InMemorySpanExporter, settings: Settings, spans: InMemorySpanExporter
) -> None:
    assert settings.database_url is not None
    database = Database(settings.database_url)
    repeats_it = "SELECT CAST(:email AS uuid)"
    try:
        with pytest.raises(DBAPIError, match=SP):
            async with database.begin() as transaction:
                await connection_of(transaction).execute(text(repeats_it), {"email": SP})
        async with database.begin() as transaction:
            await connection_of(transaction).execute(text("SELECT 1"))
    finally:
        await database.close()
    failed, after = spans.get_finished_spans()
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes is not None
    assert "error.type" in failed.attributes
    assert SP not in failed.to_json()
    assert (after.status.status_code, after.parent) == (StatusCode.UNSET, None)


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An OTLP collector as far as spans go: its address, and what it was sent."""
    received: list[tuple[str, bytes]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


@pytest.fixture
def untraced() -> Iterator[None]:
    before = tracing._tracer
    tracing.trace_with(None)
    yield
    tracing.trace_with(before)


@pytest.mark.parametrize("variable", ["PRUMO_OTEL_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])
async def test_spans_are_sent_to_the_collector(
    untraced: None,
    settings: Settings,
    collector: tuple[str, list[tuple[str, bytes]]],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    address, received = collector
    monkeypatch.setenv(variable, address)
    app = create_app(settings.model_copy(update={"otel_endpoint": Settings().otel_endpoint}))
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://prumo.test"
        ) as http:
            await http.post("/graphql", json={"query": "{ categories { name } }"})
    ((path, body),) = received
    assert path == "/v1/traces"
    (sent,) = ExportTraceServiceRequest.FromString(body).resource_spans
    resource = {each.key: each.value.string_value for each in sent.resource.attributes}
    assert resource["service.name"] == "prumo"
    assert {span.name for scope in sent.scope_spans for span in scope.spans} == {
        "plan",
        "statement",
        "query other",
    }
    assert not tracing.is_tracing()


async def test_without_an_address_nobody_traces(untraced: None, settings: Settings) -> None:
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        assert not tracing.is_tracing()


def test_an_address_without_opentelemetry(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert not wanted(settings), "the standard variable may be meant for others"
    ours = settings.model_copy(update={"otel_endpoint": "http://127.0.0.1:4318"})
    with pytest.raises(CannotRun, match=r"prumo\[otel\]"):
        create_app(ours)
