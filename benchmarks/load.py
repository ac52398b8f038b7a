"""The load generator: keep-alive connections in a process of their own, every answer looked at.

`wrk` would be faster, but is no part of the registries we install from; this one spends some 0.1 ms a request,
which the servers, measured by their own CPU time, do not feel.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from typing import cast

import httptools
import uvloop

_PATIENCE = 20.0

Script = Sequence[bytes]
"""Whole HTTP requests, sent one after the other on one connection."""


@dataclass(frozen=True, slots=True)
class Load:
    """One script per connection, sent over and over for so many seconds, or once if it is not to be repeated."""

    port: int
    scripts: tuple[Script, ...]
    seconds: float
    repeated: bool = True


@dataclass(slots=True)
class Outcome:
    """What came back: the latency of each answer in seconds, and the first answer that was no success."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failure: str | None = None


def drive(load: Load) -> Outcome:
    """Run the load to its end; to be called in another process."""
    return uvloop.run(_drive(load))


async def _drive(load: Load) -> Outcome:
    loop = asyncio.get_running_loop()
    outcome = Outcome()
    begun = time.perf_counter()
    clients = []
    for script in load.scripts:
        requests = cycle(script) if load.repeated else iter(script)
        client = partial(_Client, requests, begun + load.seconds, outcome)
        clients.append((await loop.create_connection(client, "127.0.0.1", load.port))[1])
    _, unanswered = await asyncio.wait([client.done for client in clients], timeout=load.seconds + _PATIENCE)
    if unanswered:
        outcome.failure = (
            outcome.failure or f"{len(unanswered)} requests were not answered in {_PATIENCE:.0f} s"
        )
    outcome.seconds = time.perf_counter() - begun
    return outcome


class _Client(asyncio.Protocol):
    """One connection: sends a request, waits for the answer, sends the next."""

    def __init__(self, requests: Iterator[bytes], deadline: float, outcome: Outcome) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._deadline = deadline
        self._outcome = outcome
        self._parser = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._send_next()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._outcome.failure = self._outcome.failure or "the server closed the connection"
            self.done.set_result(None)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        body = b"".join(self._body)
        self._body.clear()
        if self._parser.get_status_code() != 200 or not succeeded(body):
            self._outcome.failure = f"{self._parser.get_status_code()}: {body[:500].decode(errors='replace')}"
            self._stop()
            return
        self._outcome.latencies.append(now - self._sent)
        if now < self._deadline and self._outcome.failure is None:
            self._send_next()
        else:
            self._stop()

    def _send_next(self) -> None:
        if (request := next(self._requests, None)) is None:
            self._stop()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def _stop(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        self._transport.close()


def succeeded(body: bytes) -> bool:
    """Neither GraphQL errors nor a refused mutation."""
    return b'"errors"' not in body and b'"error":{' not in body and b'"data":' in body
