"""How a process of `prumo serve` is told to stop, and tells the proxy before it does.

A proxy goes on sending until its next look at /readyz. With PRUMO_DRAIN_SECONDS the server says there that it is
stopping, and serves on for so long; then uvicorn closes the listener and finishes what is under way.
"""

import asyncio
import multiprocessing
import signal
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Stopping:
    """Whether this process has been told to stop."""

    begun: bool = False


def drain_before_stopping(seconds: float) -> Stopping:
    """Put a drain before what uvicorn, whose handlers must be in place, does at SIGTERM and SIGINT.

    The death of the supervisor counts as a signal: its workers would keep the port from the next one. Of several
    signals, such as systemd's to every process and then the supervisor's, the first counts, and a second Ctrl-C.
    """
    stopping = Stopping()
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)
    assert callable(stop)

    def told(number: int, frame: FrameType | None) -> None:
        if not stopping.begun:
            stopping.begun = True
            loop.call_soon_threadsafe(loop.call_later, seconds, stop, number, frame)
        elif number == signal.SIGINT:
            stop(number, frame)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told)
    if (supervisor := multiprocessing.parent_process()) is not None:
        sentinel = supervisor.sentinel

        def orphaned() -> None:
            loop.remove_reader(sentinel)
            told(signal.SIGTERM, None)

        loop.add_reader(sentinel, orphaned)
    return stopping
