"""One log line and one set of metrics per request."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType

import structlog

from contexts.shared.adapters.database import counting_statements
from contexts.shared.tracing import Span, span
from contexts.shared.unavailable import Unavailable
from gateway import metrics
from gateway.outages import Outages
from resolvers.vocabulary.extension_codes import ExtensionCode
from schema.cost import Cost
from schema.operations import Operation, Response

log = structlog.get_logger("prumo.request")


@dataclass(slots=True)
class Observed:
    """What becomes known of a request while it is answered."""

    request_id: str
    transport: str
    kind: str = "none"
    name: str = ""
    document: str = ""
    status: int | None = None
    executed: bool = False
    codes: list[str] = field(default_factory=list)
    away: list[Unavailable] = field(default_factory=list)
    responses: int = 0
    requested: int | None = None
    actual: int = 0

    def selected(self, operation: Operation) -> None:
        """Takes note of what is asked for."""
        self.kind, self.name = operation.kind.value, operation.name
        self.document = operation.prepared.id

    def spent(self, cost: Cost | None) -> None:
        """Takes note of what an operation cost, which a cached response does not tell."""
        if cost is not None:
            self.requested = cost.requested
            self.actual += cost.actual or 0

    def answered(self, response: Response) -> None:
        """Takes note of a response; a subscription has many."""
        self.responses += 1
        self.spent(response.cost)
        self.executed = self.executed or response.executed
        self.codes += [error["extensions"]["code"] for error in response.errors]
        self.away += response.away


@contextmanager
def observed(
    request_id: str, transport: str, outages: Outages, headers: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Observed]:
    """Measure a request from here to the end of the block, then count it, log its line and tell its span.

    `headers` may name the span that the request belongs to, in W3C's `traceparent`.
    """
    request = Observed(request_id, transport)
    begun = time.perf_counter()
    with counting_statements() as count, span("graphql", {}, headers) as traced:
        try:
            yield request
        finally:
            _record(request, time.perf_counter() - begun, count.statements, traced)
            for fault in request.away:
                outages.met(fault)


def _record(request: Observed, duration: float, sent: int, traced: Span | None) -> None:
    outcome = "refused" if not request.executed else "errors" if request.codes else "ok"
    metrics.record(request.name, request.kind, outcome, duration, sent, request.actual)
    for code in request.codes:
        metrics.errors.labels(code).inc()
    if traced is not None:
        _tell(traced, request, outcome)
    log.info(
        "graphql",
        request_id=request.request_id,
        transport=request.transport,
        operation=request.name[:80],
        document=request.document[:16],
        kind=request.kind,
        status=request.status,
        outcome=outcome,
        codes=request.codes[:5],
        responses=request.responses,
        requested=request.requested,
        actual=request.actual,
        milliseconds=round(duration * 1000, 2),
        statements=sent,
        **({} if traced is None else {"trace_id": traced.trace_id}),
    )


def _tell(traced: Span, request: Observed, outcome: str) -> None:
    """OpenTelemetry's names where it has some."""
    traced.tell(
        f"{request.kind} {metrics.label(request.name)}",
        {
            "graphql.operation.type": request.kind,
            "graphql.operation.name": request.name[:80],
            "http.response.status_code": request.status or 0,
            "prumo.request_id": request.request_id,
            "prumo.transport": request.transport,
            "prumo.document": request.document[:16],
            "prumo.outcome": outcome,
            "prumo.codes": " ".join(request.codes[:5]),
            "prumo.cost": request.actual,
        },
        failed=bool(request.away) or ExtensionCode.INTERNAL_SERVER_ERROR in request.codes,
    )
