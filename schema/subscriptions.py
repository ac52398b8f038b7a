"""Subscriptions that ask the same: heard once, answered once, the answer handed to each (docs/adr/0012-throttle.md).

Which subscriptions are the same is the caller's to say, by the key: whatever changes an answer is in it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

AT_ONCE = 4
"""Answers worked out at once, of all subscriptions of the process. Each is mostly CPU, and what others ask is heard
between them: more at once would only make others wait."""
HANDED_AT_ONCE = 8
"""Subscribers that get an answer before others have a turn."""
MOST_WAITING = 100
"""Answers that wait for one subscriber, whose socket does not take them."""

Answer = TypeVar("Answer")


class LeftBehind(Exception):
    """The subscriber took so few answers that one would have been lost."""


@dataclass(slots=True, eq=False)
class Subscriber(Generic[Answer]):
    """Who waits for the answers of a stream. `lost`: there was no room for one, so no later one is given."""

    answers: asyncio.Queue[Answer | None]
    lost: bool = False

    def hand(self, answer: Answer | None) -> None:
        """One answer more, if none was lost before; None: there will be no more."""
        if self.answers.full():
            self.lost = True
        elif not self.lost:
            self.answers.put_nowait(answer)

    async def take(self) -> Answer | None:
        """The next answer, or None at the end. Raises LeftBehind after the last answer before a loss."""
        if self.lost and self.answers.empty():
            raise LeftBehind
        return await self.answers.get()


@dataclass(slots=True, eq=False)
class _Stream(Generic[Answer]):
    """One key's subscribers, and the task that answers its events."""

    subscribers: set[Subscriber[Answer]] = field(default_factory=set)
    task: asyncio.Task[None] | None = None


class Subscriptions(Generic[Answer]):
    """All subscriptions of a process, those of one key together."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._streams: dict[Hashable, _Stream[Answer]] = {}
        self._turns = asyncio.Semaphore(at_once)

    async def join(
        self,
        key: Hashable,
        events: AsyncIterable[Any],  # Any: each subscription has events of its own type
        answer: Callable[[Any, int], Awaitable[Answer]],
        failed: Callable[[Exception], Answer],
    ) -> AsyncGenerator[Answer, None]:
        """The answers to the events from now on.

        `answer` works one out for so many subscribers. `failed` says what they get when that, or the events, end in an
        exception: it is the last answer. Where the key is known, its events and its `answer` are used, not these.
        """
        subscriber: Subscriber[Answer] = Subscriber(asyncio.Queue(MOST_WAITING))
        stream = self._streams.get(key)
        idle = None if stream is None else events
        if stream is None:
            stream = self._streams[key] = _Stream()
            stream.task = asyncio.create_task(self._run(key, stream, events, answer, failed))
        stream.subscribers.add(subscriber)
        try:
            if isinstance(idle, AsyncGenerator):
                await idle.aclose()
            while (handed := await subscriber.take()) is not None:
                yield handed
        finally:
            stream.subscribers.discard(subscriber)
            if not stream.subscribers:
                await self._end(key, stream)

    async def _run(
        self,
        key: Hashable,
        stream: _Stream[Answer],
        events: AsyncIterable[Any],
        answer: Callable[[Any, int], Awaitable[Answer]],
        failed: Callable[[Exception], Answer],
    ) -> None:
        try:
            async for event in events:
                async with self._turns:
                    await _hand_out(stream, await answer(event, len(stream.subscribers)))
        except Exception as error:
            self._forget(key, stream)
            await _hand_out(stream, failed(error))
        finally:
            self._forget(key, stream)
            if isinstance(events, AsyncGenerator):
                await events.aclose()
        await _hand_out(stream, None)

    async def _end(self, key: Hashable, stream: _Stream[Answer]) -> None:
        """Nobody is left. Whoever comes now begins anew."""
        self._forget(key, stream)
        if stream.task is not None:
            stream.task.cancel()
            await asyncio.wait([stream.task])

    def _forget(self, key: Hashable, stream: _Stream[Answer]) -> None:
        if self._streams.get(key) is stream:
            del self._streams[key]


async def _hand_out(stream: _Stream[Answer], answer: Answer | None) -> None:
    """To a few at a time: each of them writes to its socket at once, and others have to be heard in between."""
    for index, subscriber in enumerate(tuple(stream.subscribers)):
        if index % HANDED_AT_ONCE == 0:
            await asyncio.sleep(0)
        subscriber.hand(answer)
