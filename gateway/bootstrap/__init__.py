"""Puts ports and adapters together: a module for each context, and `bootstrap`, which processes and tests begin with.

The only package that knows which technology stands behind which port.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from contexts.identity.adapters.retention import OF_IDENTITY
from contexts.orders.adapters.retention import OF_ORDERS
from contexts.shared.adapters.audit import SqlAuditTrail
from contexts.shared.adapters.database import Database
from contexts.shared.adapters.retention import OF_SHARED
from contexts.shared.clock import Clock, SystemClock
from gateway import metrics
from gateway.bootstrap.catalog import bootstrap_catalog
from gateway.bootstrap.identity import bootstrap_identity
from gateway.bootstrap.orders import bootstrap_orders
from gateway.bootstrap.pricing import bootstrap_pricing
from gateway.settings import Settings
from resolvers.vocabulary.context import Contexts

RETENTION_RULES = (*OF_SHARED, *OF_IDENTITY, *OF_ORDERS)
"""Rows the worker deletes when they are over."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The contexts, ready to be used, and what the process itself needs besides them."""

    contexts: Contexts
    database: Database
    clock: Clock


@asynccontextmanager
async def bootstrap(
    settings: Settings, clock: Clock | None = None, *, store: bool = True, listening: bool = True
) -> AsyncIterator[Parts]:
    """The contexts on the services the settings name; connections are closed when the block ends.

    A command that touches no image does without the `store`, one that follows no order without `listening`.
    """
    if settings.database_url is None or (store and not settings.names_store):
        raise ValueError("the services must be named here; the embedded ones are filled in before")
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        database = Database(
            url=settings.database_url,
            direct_url=settings.database_direct_url,
            pool_size=settings.database_pool,
        )
        stack.push_async_callback(database.close)
        if listening and settings.replica_url is not None:
            observer = metrics.Reads()
            await stack.enter_async_context(
                database.replicated(settings.replica_url, settings.replica_max_lag_seconds, observer)
            )
        identity = await stack.enter_async_context(
            bootstrap_identity(settings=settings, database=database, clock=clock, listening=listening)
        )
        catalog = await stack.enter_async_context(
            bootstrap_catalog(settings=settings, database=database, clock=clock, store=store)
        )
        pricing = bootstrap_pricing(database=database, clock=clock, catalog=catalog, identity=identity)
        orders = await stack.enter_async_context(
            bootstrap_orders(
                settings=settings,
                database=database,
                clock=clock,
                catalog=catalog,
                pricing=pricing,
                identity=identity,
                listening=listening,
            )
        )
        contexts = Contexts(
            catalog=catalog,
            pricing=pricing,
            orders=orders,
            identity=identity,
            audit_trail=SqlAuditTrail(database),
        )
        yield Parts(contexts=contexts, database=database, clock=clock)
