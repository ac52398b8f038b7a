"""OpenTelemetry, when it is installed (`pip install prumo[otel]`) and told where to send spans; nothing otherwise.

Spans: the request, the planning of a document that is not cached, each call of a batch resolver, each SQL statement.
They have the text of statements without its values, and nothing of a person: no address, no user, no variable.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contexts.shared import tracing
from gateway.progress import CannotRun
from gateway.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_STANDARD = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def wanted(settings: Settings) -> bool:
    """Whether spans are to be sent: the settings or OpenTelemetry's own variables say where to, and it is installed.

    Raises CannotRun when PRUMO_OTEL_ENDPOINT is set in vain. The standard variables may have been set for a whole
    machine or cluster, and for Prumo not in particular.
    """
    if settings.otel_endpoint is None and not any(map(os.environ.get, _STANDARD)):
        return False
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter
        import opentelemetry.sdk.trace  # noqa: F401 - only tried
    except ImportError as error:
        if settings.otel_endpoint is None:
            return False
        raise CannotRun(
            "PRUMO_OTEL_ENDPOINT is set, but OpenTelemetry is not installed: pip install 'prumo[otel]'."
        ) from error
    return True


@asynccontextmanager
async def traced(settings: Settings) -> AsyncIterator[None]:
    """Make spans inside the block and send them; those that are left at its end too."""
    provider = _provider(settings.otel_endpoint)
    tracing.trace_with(OpenTelemetry(provider.get_tracer("prumo")))
    try:
        yield
    finally:
        tracing.trace_with(None)
        await asyncio.to_thread(provider.shutdown)  # takes as long as the collector does


def _provider(endpoint: str | None) -> "TracerProvider":
    """With OpenTelemetry's own variables for all that is not ours to set: sampler, headers, resource …"""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = (
        Resource.create().merge(Resource({"service.name": "prumo"})).merge(OTELResourceDetector().detect())
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces = None if endpoint is None else f"{endpoint.rstrip('/')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=traces)))
    return provider


@dataclass(frozen=True, slots=True)
class OpenTelemetry:
    """A tracer in contexts.shared.tracing's words."""

    tracer: "Tracer"

    @contextmanager
    def span(
        self, name: str, attributes: tracing.Attributes, caller: Mapping[str, str] | None
    ) -> Iterator[tracing.Span]:
        """A span of the block. Of an exception it has the type: messages quote what people have typed."""
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        with self.tracer.start_as_current_span(
            name,
            context=None if caller is None else TraceContextTextMapPropagator().extract(caller),
            kind=SpanKind.INTERNAL if caller is None else SpanKind.SERVER,
            attributes=dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _Span(span)
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


@dataclass(frozen=True, slots=True)
class _Span:
    span: "Span"

    @property
    def trace_id(self) -> str:
        return f"{self.span.get_span_context().trace_id:032x}"

    def tell(self, name: str, attributes: tracing.Attributes, failed: bool) -> None:
        from opentelemetry.trace import StatusCode

        self.span.update_name(name)
        self.span.set_attributes(dict(attributes))
        if failed:
            self.span.set_status(StatusCode.ERROR)
