"""`prumo dev`: everything on this machine, from an empty folder to a served, seeded Prumo, until Ctrl-C."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvloop

from contexts.identity.api import KeyRing, KeysUnreadable
from gateway import worker
from gateway.bootstrap import bootstrap
from gateway.embedded.services import Services
from gateway.listening import reachable
from gateway.migrate import migrate
from gateway.progress import CannotRun, complain, say, step
from gateway.seed.demo import DEMO_ACCOUNTS, DEMO_PASSWORD, seed_demo
from gateway.serve import serving
from gateway.settings import Settings
from gateway.signing_secrets import unreadable_keys, with_home_secret

_READY_SECONDS = 60
_WORKER_GRACE_SECONDS = 10


def dev(settings: Settings, listener: socket.socket) -> None:
    """Runs until SIGINT, SIGTERM or SIGHUP, then stops all it started; a second one ends it at once.

    PRUMO_HOME must be held, `listener` be bound. Raises CannotRun.
    """
    port = listener.getsockname()[1]  # another than the settings' when that is 0
    settings = settings.in_development().model_copy(update={"port": port})
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_dev(settings, listener))


async def _dev(settings: Settings, listener: socket.socket) -> None:
    services = Services(with_home_secret(settings))
    _stop_on_signals(services)
    begun = time.monotonic()
    try:
        async with services.running() as complete:
            async with step("migrating the database"):
                await migrate(complete)
            async with step("loading the demo data") as report, bootstrap(complete, listening=False) as parts:
                await _first_key(parts.contexts.identity.key_ring)
                await seed_demo(parts.database, parts.contexts, report)
            async with (
                _working(complete) as jobs,
                serving(complete, listener) as server,
                services.watched() as watch,
            ):
                async with step("starting the application"):
                    await _first(asyncio.create_task(_until_ready(listener)), server, jobs, watch)
                _welcome(complete, listener, time.monotonic() - begun)
                await _first(server, jobs, watch)
    except asyncio.CancelledError:
        say("Stopped.")


async def _first_key(ring: KeyRing) -> None:
    """In production an operator makes it."""
    made = await ring.make("prumo dev", only_first=True)
    if isinstance(made, KeysUnreadable):
        raise unreadable_keys(made.kids)


def _stop_on_signals(services: Services) -> None:
    """The first signal cancels the current task, which stops everything in order; the second does not wait."""
    loop, everything = asyncio.get_running_loop(), asyncio.current_task()
    assert everything is not None
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if stopping:
            services.kill()
            complain("forced to stop; the next start cleans up.")
            os._exit(130)
        stopping = True
        say("\nStopping; once more to force it …")
        everything.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(number, stop)


async def _first(*tasks: asyncio.Task[None]) -> None:
    """Wait until one of them ends; its failure is raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


@asynccontextmanager
async def _working(settings: Settings) -> AsyncIterator[asyncio.Task[None]]:
    """Run the worker in the background; it finishes the job at hand at the end of the block."""
    stop = asyncio.Event()

    async def work() -> None:
        await worker.run(settings, stop)
        if not stop.is_set():
            raise CannotRun("The worker ended by itself.")

    task = asyncio.create_task(work())
    try:
        yield task
    finally:
        stop.set()
        _, unfinished = await asyncio.wait([task], timeout=_WORKER_GRACE_SECONDS)
        if unfinished:
            task.cancel()
            await asyncio.wait([task])


async def _until_ready(listener: socket.socket) -> None:
    """Ask /readyz until it says 200."""
    deadline = time.monotonic() + _READY_SECONDS
    answer = "nothing"
    while time.monotonic() < deadline:
        with suppress(OSError):
            answer = await _ask_readiness(listener)
            if answer.startswith("HTTP/1.1 200"):
                return
        await asyncio.sleep(0.05)
    raise CannotRun(f"The application does not become ready; /readyz answers {answer}.")


async def _ask_readiness(listener: socket.socket) -> str:
    """The status line and the body."""
    host, port = listener.getsockname()[:2]
    host = reachable(host)
    reader, writer = await asyncio.open_connection(host.strip("[]"), port)
    try:
        writer.write(f"GET /readyz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).decode(errors="replace").partition("\r\n\r\n")
        status, *_ = head.split("\r\n")
        return f"{status} {body}"
    finally:
        writer.close()


def _welcome(settings: Settings, listener: socket.socket, seconds: float) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://{reachable(host)}:{port}"
    width = max(len(email) for email, _ in DEMO_ACCOUNTS)
    accounts = "\n".join(f"    {email:{width}}  {what}" for email, what in DEMO_ACCOUNTS)
    say(
        f"\nPrumo is ready after {seconds:.1f} s: {url}\n"
        f"    GraphQL, GraphiQL in a browser: {url}/graphql\n"
        f"    data and mail: {settings.home}\n\n"
        f"Demo accounts, password {DEMO_PASSWORD}:\n{accounts}\n\n"
        "Ctrl-C stops everything."
    )
