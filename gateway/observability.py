"""One log line and one set of metrics per request."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from contexts.shared.adapters.database import counting_statements
from schema.operations import Response

registry = CollectorRegistry()
requests = Counter(
    "prumo_graphql_requests",
    "GraphQL requests, by kind of operation and outcome (ok, errors, refused).",
    ["kind", "outcome"],
    registry=registry,
)
seconds = Histogram(
    "prumo_graphql_request_seconds",
    "Time to answer a GraphQL request; of a subscription, how long it ran.",
    ["kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)
statements = Histogram(
    "prumo_graphql_statements",
    "SQL statements per GraphQL request.",
    ["kind"],
    buckets=(0, 1, 2, 3, 4, 6, 8, 12, 20, 40),
    registry=registry,
)
errors = Counter("prumo_graphql_errors", "Top-level GraphQL errors, by code.", ["code"], registry=registry)
stock_executions = Counter(
    "prumo_graphql_stock_executions",
    "Operations that graphql-core's executor ran instead of ours, by reason.",
    ["reason"],
    registry=registry,
)
in_flight = Gauge("prumo_graphql_in_flight", "GraphQL operations being answered now.", registry=registry)


log = structlog.get_logger("prumo.request")


@dataclass(slots=True)
class Observed:
    """What becomes known of a request while it is answered."""

    request_id: str
    transport: str
    kind: str = "none"
    name: str = ""
    status: int | None = None
    executed: bool = False
    codes: list[str] = field(default_factory=list)
    responses: int = 0

    def answered(self, response: Response) -> None:
        """Takes note of a response; a subscription has many."""
        self.responses += 1
        self.executed = self.executed or response.executed
        self.codes += [error["extensions"]["code"] for error in response.errors]


@contextmanager
def observed(request_id: str, transport: str) -> Iterator[Observed]:
    """Measure a request from here to the end of the block, then count it and log its line."""
    request = Observed(request_id, transport)
    begun = time.perf_counter()
    with counting_statements() as count:
        try:
            yield request
        finally:
            _record(request, time.perf_counter() - begun, count.statements)


def _record(request: Observed, duration: float, sent: int) -> None:
    outcome = "refused" if not request.executed else "errors" if request.codes else "ok"
    requests.labels(request.kind, outcome).inc()
    seconds.labels(request.kind).observe(duration)
    statements.labels(request.kind).observe(sent)
    for code in request.codes:
        errors.labels(code).inc()
    log.info(
        "graphql",
        request_id=request.request_id,
        transport=request.transport,
        operation=request.name[:80],
        kind=request.kind,
        status=request.status,
        outcome=outcome,
        codes=request.codes[:5],
        responses=request.responses,
        milliseconds=round(duration * 1000, 2),
        statements=sent,
    )


def _json(line: object, **options: object) -> bytes:
    return orjson.dumps(line, default=str)


def configure_logging() -> None:
    """JSON lines on stderr, or readable ones when a person is watching; the libraries' logs go the same way."""
    pretty = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(_json)
    )
    # Our own lines go straight to stderr, rendered once; only the libraries' pass through logging.
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr)
        if pretty
        else structlog.BytesLoggerFactory(sys.stderr.buffer),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([] if pretty else [structlog.processors.format_exc_info]),
                renderer if pretty else structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for talkative in ("alembic", "uvicorn", "websockets", "botocore", "aiobotocore"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
