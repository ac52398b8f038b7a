"""The signing keys as one process knows them: read from the table again and again, kept when that is away."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from types import TracebackType
from typing import Final, Self

import asyncpg

from contexts.identity.adapters.signing_keys import SigningKey, SqlSigningKeys
from contexts.identity.domain.signing_key import Succession
from contexts.shared.unavailable import Unavailable

EVERY: Final = 10.0
"""Seconds between two readings; while nothing is known it is AT_ONCE."""
AT_ONCE: Final = 1.0
"""Seconds that must lie between two readings that tokens of unknown keys cause, whatever many come."""

log = logging.getLogger(__name__)


class NoSigningKey(Exception):
    """No key is known that signs: the table could not be read yet, or has none that our secrets unwrap."""


@dataclass(frozen=True, slots=True)
class Known:
    """Times of all keys, and those keys that are good and could be unwrapped. A reading that finds anything else makes
    another."""

    succession: Succession
    keys: Mapping[str, SigningKey]

    def signing(self, at: datetime) -> SigningKey | None:
        times = self.succession.signing(at)
        return None if times is None else self.keys.get(times.kid)

    def verifying(self, at: datetime) -> list[SigningKey]:
        return [self.keys[each.kid] for each in self.succession.verifying(at) if each.kid in self.keys]

    def key(self, kid: str) -> tuple[SigningKey, datetime | None] | None:
        """The key, and when its tokens are over; None: not known, or revoked."""
        key = self.keys.get(kid)
        if key is None:
            return None
        (times,) = (each for each in self.succession.keys if each.kid == kid)
        return key, self.succession.verifies_until(times)


class KnownSigningKeys:
    """Reads the table inside `async with`, every few seconds. `current` is what was read last.

    A key that is known stays known though the secret that wraps it is another by now: by its id it is the same.
    """

    def __init__(
        self, table: SqlSigningKeys, life: timedelta, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._table = table
        self._life = life
        self._monotonic = monotonic
        self.current = Known(Succession((), life), {})
        self._read_at = -inf
        self._failure: Exception | None = None
        self._reading: asyncio.Task[None] | None = None
        self._told = ""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        with suppress(Unavailable):
            await self.look_again()
        self._task = asyncio.create_task(self._keep_current())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._task is not None
        for task in (self._task, self._reading):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError, Unavailable):
                    await task

    async def look_again(self) -> None:
        """Read the table, unless somebody has done so within the last second: then theirs is the answer too."""
        if self._reading is None and self._monotonic() - self._read_at >= AT_ONCE:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._has_read)
        if self._reading is not None:
            await asyncio.shield(self._reading)  # who hangs up takes nobody's answer away
        if self._failure is not None:
            raise Unavailable("signing keys", self._failure) from self._failure

    async def _keep_current(self) -> None:
        while True:
            await asyncio.sleep(EVERY if self.current.keys else AT_ONCE)
            try:
                await self.look_again()
            except Unavailable:
                pass  # told by `_read`
            except Exception as error:
                # Whatever it is, it must not end the reading, which nobody would notice.
                log.error("signing keys cannot be read (%s), those known stay", type(error).__name__)

    def _has_read(self, task: asyncio.Task[None]) -> None:
        self._reading = None
        self._read_at = self._monotonic()

    async def _read(self) -> None:
        """`_failure` says why the table could not be read."""
        try:
            kept = await self._table.kept()
        except (Unavailable, asyncpg.PostgresError) as error:
            if self._failure is None:
                log.warning("signing keys cannot be read (%s), those known stay", type(error).__name__)
            self._failure = error
            return
        self._failure = None
        if not kept and self.current.keys:
            self._tell("the table of signing keys is empty, those known stay")
            return
        # Those that nobody here can unwrap count for who signs when: this process must not go on with another.
        succession = Succession((each.times for each in kept), self._life)
        keys: dict[str, SigningKey] = {}
        unreadable = []
        for each in kept:
            kid = each.times.kid
            if each.times.revoked_at is None:
                key = self.current.keys.get(kid) or self._table.wrapping.unwrap(each)
                if key is None:
                    unreadable.append(kid)
                else:
                    keys[kid] = key
        self._tell(f"signing keys cannot be unwrapped: {', '.join(unreadable)}" if unreadable else "")
        if succession.keys != self.current.succession.keys or keys.keys() != self.current.keys.keys():
            self.current = Known(succession, keys)

    def _tell(self, sentence: str) -> None:
        """Once, not at every reading."""
        if sentence and sentence != self._told:
            log.error(sentence)
        self._told = sentence
