"""The unit of work and what is written through it besides a context's own rows."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from contexts.shared.audit import Act, Json


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for consumers that run later. Kept in the outbox until one has handled it.

    `topic` is `context.thing_happened`; the payload holds ids and plain facts, never secrets.
    """

    topic: str
    payload: Mapping[str, Json]


class Transaction(Protocol):
    """A running unit of work. Leaving its block without `commit()` rolls everything back, events and audit included."""

    async def publish(self, event: Event) -> None:
        """Write the event to the outbox, in this transaction."""
        ...

    async def record(self, *acts: Act) -> None:
        """Write the acts to the audit trail, in this transaction: there is no change without its record."""
        ...

    async def commit(self) -> None:
        """Make all of it durable."""
        ...


class Transactions(Protocol):
    """Starts units of work."""

    def begin(self) -> AbstractAsyncContextManager[Transaction]: ...
