"""`prumo worker`: delivers what the outbox holds to its consumers, and deletes what is over."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from contexts.identity.api import (
    ACCOUNT_CHANGED,
    PERSON_TOPICS,
    REGISTERED_AGAIN,
    USER_INVITED,
    Repetitions,
)
from contexts.orders.api import ORDER_TOPICS
from contexts.shared.adapters.outbox import Handler, OutboxRelay
from contexts.shared.adapters.retention import EVERY, keep_deleting
from contexts.shared.clock import Clock
from gateway.bootstrap import RETENTION_RULES, bootstrap
from gateway.settings import Settings

LANES = 4
"""Mails at once: a server that hangs over one of them holds up no other."""

log = logging.getLogger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Deliver until `stop` is set; the events at hand are finished first."""
    # A lane holds a connection, and its handler may need another.
    pool = max(2, settings.database_pool)
    own = settings.model_copy(update={"database_pool": pool})
    async with bootstrap(own, store=False, listening=False) as parts:
        contexts = parts.contexts
        handlers: dict[str, Handler] = {
            **dict.fromkeys(ORDER_TOPICS, contexts.orders.mail),
            **dict.fromkeys(PERSON_TOPICS, contexts.identity.mail_person),
            ACCOUNT_CHANGED: contexts.identity.onboarding.mail_change,
            REGISTERED_AGAIN: contexts.identity.onboarding.mail_registered_again,
            USER_INVITED: contexts.identity.personnel.mail_invitation,
        }
        tidying = [
            asyncio.create_task(keep_deleting(parts.database, RETENTION_RULES)),
            asyncio.create_task(_keep_telling(contexts.identity.repetitions, parts.clock)),
        ]
        try:
            await OutboxRelay(parts.database, handlers, min(LANES, pool // 2)).run(stop)
        finally:
            for task in tidying:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def _keep_telling(repetitions: Repetitions, clock: Clock, every: timedelta = EVERY) -> None:
    """Tell the audit trail how often things were done on days that are over. Outlives the database's absence."""
    while True:
        try:
            await repetitions.tell_over(clock.now())
        except Exception as error:
            # Whatever it is: the worker would go on without anybody noticing that nothing is told.
            log.warning("repetitions are told later: %s: %s", type(error).__name__, error)
        await asyncio.sleep(every.total_seconds())
