"""Changes of orders, heard from PostgreSQL: one listening connection a process, however many subscribers.

Of a change the order is read once for all who see it, and so are the sales reps of its account. Who does not see it
is passed over without a statement.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar
from uuid import UUID

from contexts.orders.adapters.orders import ORDER_CHANNEL
from contexts.orders.domain.customer import EveryAccount, OwnAccount, Portfolio, RowScope
from contexts.orders.domain.order import Order
from contexts.orders.ports import Buyers, Orders
from contexts.shared.adapters.database import Database

WAITING_CHANGES = 1_000
"""A subscriber that lags this far behind loses its oldest changes: each event shows the order as it is now."""

Answer = TypeVar("Answer")


class _Once(Generic[Answer]):
    """Something asked when the first one wants it, for all who want it. Whoever gives up stops nobody else."""

    def __init__(self, ask: Callable[[], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._asked: asyncio.Future[Answer] | None = None

    async def __call__(self) -> Answer:
        if self._asked is None:
            self._asked = asyncio.ensure_future(self._ask())
        return await asyncio.shield(self._asked)


@dataclass(frozen=True, slots=True)
class _Change:
    """`reps`: who look after the account. `order`: as it is when the first subscriber comes to it."""

    account_id: UUID
    reps: _Once[frozenset[UUID]]
    order: _Once[Order | None]

    async def is_within(self, reach: RowScope) -> bool:
        match reach:
            case OwnAccount(own):
                return own == self.account_id
            case Portfolio(rep_id):
                return rep_id in await self.reps()
            case EveryAccount():
                return True


@dataclass(frozen=True, slots=True, eq=False)
class _Subscriber:
    reach: RowScope
    waiting: asyncio.Queue[_Change]

    def hear(self, change: _Change) -> None:
        """Other buyers' orders do not even wake a buyer's subscription."""
        if isinstance(self.reach, OwnAccount) and self.reach.account_id != change.account_id:
            return
        if self.waiting.full():
            self.waiting.get_nowait()
        self.waiting.put_nowait(change)


class ListenedOrderChanges:
    """Listens inside `async with`. Changes made while the database is away are not heard."""

    def __init__(self, database: Database, orders: Orders, buyers: Buyers) -> None:
        self._database = database
        self._orders = orders
        self._buyers = buyers
        self._subscribers: set[_Subscriber] = set()
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listening = asyncio.create_task(self._database.listen(ORDER_CHANNEL, self._heard))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    async def within(self, reach: RowScope) -> AsyncGenerator[Order, None]:
        """The orders within reach that change from now on; without end."""
        subscriber = _Subscriber(reach, asyncio.Queue(WAITING_CHANGES))
        self._subscribers.add(subscriber)
        try:
            while True:
                change = await subscriber.waiting.get()
                if await change.is_within(reach) and (order := await change.order()) is not None:
                    yield order
        finally:
            self._subscribers.discard(subscriber)

    def _heard(self, payload: str | None) -> None:
        if payload is None:
            return
        account, _, order = payload.partition(":")
        change = self._change(UUID(account), UUID(order))
        for subscriber in self._subscribers:
            subscriber.hear(change)

    def _change(self, account_id: UUID, order_id: UUID) -> _Change:
        async def order() -> Order | None:
            # One reading for every reach: the change says whose order it is, and that never changes.
            return (await self._orders.by_ids(EveryAccount(), [order_id])).get(order_id)

        return _Change(account_id, _Once(lambda: self._buyers.reps_of(account_id)), _Once(order))
