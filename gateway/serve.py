"""Serves the app with uvicorn: in a running loop for `prumo dev`, in processes of its own for `prumo serve`."""

import asyncio
import gc
import logging
import multiprocessing
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import uvicorn
import uvicorn._subprocess
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors.multiprocess import Multiprocess

from gateway.http.forwarded import Networks
from gateway.http.http_protocol import HttpProtocol
from gateway.http.open_connections import OpenConnections, raise_file_limit
from gateway.http.websocket_protocol import LARGEST_MESSAGE, WebSocketProtocol
from gateway.listening import reachable, refused
from gateway.log_lines import configure_logging
from gateway.progress import CannotRun, say
from gateway.settings import Settings
from gateway.stopping import Stopping, drain_before_stopping

if TYPE_CHECKING:
    from schema.operations import Operations

# Any: uvicorn's keyword arguments are of many types.
UVICORN: dict[str, Any] = {
    "lifespan": "on",
    "access_log": False,
    "log_config": None,  # the log lines are our own, see gateway.observability
    "server_header": False,
    "proxy_headers": False,  # gateway.http.forwarded believes addresses only
    "timeout_worker_healthcheck": 30,  # on a busy machine a process takes seconds to start
    "ws": WebSocketProtocol,
    "ws_max_size": LARGEST_MESSAGE,
    "ws_per_message_deflate": False,  # 64 KiB and more of window per socket, for frames of a few hundred bytes
}

log = logging.getLogger(__name__)


_FORKING = multiprocessing.get_context("forkserver")


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
    raise_file_limit()
    server = _Server(uvicorn.Config(app_for_long(settings), **_options(settings), **UVICORN))

    async def serve() -> None:
        try:
            await server.serve(sockets=[listener])
        except SystemExit:  # uvicorn's answer to an app that does not start; it has logged why
            raise _not_started() from None
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


def serve(settings: Settings, workers: int, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is under way and exit with 0.

    `listener` must be bound; database and store are somebody else's care. Raises CannotRun.
    """
    raise_file_limit()
    config = uvicorn.Config(
        "gateway.serve:configured_app" if workers == 1 else "gateway.preloaded:configured_app",
        factory=True,
        workers=workers,
        **_options(settings),
        **UVICORN,
    )
    host, port = listener.getsockname()[:2]
    told = f"Prumo is ready: http://{reachable(host)}:{port}/graphql"
    for number in (signal.SIGINT, signal.SIGTERM):
        # Until uvicorn has its own, and what it raises the signal for once more when one process has stopped: not the
        # default, which exits with 143 and leaves files behind.
        signal.signal(number, lambda number, frame: sys.exit(0))
    if workers == 1:
        from gateway.connections import require_connections
        from gateway.signing_secrets import require_signing_keys

        asyncio.run(require_connections(settings, workers))
        asyncio.run(require_signing_keys(settings))
        try:
            _Alone(config, told).run(sockets=[listener])
        except SystemExit as ended:
            if ended.code == STARTUP_FAILURE:
                raise _not_started() from None
            raise
    else:
        from gateway.metrics import shared_by_processes

        configure_logging()
        with shared_by_processes():
            uvicorn._subprocess.spawn = _FORKING  # type: ignore[assignment]  # what it has no setting for
            _FORKING.set_forkserver_preload(["gateway.preloaded"])
            _require_startable(workers)
            _Supervisor(config, [listener], f"{told} ({workers} processes)").run()


def _require_startable(workers: int) -> None:
    """Raises CannotRun: what keeps workers from starting is told in a sentence, and once."""
    mine, theirs = _FORKING.Pipe(duplex=False)
    checking = _FORKING.Process(target=_check, args=(workers, theirs), daemon=True)
    checking.start()
    theirs.close()
    try:
        reason = mine.recv()
    except EOFError:
        raise _not_started() from None
    checking.join()
    if reason is not None:
        raise CannotRun(reason)


def _check(workers: int, told: Connection) -> None:
    from gateway import preloaded

    preloaded.check(workers, told)


class _Alone(uvicorn.Server):
    """The one process."""

    def __init__(self, config: uvicorn.Config, told: str) -> None:
        super().__init__(config)
        self._told = told

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        say(self._told)


class _Supervisor(Multiprocess):
    """Starts the workers, a new one for each that dies, and stops them. Says `told` once all of them serve."""

    def __init__(self, config: uvicorn.Config, listeners: list[socket.socket], told: str) -> None:
        super().__init__(config, listeners)
        self._told = told

    def run(self) -> None:
        super().run()
        if any(worker.exitcode == STARTUP_FAILURE for worker in self.processes):
            raise _not_started()

    def keep_subprocess_alive(self) -> None:
        before, began = list(self.processes), time.monotonic()
        alive = [worker.process.is_alive() for worker in before]
        super().keep_subprocess_alive()
        patience = self.config.timeout_worker_healthcheck
        for worker, was_alive, now in zip(before, alive, self.processes, strict=True):
            if now is worker:
                continue  # uvicorn replaces one that is dead, or that it has killed itself
            if was_alive and worker.exitcode == -signal.SIGKILL and time.monotonic() - began >= patience:
                log.error(
                    "worker %s did not answer within %g s and was killed: another one follows",
                    worker.pid,
                    patience,
                )
            else:
                log.error("worker %s %s: another one follows", worker.pid, _end(worker.exitcode))
        if self._told and all(worker.is_ready() for worker in self.processes):
            say(self._told)
            self._told = ""

    def terminate_all(self) -> None:
        super().terminate_all()
        for listener in self.sockets:
            listener.close()  # or the kernel would go on accepting, and clients wait for nobody


def configured_app() -> Starlette:
    """What the one process makes of the environment. Called by uvicorn, in its loop."""
    configure_logging()
    settings = Settings()
    return app_for_long(settings, drain_before_stopping(settings.drain_seconds))


def _end(exit_code: int | None) -> str:
    """How a process ended, by multiprocessing's exit code: minus the number of the signal."""
    if exit_code is not None and exit_code < 0:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"


def _not_started() -> CannotRun:
    return CannotRun("The application did not start; the reason is above.")


def protocol(settings: Settings) -> Callable[..., HttpProtocol]:
    """What uvicorn makes a connection of. Each process has connections of its own."""
    return partial(
        HttpProtocol,
        open_connections=OpenConnections(settings.connections),
        proxies=Networks(settings.forwarded_allow_ips),
    )


def _options(settings: Settings) -> dict[str, Any]:  # Any: as in UVICORN
    return {
        "http": protocol(settings),
        "timeout_graceful_shutdown": settings.stop_seconds,
    }


def app_for_long(
    settings: Settings, stopping: Stopping | None = None, operations: "Operations | None" = None
) -> Starlette:
    """The schema's objects live as long as the process: the collector need not look at them again and again.

    What a request makes is freed by counting references, nearly all of it, so it may look rarely: every 700
    objects, its default, is several times in each page of products.
    """
    from gateway.app import create_app

    app = create_app(settings, stopping=stopping, operations=operations)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    return app
