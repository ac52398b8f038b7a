"""`prumo worker`: delivers what the outbox holds to its consumers."""

import asyncio

from contexts.orders.api import ORDER_TOPICS
from contexts.shared.adapters.outbox import OutboxRelay
from gateway.settings import Settings
from gateway.wiring import wired


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Deliver until `stop` is set; the event at hand is finished first."""
    async with wired(settings, store=False, listening=False) as parts:
        handlers = dict.fromkeys(ORDER_TOPICS, parts.contexts.orders.mail)
        await OutboxRelay(parts.database, handlers).run(stop)
