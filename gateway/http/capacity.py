"""How much is answered at once, and for how long: what is beyond is refused before it takes memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType

from graphql import GraphQLError

RETRY_AFTER_SECONDS = 1


@dataclass(slots=True)
class Capacity:
    """Of one process, over HTTP and websockets together. A subscription that waits for events is in nobody's way.

    `most`: operations at once. `seconds`: until one is given up, its SQL cancelled; over HTTP the time in which
    its body arrives is part of them.
    """

    most: int
    seconds: float
    taken: int = 0

    @property
    def is_exhausted(self) -> bool:
        """Whether one more has to be refused."""
        return self.taken >= self.most

    def __enter__(self) -> None:
        """One more is being answered inside the block."""
        self.taken += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.taken -= 1

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
            raise GraphQLError(self.too_slow, extensions={"code": "TIMEOUT"}) from None

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
