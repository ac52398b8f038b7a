"""Serves the app with uvicorn: in a running loop for `prumo dev`, in processes of its own for `prumo serve`."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any

import uvicorn
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.http.websocket_protocol import LARGEST_MESSAGE, WebSocketProtocol
from gateway.listening import refused
from gateway.metrics import shared_by_processes
from gateway.observability import configure_logging
from gateway.progress import CannotRun
from gateway.settings import Settings

# Any: uvicorn's keyword arguments are of many types.
UVICORN: dict[str, Any] = {
    "lifespan": "on",
    "access_log": False,
    "log_config": None,  # the log lines are our own, see gateway.observability
    "server_header": False,
    "timeout_graceful_shutdown": 10,
    "ws": WebSocketProtocol,
    "ws_max_size": LARGEST_MESSAGE,
    "ws_per_message_deflate": False,  # 64 KiB and more of window per socket, for frames of a few hundred bytes
}


class _Server(uvicorn.Server):
    """A server whose end is somebody else's decision: the signals are ours."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(settings: Settings, listener: socket.socket) -> AsyncIterator[asyncio.Task[None]]:
    """Serve in the background, and end gracefully with the block.

    The task yielded ends only by failing, with CannotRun.
    """
    configure_logging()
    server = _Server(
        uvicorn.Config(_app(settings), forwarded_allow_ips=settings.forwarded_allow_ips, **UVICORN)
    )

    async def serve() -> None:
        try:
            await server.serve(sockets=[listener])
        except SystemExit:  # uvicorn's answer to an app that does not start; it has logged why
            raise CannotRun("The application did not start; the reason is above.") from None
        except OSError as error:
            raise refused(settings.host, settings.port, error) from error
        if not server.should_exit:
            raise CannotRun("The web server ended by itself.")

    task = asyncio.create_task(serve())
    try:
        yield task
    finally:
        server.should_exit = True
        await asyncio.wait([task])


def serve(settings: Settings, workers: int) -> None:
    """Serve until SIGINT or SIGTERM; database and store are somebody else's care. Raises CannotRun."""
    if workers > 1:
        # Tried here first: workers that cannot start are started again and again.
        create_app(settings)
    with shared_by_processes() if workers > 1 else nullcontext():
        uvicorn.run(
            "gateway.serve:configured_app",
            factory=True,
            host=settings.host,
            port=settings.port,
            workers=workers,
            forwarded_allow_ips=settings.forwarded_allow_ips,
            **UVICORN,
        )


def configured_app() -> Starlette:
    """What each worker process of `serve` makes of the environment."""
    configure_logging()
    return _app(Settings())


def _app(settings: Settings) -> Starlette:
    """The schema's objects live as long as the process: the collector need not look at them again and again.

    What a request makes is freed by counting references, nearly all of it, so it may look rarely: every 700
    objects, its default, is several times in each page of products.
    """
    app = create_app(settings)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    return app
