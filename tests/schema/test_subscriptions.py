"""Subscriptions that share: who is answered, how often, and who has a turn meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from schema.subscriptions import AT_ONCE, HANDED_AT_ONCE, MOST_WAITING, LeftBehind, Subscriptions


class Events:
    """Events that a test makes; `closed` once nobody listens any more."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[int | Exception | None] = asyncio.Queue()
        self.closed = False

    async def stream(self) -> AsyncIterator[int]:
        try:
            while (event := await self.queue.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed = True


class Answers:
    """Answers `event × 10`, and counts how many are being worked out."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.under_way = self.most = 0

    async def __call__(self, event: int, subscribers: int) -> str:
        self.asked.append((event, subscribers))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        return str(event * 10)


def failed(error: Exception) -> str:
    return f"failed: {error}"


async def turns(count: int = 20) -> None:
    """Let every task that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def heard(answers: AsyncIterator[str], into: list[str]) -> None:
    async for answer in answers:
        into.append(answer)  # noqa: PERF401 - one by one, as they come


async def test_one_key_is_answered_once_for_all_its_subscribers() -> None:
    subscriptions, events, answers = Subscriptions[str](), Events(), Answers()
    got: list[list[str]] = [[] for _ in range(600)]
    tasks = [
        asyncio.create_task(heard(subscriptions.join("key", events.stream(), answers, failed), each))
        for each in got
    ]
    await turns()
    events.queue.put_nowait(1)
    await turns(200)
    assert answers.asked == [(1, 600)]
    events.queue.put_nowait(None)
    await asyncio.gather(*tasks)
    assert got == [["10"]] * 600


async def test_other_keys_are_answered_by_themselves() -> None:
    subscriptions, answers = Subscriptions[str](), Answers()
    sources = {key: Events() for key in ("a", "b")}
    got: dict[str, list[str]] = {"a": [], "b": []}
    tasks = [
        asyncio.create_task(heard(subscriptions.join(key, events.stream(), answers, failed), got[key]))
        for key, events in sources.items()
    ]
    await turns()
    sources["a"].queue.put_nowait(1)
    sources["b"].queue.put_nowait(2)
    for events in sources.values():
        events.queue.put_nowait(None)
    await asyncio.gather(*tasks)
    assert got == {"a": ["10"], "b": ["20"]}


async def test_the_first_may_leave_and_the_last_ends_it() -> None:
    subscriptions, first_source, second_source, answers = Subscriptions[str](), Events(), Events(), Answers()
    first = subscriptions.join("key", first_source.stream(), answers, failed)
    second = subscriptions.join("key", second_source.stream(), answers, failed)
    waiting = [asyncio.create_task(anext(each)) for each in (first, second)]
    await turns()
    first_source.queue.put_nowait(1)
    assert await asyncio.gather(*waiting) == ["10", "10"]
    await first.aclose()
    first_source.queue.put_nowait(2)
    assert await anext(second) == "20"
    assert answers.asked == [(1, 2), (2, 1)]
    assert not first_source.closed
    await second.aclose()
    assert first_source.closed
    # Whoever comes now begins anew, with the own source.
    async with aclosing(subscriptions.join("key", second_source.stream(), answers, failed)) as third:
        second_source.queue.put_nowait(3)
        assert await anext(third) == "30"


async def test_a_failure_is_told_once_to_each_and_is_the_end() -> None:
    subscriptions, events, answers = Subscriptions[str](), Events(), Answers()
    told: list[Exception] = []

    def counted(error: Exception) -> str:
        told.append(error)
        return "sorry"

    got: list[list[str]] = [[], []]
    tasks = [
        asyncio.create_task(heard(subscriptions.join("key", events.stream(), answers, counted), each))
        for each in got
    ]
    await turns()
    events.queue.put_nowait(LookupError("away"))
    await asyncio.gather(*tasks)
    assert got == [["sorry"], ["sorry"]]
    assert len(told) == 1


async def test_who_takes_nothing_loses_the_subscription_and_nobody_else_does() -> None:
    subscriptions, events, answers = Subscriptions[str](), Events(), Answers()
    slow = subscriptions.join("key", events.stream(), answers, failed)
    first = asyncio.create_task(anext(slow))
    got: list[str] = []
    quick = asyncio.create_task(heard(subscriptions.join("key", events.stream(), answers, failed), got))
    await turns()
    for event in range(MOST_WAITING + 5):
        events.queue.put_nowait(event)
    events.queue.put_nowait(None)
    await quick
    assert got == [str(event * 10) for event in range(MOST_WAITING + 5)]
    taken = [await first]
    with pytest.raises(LeftBehind):
        async for answer in slow:
            taken.append(answer)  # noqa: PERF401 - what came before the exception is looked at
    assert taken == got[: len(taken)]
    assert len(taken) in (MOST_WAITING, MOST_WAITING + 1)


async def test_few_answers_are_worked_out_at_once() -> None:
    subscriptions, answers = Subscriptions[str](), Answers()
    sources = [Events() for _ in range(50)]
    tasks = [
        asyncio.create_task(heard(subscriptions.join(key, events.stream(), answers, failed), []))
        for key, events in enumerate(sources)
    ]
    await turns()
    for events in sources:
        events.queue.put_nowait(1)
        events.queue.put_nowait(None)
    await asyncio.gather(*tasks)
    assert len(answers.asked) == 50
    assert answers.most == AT_ONCE


async def test_others_have_turns_while_many_are_answered() -> None:
    """Counted in turns of the event loop: how many subscribers are handed an answer between two of them."""
    subscriptions, events = Subscriptions[str](), Events()
    handed = most = 0

    async def at_once(event: int, subscribers: int) -> str:
        return "done"  # without a turn of its own, as what needs no I/O

    async def subscribe() -> None:
        nonlocal handed
        async with aclosing(subscriptions.join("key", events.stream(), at_once, failed)) as answers:
            await anext(answers)
            handed += 1

    async def other() -> None:
        nonlocal handed, most
        while True:
            handed = 0
            await asyncio.sleep(0)
            most = max(most, handed)

    tasks = [asyncio.create_task(subscribe()) for _ in range(600)]
    bystander = asyncio.create_task(other())
    await turns()
    events.queue.put_nowait(1)
    await asyncio.gather(*tasks)
    bystander.cancel()
    assert 0 < most <= HANDED_AT_ONCE


async def test_a_backlog_of_events_gives_others_turns_too() -> None:
    subscriptions, events = Subscriptions[str](), Events()
    answered = most = 0

    async def at_once(event: int, subscribers: int) -> str:
        nonlocal answered
        answered += 1
        return "done"

    async def other() -> None:
        nonlocal answered, most
        while True:
            answered = 0
            await asyncio.sleep(0)
            most = max(most, answered)

    for event in range(50):
        events.queue.put_nowait(event)
    events.queue.put_nowait(None)
    bystander = asyncio.create_task(other())
    got: list[str] = []
    await heard(subscriptions.join("key", events.stream(), at_once, failed), got)
    bystander.cancel()
    assert len(got) == 50
    assert 0 < most <= AT_ONCE
