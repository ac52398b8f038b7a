"""How much is answered at once, and for how long: what is beyond is refused before it takes memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType

from graphql import GraphQLError

from resolvers.vocabulary.extension_codes import ExtensionCode, coded

RETRY_AFTER_SECONDS = 1
STUCK_SECONDS = 1.0
"""Exhausted for so long, and not one operation has ended: nothing is answered. A busy process is exhausted again and
again, but its operations end; a proxy should go on sending there."""


@dataclass(slots=True)
class Capacity:
    """Of one process, over HTTP and websockets together. A subscription that waits for events is in nobody's way.

    `most`: operations at once. `seconds`: until one is given up, its SQL cancelled. Over HTTP both begin when all of
    the request is there.
    """

    most: int
    seconds: float
    clock: Callable[[], float] = time.monotonic
    taken: int = 0
    _exhausted_at: float = 0.0

    @property
    def is_exhausted(self) -> bool:
        """Whether one more has to be refused."""
        return self.taken >= self.most

    @property
    def is_stuck(self) -> bool:
        """Whether nothing is answered at present, so that requests had better be sent elsewhere."""
        return self.is_exhausted and self.clock() - self._exhausted_at >= STUCK_SECONDS

    def __enter__(self) -> None:
        """One more is being answered inside the block."""
        self.taken += 1
        if self.taken == self.most:
            self._exhausted_at = self.clock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.taken -= 1
        if self.taken >= self.most:  # events of subscriptions, which are not refused
            self._exhausted_at = self.clock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """For what is answered of our own accord, the events of a subscription: it counts, and is given up with a
        GraphQLError when it takes too long, but is not refused."""
        deadline = asyncio.timeout(self.seconds)
        try:
            with self:
                async with deadline:
                    yield
        except TimeoutError:
            if not deadline.expired():
                raise
            raise GraphQLError(self.too_slow, extensions=coded(ExtensionCode.TIMEOUT)) from None

    @property
    def exhausted(self) -> str:
        """What those are told who come when it is exhausted."""
        return f"{self.most} operations are being answered already; try again in {RETRY_AFTER_SECONDS} s."

    @property
    def too_slow(self) -> str:
        """What those are told who were given up."""
        return (
            f"Not answered within {self.seconds:g} s, and given up. Ask for less, or try again later; a mutation"
            " may have taken effect, so repeat it with the same idempotency key."
        )
