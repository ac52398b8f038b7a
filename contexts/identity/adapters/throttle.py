"""Failures to sign in and mails asked for, counted in PostgreSQL: all processes share one count."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from weakref import WeakValueDictionary

from sqlalchemy import DateTime, Double, Integer, Interval, case, delete, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from contexts.identity.adapters.tables import sign_in_failures as counts
from contexts.identity.domain.user import mailbox
from contexts.identity.ports import SIGN_IN, TooManyAttempts
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.clock import Clock
from contexts.shared.network import network
from contexts.shared.transaction import Transaction

LIMIT: Final = 9
"""Wrong passwords in a row that are verified; the one after them is refused."""
ADDRESS_LIMIT: Final = 100
"""The same from one network, for all e-mail addresses together: an office has many people."""
FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(minutes=15)
"""Each failure after a wait doubles the wait, up to this."""
FORGOTTEN_AFTER: Final = timedelta(hours=1)
"""Without another failure."""


@dataclass(frozen=True, slots=True)
class _Count:
    """What failures are counted for: a hash, because the table need not know who tries to sign in where."""

    key: bytes
    limit: int

    @classmethod
    def of(cls, limit: int, *parts: str) -> "_Count":
        return cls(hashlib.sha256("\0".join(parts).encode()).digest(), limit)


@dataclass(frozen=True, slots=True)
class _Attempt:
    person: _Count
    place: _Count | None
    is_last: bool

    async def forgive(self, transaction: Transaction) -> None:
        """The person's count begins anew. The place gets back this attempt only, so that who signs in to an
        account of their own between two guesses gains nothing."""
        connection = connection_of(transaction)
        await connection.execute(delete(counts).where(counts.c.key == self.person.key))
        if self.place is not None:
            await connection.execute(
                update(counts)
                .where(counts.c.key == self.place.key)
                .values(failures=func.greatest(counts.c.failures - 1, 0))
            )


class SqlThrottle:
    """An attempt is charged before the password is looked at, and forgiven when it was right: however many come
    at once, no more than the limit are verified."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def attempt(
        self, what: str, email: str, address: str | None, *, seen_here: bool
    ) -> AsyncIterator[_Attempt | TooManyAttempts]:
        person = _person(what, email, address if seen_here else None)
        # Those seen here have a count of the place to themselves, which keeps nobody out: it is there so that an
        # attempt takes as long as anybody else's.
        place = (
            None
            if address is None
            else _Count.of(ADDRESS_LIMIT, what, "address", network(address), *(["seen"] if seen_here else []))
        )
        # Those of one person take turns: what is charged to an attempt under way is no failure yet.
        async with self._turns.setdefault(person.key, asyncio.Lock()):
            # After the turn has come: time passed while others had theirs.
            yield await self._charge(person, place, self._clock.now(), seen_here=seen_here)

    async def release(self, transaction: Transaction, email: str, address: str | None) -> None:
        keys = {_person(SIGN_IN, email, place).key for place in (None, address)}
        await connection_of(transaction).execute(delete(counts).where(counts.c.key.in_(keys)))

    async def _charge(
        self, person: _Count, place: _Count | None, at: datetime, *, seen_here: bool
    ) -> _Attempt | TooManyAttempts:
        """Both counts or neither; everybody takes the person's row first, so nobody deadlocks."""
        is_last = False
        async with self._database.begin() as transaction:
            for count in (person, place):
                if count is None:
                    continue
                failures = await _charged(transaction, count, at)
                if isinstance(failures, TooManyAttempts):
                    if count is person or not seen_here:
                        return failures
                    place = None
                    continue
                is_last = is_last or failures >= count.limit
            await transaction.commit()
        return _Attempt(person, place, is_last)


def _person(what: str, email: str, address: str | None) -> _Count:
    """Who signs in is known by their e-mail address as such, or on a network they have been seen on. Whatever else
    is attempted ends in a mail to a mailbox, which has many addresses and one count for all of them."""
    counted = email.lower() if what == SIGN_IN else mailbox(email)
    return _Count.of(LIMIT, what, "email", counted, *([] if address is None else [network(address)]))


async def _charged(transaction: Transaction, count: _Count, at: datetime) -> int | TooManyAttempts:
    """The failures with this one."""
    connection = connection_of(transaction)
    now = literal(at, DateTime(timezone=True))
    new = case((counts.c.forgotten_at <= now, 1), else_=counts.c.failures + 1)
    waits = new - literal(count.limit, Integer)
    seconds = FIRST_WAIT.total_seconds() * func.power(literal(2.0, Double), func.least(waits, 16))
    wait = func.make_interval(
        0, 0, 0, 0, 0, 0, func.least(seconds, LONGEST_WAIT.total_seconds()), type_=Interval
    )
    # As it was, not now: of two at once the one that looked at its clock first may come second.
    free_at = case((waits < 0, counts.c.free_at), else_=now + wait)
    failures: int | None = await connection.scalar(
        insert(counts)
        .values(key=count.key, failures=1, free_at=at - LONGEST_WAIT, forgotten_at=at + FORGOTTEN_AFTER)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={"failures": new, "free_at": free_at, "forgotten_at": at + FORGOTTEN_AFTER},
            # Below the limit no clock is asked: that of another process may be ahead, or have been set back.
            where=or_(counts.c.failures < count.limit, counts.c.free_at <= now),
        )
        .returning(counts.c.failures)
    )
    if failures is not None:
        return failures
    retry_at: datetime | None = await connection.scalar(
        select(counts.c.free_at).where(counts.c.key == count.key)
    )
    return TooManyAttempts(retry_at or at)
