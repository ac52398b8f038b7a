"""Waiting for what sets no event: another process, PostgreSQL, a file, a log.

The only place in the tests that sleeps (tests/test_house_rules.py). A test states the condition it waits for; how
long that takes is the machine's matter, and PATIENCE only ends a test that would hang.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE = 60.0
"""Seconds, far more than any condition needs on a busy machine."""
_PAUSE = 0.02


async def until(condition: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    """Returns when the condition, or what it has awaited, is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await _answer(condition):  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(_PAUSE)


def until_now(condition: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    """The same without an event loop, and for tests that must not give the loop a turn. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not true after {seconds:g} s")
        time.sleep(_PAUSE)


async def _answer(condition: Callable[[], object]) -> object:
    asked = condition()
    return await asked if isinstance(asked, Awaitable) else asked
