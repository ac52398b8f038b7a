"""`prumo worker`: delivers what the outbox holds to its consumers."""

import asyncio

from contexts.identity.api import PERSON_TOPICS
from contexts.orders.api import ORDER_TOPICS
from contexts.shared.adapters.outbox import Handler, OutboxRelay
from gateway.settings import Settings
from gateway.wiring import wired


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Deliver until `stop` is set; the event at hand is finished first."""
    async with wired(settings, store=False, listening=False) as parts:
        contexts = parts.contexts
        handlers: dict[str, Handler] = {
            **dict.fromkeys(ORDER_TOPICS, contexts.orders.mail),
            **dict.fromkeys(PERSON_TOPICS, contexts.identity.mail_person),
        }
        await OutboxRelay(parts.database, handlers).run(stop)
