"""One log line and one set of metrics per request."""

import logging
import sys
from contextlib import AbstractContextManager

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

registry = CollectorRegistry()
requests = Counter(
    "prumo_graphql_requests",
    "GraphQL requests, by kind of operation and outcome (ok, errors, refused).",
    ["kind", "outcome"],
    registry=registry,
)
seconds = Histogram(
    "prumo_graphql_request_seconds",
    "Time to answer a GraphQL request.",
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
_in_flight = Gauge("prumo_graphql_in_flight", "GraphQL requests being answered now.", registry=registry)


def in_flight() -> AbstractContextManager[None]:
    """Counts a request as being answered inside the block."""
    return _in_flight.track_inprogress()


def configure_logging() -> None:
    """JSON lines on stderr, or readable ones when a person is watching; the libraries' logs go the same way."""
    pretty = sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
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
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for talkative in ("alembic", "uvicorn", "websockets", "botocore", "aiobotocore"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
