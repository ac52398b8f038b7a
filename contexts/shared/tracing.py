"""Spans: what took how long. The process puts a tracer in place if somebody traces; without one, nothing is done."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Attributes = Mapping[str, str | int]
"""Nothing of a person and no secret: a trace is read by more people than the database is."""


class Span(Protocol):
    """A span under way."""

    @property
    def trace_id(self) -> str:
        """In lower-case hexadecimal, as `traceparent` has it."""
        ...

    def tell(self, name: str, attributes: Attributes, failed: bool) -> None:
        """Its name and attributes, now that they are known. `failed`: it is an error, and ours."""
        ...


class Tracer(Protocol):
    """Makes spans."""

    def span(
        self, name: str, attributes: Attributes, caller: Mapping[str, str] | None
    ) -> AbstractContextManager[Span]:
        """A span of the block, inside the one that is under way.

        `caller`: the headers of a request that comes from outside, which may name the span it belongs to.
        """
        ...


_NOTHING: AbstractContextManager[None] = nullcontext()
_tracer: Tracer | None = None


def trace_with(tracer: Tracer | None) -> None:
    """Make spans with this tracer from now on; None: make none."""
    global _tracer
    _tracer = tracer


def is_tracing() -> bool:
    """Whether somebody traces."""
    return _tracer is not None


def span(
    name: str, attributes: Attributes, caller: Mapping[str, str] | None = None
) -> AbstractContextManager[Span | None]:
    """A span of the block; None when nobody traces. See `Tracer.span`."""
    return _NOTHING if _tracer is None else _tracer.span(name, attributes, caller)


def statement(text: str) -> AbstractContextManager[Span | None]:
    """A span of one SQL statement, whose text has no values in it."""
    if _tracer is None:
        return _NOTHING
    return _tracer.span("statement", {"db.system.name": "postgresql", "db.query.text": text}, None)
