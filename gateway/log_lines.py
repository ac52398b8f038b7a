"""How log lines are written. Imports nothing of the application: the supervisor of `prumo serve` writes some too."""

import logging
import sys

import orjson
import structlog


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
