"""The connections of one process: which of them are closed when there are too many, so that others are served.

A connection on which a client has not done its part (it has sent nothing, half a request, or does not read its answer)
is *waited for*. At every limit below it is the longest waited for that goes; one whose request is being answered never
does. So a client that sends its request at once is served, however many others keep us waiting.
"""

import asyncio
import errno
import os
import resource
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

import structlog

log = structlog.get_logger("prumo.connections")

WHOLE_BODIES = 64
"""Unfinished requests and unread answers of a process may hold as many bytes as so many of the largest bodies."""
SPARE_FILES = 32
"""Entries of the file table that connections leave to others: the database, the store, log files."""
LOOK_SECONDS = 1.0
TELL_SECONDS = 10.0
"""How often the log says that connections were closed because there were too many."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`head_seconds`: from accepting a connection, or the first byte of a later request, to the end of the headers.
    `body_seconds`: from there to the end of the body; both in all, however the bytes trickle in. `answer_seconds`:
    until the client has taken what the kernel did not take at once. `keep_alive_seconds`: from an answer to the first
    byte of the next request.

    `most`: connections of a process. `most_waited_for`: of one network address (docs/adr/0018).
    """

    head_seconds: float = 10
    body_seconds: float = 30
    answer_seconds: float = 30
    keep_alive_seconds: int = 75
    most: int = 4_000
    most_waited_for: int = 64
    max_body_bytes: int = 1_000_000


class Connection(Protocol):
    """What is asked of one of them."""

    held: int
    """Bytes kept for it, while it is waited for."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is owed to its client."""
        ...

    def give_way(self, reason: str) -> None:
        """End it now."""
        ...


@dataclass(slots=True)
class OpenConnections:
    """All of one process."""

    limits: ConnectionLimits
    _open: OrderedDict[Connection, None] = field(default_factory=OrderedDict)
    """Longest without an answer first."""
    _waited_for: OrderedDict[Connection, str | None] = field(default_factory=OrderedDict)
    """Longest first, with the address; None: a proxy's, which stands for many."""
    _by_address: dict[str, OrderedDict[Connection, None]] = field(default_factory=dict)
    _held: int = 0
    _highest_file: int = 0
    """0: not asked for yet; it is raised when the process begins to serve."""
    _closed: Counter[str] = field(default_factory=Counter)
    """By reason, since the log said so."""
    _next_told: float = 0.0
    _looking: bool = False

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Connection, file: int) -> None:
        """One more, with its number in the file table: the kernel gives the lowest that is free."""
        self._open[connection] = None
        if not self._looking:
            self._looking = True
            files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            self._highest_file = max(files - SPARE_FILES, files // 2)
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
        # As many as the number is too high: those closed before have left low numbers, which tell nothing.
        for _ in range(file - self._highest_file):
            self._make_room("files")
        if len(self._open) > self.limits.most:
            self._make_room("connections")

    def answered(self, connection: Connection) -> None:
        """It has been of use just now: others are closed before."""
        if connection in self._open:
            self._open.move_to_end(connection)

    def lost(self, connection: Connection) -> None:
        """It is closed, or a WebSocket from here on."""
        self.served(connection)
        self._open.pop(connection, None)

    def waits(self, connection: Connection, address: str | None, held: int) -> None:
        """The client's turn, on a connection that holds so many bytes; to be told again when they are more."""
        if connection not in self._waited_for:
            self._waited_for[connection] = address
            if address is not None:
                self._by_address.setdefault(address, OrderedDict())[connection] = None
        self._held += held - connection.held
        connection.held = held
        if address is not None and len(same := self._by_address[address]) > self.limits.most_waited_for:
            self._close(next(iter(same)), "address")
        while self._held > WHOLE_BODIES * self.limits.max_body_bytes:
            share = self._held / len(self._waited_for)
            self._close(next(each for each in self._waited_for if each.held >= share), "bytes")

    def served(self, connection: Connection) -> None:
        """The client has done its part. Harmless when it was not waited for."""
        if connection not in self._waited_for:
            return
        if (address := self._waited_for.pop(connection)) is not None:
            same = self._by_address[address]
            del same[connection]
            if not same:
                del self._by_address[address]
        self._held -= connection.held
        connection.held = 0

    def _make_room(self, reason: str) -> None:
        victim = next(iter(self._waited_for), None) or next(
            (each for each in self._open if each.is_idle), None
        )
        if victim is not None:
            self._close(victim, reason)

    def _close(self, victim: Connection, reason: str) -> None:
        self.lost(victim)
        victim.give_way(reason)
        self._closed[reason] += 1
        self._tell()

    def _tell(self, **more: object) -> None:
        """A line, but not one for each: a stranger decides how many there are."""
        if (now := asyncio.get_running_loop().time()) >= self._next_told:
            self._next_told = now + TELL_SECONDS
            log.warning("connections_closed", closed=dict(self._closed), open=len(self._open), **more)
            self._closed.clear()

    def _look(self) -> None:
        """Whether the file table is full of something else: libuv drops who comes then, and tells nobody."""
        asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
        try:
            os.close(os.dup(2))
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._tell(error=os.strerror(error.errno))
            self._make_room("files")


def raise_file_limit() -> None:
    """As many open files as this process may have; processes that it starts may have as many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
