"""Spans of the statements that SQLAlchemy runs, whose text only it knows."""

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPICursor, ExceptionContext, ExecutionContext

from contexts.shared.tracing import statement

_SPAN = "prumo.span"
"""Where a connection keeps the span of its statement; there is one at a time."""


def trace_statements(engine: Engine) -> None:
    """Make a span of every statement of the engine."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _begin(
    connection: Connection,
    cursor: DBAPICursor,
    text: str,
    parameters: object,
    context: ExecutionContext | None,
    executemany: bool,
) -> None:
    span = connection.info[_SPAN] = statement(text)
    span.__enter__()


def _end(
    connection: Connection,
    cursor: DBAPICursor,
    text: str,
    parameters: object,
    context: ExecutionContext | None,
    executemany: bool,
) -> None:
    connection.info.pop(_SPAN).__exit__(None, None, None)


def _fail(failed: ExceptionContext) -> None:
    if failed.connection is not None and (span := failed.connection.info.pop(_SPAN, None)) is not None:
        error = failed.original_exception
        span.__exit__(type(error), error, error.__traceback__)
