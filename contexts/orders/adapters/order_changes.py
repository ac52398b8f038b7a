"""Changes of orders, heard from PostgreSQL: one listening connection a process, however many subscribers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import UUID

from contexts.orders.adapters.orders import ORDER_CHANNEL
from contexts.orders.domain.customer import EveryAccount, OwnAccount, Portfolio, Reach
from contexts.orders.ports import Buyers
from contexts.shared.adapters.database import Database

WAITING_CHANGES = 1_000
"""A subscriber that lags this far behind loses its oldest changes: each event shows the order as it is now."""

Change = tuple[UUID, UUID]
"""Account and order."""


class ListenedOrderChanges:
    """Listens inside `async with`. Changes made while the database is away are not heard."""

    def __init__(self, database: Database, buyers: Buyers) -> None:
        self._database = database
        self._buyers = buyers
        self._subscribers: set[asyncio.Queue[Change]] = set()
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

    async def within(self, reach: Reach) -> AsyncGenerator[UUID, None]:
        """The orders within reach that change from now on, by id; without end."""
        queue: asyncio.Queue[Change] = asyncio.Queue(WAITING_CHANGES)
        self._subscribers.add(queue)
        try:
            while True:
                account_id, order_id = await queue.get()
                if await self._reaches(reach, account_id):
                    yield order_id
        finally:
            self._subscribers.discard(queue)

    async def _reaches(self, reach: Reach, account_id: UUID) -> bool:
        match reach:
            case OwnAccount(own):
                return own == account_id
            case Portfolio(rep_id):
                return account_id in await self._buyers.portfolio_of(rep_id)
            case EveryAccount():
                return True

    def _heard(self, payload: str | None) -> None:
        if payload is None:
            return
        account, _, order = payload.partition(":")
        change = UUID(account), UUID(order)
        for queue in self._subscribers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(change)
