"""A question that several fields of an operation have, asked once for all of them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer")


class Interrupted(Exception):
    """The question was cancelled while somebody waited for its answer."""


class Asked(Generic[Answer]):
    """A question on its way, and those who wait for its answer.

    It runs in a task of its own, so that it is none of theirs: a field that is cancelled takes the answer from
    nobody, and whoever waits gets the answer or an error. When the last of them is cancelled, so is the question.
    """

    __slots__ = ("_given_up", "_task", "_waiting")

    def __init__(self, question: Coroutine[Any, Any, Answer]) -> None:
        self._task = asyncio.ensure_future(question)
        self._waiting = 0
        self._given_up = False

    @property
    def given_up(self) -> bool:
        """Whether there will be no answer: whoever comes now has to ask again."""
        return self._given_up or self._task.cancelled()

    async def answer(self) -> Answer:
        """The answer. Raises what the question raised, and Interrupted when it was cancelled by somebody else."""
        if self._task.done() and not self._task.cancelled():
            return self._task.result()
        self._waiting += 1
        try:
            # Shielded: to cancel a task that waits cancels what it waits for.
            return await asyncio.shield(self._task)
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            raise Interrupted("the question was cancelled before it was answered") from error
        finally:
            self._waiting -= 1
            if not self._waiting and not self._task.done():
                self._given_up = True
                self._task.cancel()


def _is_cancelled() -> bool:
    """Whether it is the running task that somebody wants to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
