"""What the processes of `prumo serve --workers N` have in common, made once in the process they are forked from.

That is multiprocessing's fork server: it imports this module and does nothing else, so that there is no thread, no
event loop and no connection when it forks. Whatever is made here is shared: a process copies what it changes.
"""

import asyncio
import gc
import signal
from multiprocessing.connection import Connection

from starlette.applications import Starlette

from gateway.app import create_app, operations_of
from gateway.connections import require_connections
from gateway.documents import manifest_of
from gateway.log_lines import configure_logging
from gateway.progress import CannotRun
from gateway.serve import app_for_long
from gateway.settings import Settings
from gateway.signing_secrets import require_signing_keys
from gateway.stopping import drain_before_stopping
from schema.manifest import Manifest
from schema.operations import Operations

_prepared: tuple[Manifest, Operations] | None = None


def configured_app() -> Starlette:
    """What each process makes of the environment. Called by uvicorn, in its loop."""
    configure_logging()
    settings = Settings()
    stopping = drain_before_stopping(settings.drain_seconds)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    return app_for_long(settings, stopping, _operations(settings))


def _operations(settings: Settings) -> Operations:
    """Those that were prepared here, unless the manifest has become another since."""
    manifest = manifest_of(settings)
    if _prepared is not None and _prepared[0] == manifest:
        return _prepared[1]
    return operations_of(settings, manifest)


def check(workers: int, told: Connection) -> None:
    """Run in a process of its own before any worker: tell why they could not start, or None."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    settings = Settings()
    try:
        create_app(settings, operations=_operations(settings))
        asyncio.run(require_connections(settings, workers))
        asyncio.run(require_signing_keys(settings))
    except CannotRun as reason:
        told.send(str(reason))
    else:
        told.send(None)


def _prepare() -> None:
    global _prepared
    settings = Settings()
    try:
        manifest = manifest_of(settings)
        _prepared = manifest, operations_of(settings, manifest)
    except CannotRun:
        return  # `check` comes upon it as well, where there is somebody to tell
    # Looking for garbage writes into every object: into copies, in each process, of what would be shared.
    gc.collect()
    gc.freeze()


# The fork server ends with the supervisor. Told to stop together with all others, it would end before it could tell
# their exit codes. Forked processes have it blocked too, so that none is lost before they can act on it.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
_prepare()
